#include "lib/db/copy.h"

#include <SQLiteCpp/Backup.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "lib/db/copy_parts.h"
#include "lib/db/migrate.h"
#include "lib/db/sql.h"

namespace kiln::db {
namespace {

namespace fs = std::filesystem;

constexpr int kBusyMillis = 10'000;
constexpr int kPagesAStep = 2048;  // 8 MB between two looks at the caller
constexpr int kMostWaits = 200;
constexpr int kWaitMillis = 50;
constexpr size_t kCopiesKept = 3;
constexpr const char* kCopyEnd = ".bak";
constexpr const char* kPartEnd = ".part";

/// The bytes of a file that SQLite has closed, and its name, on the disk.
Status make_durable(const os::Path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(os::errno_error("open", path, errno));
  const int failed = ::fsync(fd) != 0 ? errno : 0;
  ::close(fd);
  return failed == 0 ? Status() : fail(os::errno_error("sync", path, failed));
}

/// Throws SQLite::Exception.
Result<DatabaseCopy> copy_pages(SQLite::Database& source, const os::Path& to,
                                const std::function<bool(double)>& progress) {
  SQLite::Database target(to.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, kBusyMillis);
  // While this transaction reads, the source stands still for us: others write on, and the copy
  // never has to start anew.
  SQLite::Transaction reading(source, SQLite::TransactionBehavior::DEFERRED);
  DatabaseCopy copy;
  copy.version = user_version(source);
  SQLite::Backup backup(target, source);
  int waits = 0;
  for (int step = SQLITE_OK; (step = backup.executeStep(kPagesAStep)) != SQLITE_DONE;) {
    if (step != SQLITE_OK) {  // locked by somebody
      if (++waits > kMostWaits)
        return fail(ErrorKind::kConflict, "the database stays locked by another process");
      sqlite3_sleep(kWaitMillis);
    }
    const double total = std::max(1, backup.getTotalPageCount());
    if (progress && !progress(1 - backup.getRemainingPageCount() / total))
      return fail(ErrorKind::kCancelled, "the copy of the database was stopped");
  }
  if (progress) (void)progress(1);
  target.exec("PRAGMA journal_mode = DELETE");  // one file, without -wal and -shm
  const std::string words = target.execAndGet("PRAGMA quick_check(1)").getString();
  if (words != "ok") return fail(ErrorKind::kInternal, "the database is damaged: " + words);
  return copy;
}

Result<DatabaseCopy> copy_checked(SQLite::Database& source, const os::Path& to,
                                  const std::function<bool(double)>& progress) {
  KILN_TRY(os::make_dirs(to.parent_path()));
  const os::Path part = to.string() + fmt::format(".{}{}", ::getpid(), kPartEnd);
  std::error_code code;
  fs::remove(part, code);
  Result<DatabaseCopy> copy = fail(ErrorKind::kInternal, "not copied");
  try {
    copy = copy_pages(source, part, progress);
  } catch (const SQLite::Exception& e) {
    copy = fail(sql::to_error(e, "copy the database", part.string()));
  }
  Status status = copy ? make_durable(part) : fail(copy.error());
  if (status) {
    copy->bytes = fs::file_size(part, code);
    fs::rename(part, to, code);
    if (code) status = fail(os::errno_error("rename", to, code.value()));
  }
  fs::remove(part, code);
  fs::remove(part.string() + "-journal", code);
  if (!status) return fail(status.error());
  KILN_TRY(make_durable(to.parent_path()));
  return copy;
}

/// The newest few stay, and nothing of copies that were broken off long ago.
void forget_old_copies(const os::Path& file) {
  std::vector<std::pair<fs::file_time_type, os::Path>> copies;
  const std::string start = file.filename().string() + ".v";
  const auto long_ago = fs::file_time_type::clock::now() - std::chrono::hours(1);
  std::error_code code;
  for (fs::directory_iterator it(file.parent_path(), code), end; !code && it != end;
       it.increment(code)) {
    const std::string name = it->path().filename().string();
    if (!name.starts_with(start)) continue;
    if (name.ends_with(kCopyEnd)) copies.emplace_back(it->last_write_time(code), it->path());
    if (name.ends_with(kPartEnd) && it->last_write_time(code) < long_ago)
      fs::remove(it->path(), code);
  }
  std::sort(copies.rbegin(), copies.rend());
  for (size_t i = kCopiesKept; i < copies.size(); ++i) fs::remove(copies[i].second, code);
}

}  // namespace

os::Path backup_before_migration(const os::Path& file, int version) {
  return file.string() + fmt::format(".v{}{}", version, kCopyEnd);
}

Status keep_before_migration(SQLite::Database& db, const os::Path& file) {
  const int version = user_version(db);
  const int newest = migrations().back().number;
  if (version == 0 || version >= newest) return {};
  auto copy = copy_checked(db, backup_before_migration(file, version), {});
  if (!copy)
    return fail(std::move(copy)
                    .error()
                    .while_doing(fmt::format("while keeping {} as it is, before it becomes version"
                                             " {}",
                                             file.string(), newest))
                    .with_hint("nothing was changed; it needs as much free space as the database"
                               " has"));
  forget_old_copies(file);
  return {};
}

Result<DatabaseCopy> copy_database(const os::Path& from, const os::Path& to,
                                   const std::function<bool(double)>& progress) {
  std::error_code code;
  if (!fs::exists(from, code))
    return fail(ErrorKind::kNotFound, fmt::format("there is no database at {}", from.string()));
  try {
    SQLite::Database source(from.string(), SQLite::OPEN_READONLY, kBusyMillis);
    KILN_TRY(check_owner(source, from));
    KILN_TRY(check_not_newer(source, migrations()));
    return copy_checked(source, to, progress);
  } catch (const SQLite::Exception& e) {
    return fail(sql::to_error(e, "copy the database", from.string()));
  }
}

Status skip_numbers(Database& database) {
  // Far more than a lab gives out between two backups; the numbers of runs are for people.
  constexpr int64_t kRuns = 1000;
  constexpr int64_t kOthers = 1'000'000;
  return sql::write(database, "pass over numbers", [&](SQLite::Database& db) -> Status {
    for (const auto& [table, by] : {std::pair<const char*, int64_t>{"runs", kRuns},
                                    std::pair<const char*, int64_t>{"sessions", kOthers}}) {
      sql::execute(db,
                   "INSERT INTO sqlite_sequence (name, seq) SELECT ?1, 0 WHERE NOT EXISTS"
                   " (SELECT 1 FROM sqlite_sequence WHERE name = ?1)",
                   table);
      sql::execute(db, "UPDATE sqlite_sequence SET seq = seq + ? WHERE name = ?", by, table);
    }
    sql::execute(db,
                 "INSERT INTO meta (name, value) SELECT 'lease_floor', max("
                 " coalesce((SELECT max(lease) FROM sessions), 0),"
                 " coalesce((SELECT max(lease) FROM holds), 0),"
                 " coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'lease_floor'),"
                 " 0)) + ? WHERE true ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                 kOthers);
    return {};
  });
}

}  // namespace kiln::db
