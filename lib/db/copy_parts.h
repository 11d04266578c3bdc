#pragma once
/// What opening a database and copying one share. Only for this folder.
#include <SQLiteCpp/Database.h>

#include "lib/base/result.h"
#include "lib/os/files.h"

namespace kiln::db {

/// Refuses a file that some other program made. May throw SQLite::Exception.
Status check_owner(SQLite::Database& db, const os::Path& file);

/// Before the schema of an older database changes: a copy beside it. May throw SQLite::Exception.
Status keep_before_migration(SQLite::Database& db, const os::Path& file);

}  // namespace kiln::db
