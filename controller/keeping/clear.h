#pragma once
/// Takes away what no run that is kept refers to: logs, result folders, kernels and jobs' files.
/// Rows stay, and with them results, findings, verdicts and reports.
#include <functional>
#include <set>
#include <string>

#include "kiln/v1/keeping.pb.h"
#include "lib/base/clock.h"
#include "lib/blob/blob_store.h"
#include "lib/db/database.h"
#include "lib/keep/rules.h"
#include "lib/os/files.h"

namespace kiln::controller {

struct ClearOptions {
  os::Path data_dir;
  keep::Rules rules;
  bool dry_run = false;  ///< say what would go, change nothing
  /// What no row names (yet) stays so long: a session's logs come before its end.
  Millis min_age{24 * 3'600'000};
  /// Artifacts that only somebody's memory names, asked for once the runs are decided.
  std::function<std::set<std::string>()> in_use{};
};

/// First the runs are marked, then files go: killed at any instant, the next call ends it, and what
/// a kept run refers to is never touched. kConflict while a backup is made.
Result<v1::ClearReport> clear_away(db::Database& database, blob::BlobStore& blobs,
                                   const ClearOptions& options, const Clock& clock);

}  // namespace kiln::controller
