#pragma once
/// What the database refers to in the artifact store, and the lock between those who copy that and
/// those who take away what nobody refers to.
#include <set>
#include <string>

#include "lib/base/clock.h"
#include "lib/db/database.h"
#include "lib/os/files.h"

namespace kiln::controller {

/// Each artifact that a row of a run names which has its artifacts, ends of sessions that did not
/// count included. `as_cleared`: as if these runs had been let go of, too.
Result<std::set<std::string>> references(db::Database& database,
                                         const std::set<int64_t>& as_cleared = {});

/// Held while a backup is made and while artifacts are cleared away: between the database's copy
/// and the last artifact's none may go. Waits up to `patience`, then kConflict.
Result<os::FileLock> lock_artifacts(const os::Path& data_dir, Millis patience);

}  // namespace kiln::controller
