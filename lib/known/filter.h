#pragma once
/// A known issue as a filter over what boots showed. Plain data and pure functions.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"

namespace kiln::known {

/// What a filter covers, why, and until when. An empty field asks for nothing.
struct Filter {
  int64_t id = 0;                     ///< 0 = not stored yet
  std::string machine;                ///< glob over the machine's name
  std::string tag;                    ///< glob, of any of the machine's tags
  std::string config;                 ///< glob
  std::string test;                   ///< glob
  std::vector<std::string> outcomes;  ///< igt_runner's words, "missing" for no result; any of them
  std::string signature;              ///< glob over signatures of kernel reports
  std::string text;                   ///< RE2, ^ and $ match at lines: reason, kernel's words
  std::string author;
  std::string reason;
  std::string link;
  WallTime created{};
  std::optional<WallTime> expires;  ///< runs that end later are not covered; none = never
  bool removed = false;
  bool operator==(const Filter&) const = default;
};

/// Is the filter one that may be stored? kBadInput says what is wrong and the mend. A filter has an
/// author and a reason, asks for a test, a signature or a text, and may not silence what the kernel
/// said (dmesg-warn, dmesg-fail) without naming it.
Status check(const Filter& filter);

/// Does the filter hold for a run that ended (or, still running, is looked at) then?
bool holds(const Filter& filter, WallTime ended);

/// What it covers, as one line: "on gen9, in *-highmem, igt@gem_pread@* that ends as fail, with
/// the kernel report `oops: shmem_pread`".
std::string describe(const Filter& filter);

/// For the audit. from_json: kBadInput for anything that to_json did not write.
std::string to_json(const Filter& filter);
Result<Filter> from_json(const std::string& json);

}  // namespace kiln::known
