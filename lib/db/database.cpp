#include "lib/db/database.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include "lib/db/copy_parts.h"
#include "lib/db/migrate.h"
#include "lib/db/sql.h"

namespace kiln::db {
namespace {

constexpr int kBusyMillis = 10'000;
constexpr int kApplicationId = 0x4b696c6e;  // "Kiln"

void set_up(SQLite::Database& db) {
  db.exec("PRAGMA foreign_keys = ON");
  db.exec("PRAGMA trusted_schema = OFF");
  db.exec("PRAGMA synchronous = FULL");  // a commit that returned survives a power cut
  db.exec("PRAGMA temp_store = MEMORY");
}

}  // namespace

Status check_owner(SQLite::Database& db, const os::Path& file) {
  const int owner = db.execAndGet("PRAGMA application_id").getInt();
  const int tables = db.execAndGet("SELECT count(*) FROM sqlite_schema").getInt();
  if (owner == kApplicationId || (owner == 0 && tables == 0)) return {};
  return fail(ErrorKind::kBadInput, fmt::format("{} is not a Kiln database", file.string()));
}

namespace sql {

Error to_error(const SQLite::Exception& e, std::string_view what, const std::string& file) {
  ErrorKind kind = ErrorKind::kInternal;
  std::string words = e.what();
  std::string hint;
  switch (e.getErrorCode() & 0xff) {
    case SQLITE_FULL:
      words = "No space left on device";
      kind = ErrorKind::kNoSpace;
      break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      kind = ErrorKind::kConflict;
      hint = "another process is writing it";
      break;
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
      kind = ErrorKind::kPermission;
      break;
    case SQLITE_NOTADB:
      kind = ErrorKind::kBadInput;
      break;
    case SQLITE_CORRUPT:
      hint = "the file is damaged: restore a copy";
      break;
    default:
      break;
  }
  return Error(kind, fmt::format("cannot {} in {}: {}", what, file, words)).with_hint(hint);
}

}  // namespace sql

Database::Database(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&&) noexcept = default;
Database::~Database() = default;

Result<Database> Database::open(const os::Path& file) {
  KILN_TRY(os::make_dirs(file.parent_path()));
  try {
    auto impl = std::make_unique<Impl>(
        SQLite::Database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, kBusyMillis));
    KILN_TRY(check_owner(impl->db, file));
    set_up(impl->db);
    impl->db.exec("PRAGMA journal_mode = WAL");
    if (impl->db.execAndGet("PRAGMA application_id").getInt() != kApplicationId) {
      impl->db.exec(fmt::format("PRAGMA application_id = {}", kApplicationId));
    }
    Status done = check_not_newer(impl->db, migrations());
    if (done) done = keep_before_migration(impl->db, file);
    if (done) done = migrate(impl->db, migrations());
    if (!done) {
      return fail(std::move(done).error().while_doing("while opening " + file.string()));
    }
    return Database(std::move(impl));
  } catch (const SQLite::Exception& e) {
    return fail(sql::to_error(e, "open the database", file.string()));
  }
}

Result<Database> Database::open_read_only(const os::Path& file) {
  if (!std::filesystem::exists(file)) {
    return fail(ErrorKind::kNotFound, fmt::format("there is no database at {}", file.string()));
  }
  try {
    auto impl =
        std::make_unique<Impl>(SQLite::Database(file.string(), SQLite::OPEN_READONLY, kBusyMillis));
    impl->read_only = true;
    KILN_TRY(check_owner(impl->db, file));
    set_up(impl->db);
    const int newest = migrations().back().number;
    const int version = user_version(impl->db);
    if (version != newest) {
      return fail(Error(ErrorKind::kBadInput, fmt::format("{} has version {}, this Kiln reads {}",
                                                          file.string(), version, newest))
                      .with_hint(version < newest
                                     ? "any `kiln run` upgrades it"
                                     : "it was written by a newer Kiln: use that one"));
    }
    return Database(std::move(impl));
  } catch (const SQLite::Exception& e) {
    return fail(sql::to_error(e, "open the database", file.string()));
  }
}

void Database::set_observer(Observer observer) {
  impl_->observer = std::move(observer);
}

int Database::version() const {
  const std::lock_guard lock(impl_->mutex);
  try {
    return user_version(impl_->db);
  } catch (const SQLite::Exception&) {
    return -1;
  }
}

Status Database::check() const {
  return sql::read(*this, "check the database", [](SQLite::Database& db) -> Status {
    const std::string words = db.execAndGet("PRAGMA integrity_check(1)").getString();
    if (words != "ok") return fail(ErrorKind::kInternal, "the database is damaged: " + words);
    Status status;
    sql::each(db, "PRAGMA foreign_key_check", [&](SQLite::Statement& row) {
      if (!status) return;  // the first one is enough
      status = fail(ErrorKind::kInternal,
                    fmt::format("the database is damaged: a row of {} has no owner",
                                row.getColumn(0).getString()));
    });
    return status;
  });
}

}  // namespace kiln::db
