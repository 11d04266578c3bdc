#pragma once
/// Numbered steps from one version of the schema to the next, from migrations/NNNN_name.sql.
/// Only for this folder.
#include <span>

#include "lib/base/result.h"

namespace SQLite {
class Database;
}

namespace kiln::db {

struct Migration {
  int number;  ///< of the version it leads to: 1, 2, 3 ...
  const char* name;
  const char* sql;
};

/// All that this Kiln knows, in order.
std::span<const Migration> migrations();

/// Applies what is missing, each in one transaction that also sets user_version: a crash leaves one
/// version or the next. kBadInput when the file is newer than the list. May throw
/// SQLite::Exception.
Status migrate(SQLite::Database& db, std::span<const Migration> steps);

/// kBadInput when the file is newer than the list. May throw SQLite::Exception.
Status check_not_newer(SQLite::Database& db, std::span<const Migration> steps);

int user_version(SQLite::Database& db);

}  // namespace kiln::db
