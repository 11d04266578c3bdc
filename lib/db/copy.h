#pragma once
/// Copies of the whole database: of one that is in use, and before its schema changes.
#include <cstdint>
#include <functional>
#include <vector>

#include "lib/base/result.h"
#include "lib/db/database.h"
#include "lib/os/files.h"

namespace kiln::db {

struct DatabaseCopy {
  int version = 0;  ///< of its schema
  uint64_t bytes = 0;
};

/// The state of one instant of a database that other processes may be writing, as one file that
/// stands alone, checked and on disk. `to` is replaced; it appears whole or not at all. `progress`
/// gets the part that is done, 0 to 1, and stops the copy (kCancelled) by false. An older Kiln's
/// database is copied as it is; kBadInput for one of nobody we know, or of a newer Kiln.
Result<DatabaseCopy> copy_database(const os::Path& from, const os::Path& to,
                                   const std::function<bool(double)>& progress = {});

/// What open() keeps of a database of an older Kiln before it changes its schema: kiln.db.v7.bak
/// beside kiln.db. Of such copies the newest three stay.
os::Path backup_before_migration(const os::Path& file, int version);

/// For a database that comes out of a backup: numbers of runs, sessions and leases that may have
/// been given out since are passed over, so that none means two things.
Status skip_numbers(Database& database);

}  // namespace kiln::db
