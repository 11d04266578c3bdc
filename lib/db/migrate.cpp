#include "lib/db/migrate.h"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Transaction.h>
#include <fmt/format.h>

namespace kiln::db {

int user_version(SQLite::Database& db) {
  return db.execAndGet("PRAGMA user_version").getInt();
}

Status check_not_newer(SQLite::Database& db, std::span<const Migration> steps) {
  const int newest = steps.empty() ? 0 : steps.back().number;
  const int version = user_version(db);
  if (version <= newest) return {};
  return fail(
      Error(ErrorKind::kBadInput,
            fmt::format("the database has version {}, this Kiln knows up to {}", version, newest))
          .with_hint("it was written by a newer Kiln: use that one"));
}

Status migrate(SQLite::Database& db, std::span<const Migration> steps) {
  const int newest = steps.empty() ? 0 : steps.back().number;
  for (const Migration& step : steps) {
    SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
    // Looked at inside the transaction: another process may have been faster.
    const int version = user_version(db);
    if (version > newest) break;
    if (version >= step.number) continue;
    if (version != step.number - 1) {
      return fail(ErrorKind::kInternal,
                  fmt::format("no migration leads from version {} to {}", version, step.number));
    }
    db.exec(step.sql);
    db.exec(fmt::format("PRAGMA user_version = {}", step.number));
    transaction.commit();
  }
  return check_not_newer(db, steps);
}

}  // namespace kiln::db
