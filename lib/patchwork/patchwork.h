#pragma once
/// A run's verdict as checks in Patchwork, in its two dialects: patchwork's own (checks of patches,
/// POST /api/1.2/patches/ID/checks/) and freedesktop.org's (test results of a series' revision,
/// POST /api/1.0/series/ID/revisions/N/test-results/).
#include <functional>
#include <string>
#include <vector>

#include "kiln/v1/report.pb.h"
#include "lib/base/result.h"
#include "lib/http/client.h"

namespace kiln::patchwork {

enum class Dialect { kPatchwork, kFreedesktop };

/// How to post: the configuration file, never part of a job.
struct Config {
  Dialect dialect = Dialect::kPatchwork;
  std::string url;               ///< "https://patchwork.example.org", without /api
  std::string token;             ///< of the account that posts
  std::string project;           ///< linkname, "intel-gfx"; freedesktop.org needs it
  std::string context = "kiln";  ///< the check's name: letters, digits, - and _
  std::string target_url;        ///< of the full report; {run} is its number; "" = none
};

/// kBadInput with file:line for whatever is wrong in it; kPermission when others may read the
/// token; kNotFound when it is not there.
Result<Config> load_config(const std::string& path);

/// One check, before ids are known.
struct Check {
  int patch = 0;      ///< from 1; 0 = the whole series
  std::string state;  ///< in the dialect's words
  std::string context;
  std::string description;
  std::string target_url;
};

/// What a run says: patchwork gets a check of each patch (the last one stands for the series),
/// freedesktop.org one of the series. kBadInput when the run has no verdict on the series: what the
/// machines did is nothing to tell a list.
Result<std::vector<Check>> checks_of(const v1::RunReport& report, const Config& config);

/// The requests as text, ids that only the server knows in braces; the token is left out.
std::string dry_run(const std::vector<Check>& checks, const v1::RunReport& report,
                    const Config& config);

/// Where to post; empty fields are asked of the server.
struct Target {
  int64_t series = 0;
  int revision = 0;  ///< freedesktop.org
};
/// "1234" or "1234/2".
Result<Target> parse_target(const std::string& text);

/// Finds the series (by its mails, or its name at freedesktop.org), and posts. `told` gets a line
/// for each check that was taken. A check posted again replaces the one before it (freedesktop.org)
/// or is the newest of its context (patchwork), so that posting may be repeated.
Status post(const std::vector<Check>& checks, const v1::RunReport& report, const Config& config,
            const Target& target, http::Client& client,
            const std::function<void(const std::string&)>& told);

}  // namespace kiln::patchwork
