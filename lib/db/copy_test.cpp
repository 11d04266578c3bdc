#include "lib/db/copy.h"

#include <gmock/gmock.h>
#include <sys/wait.h>

#include <atomic>
#include <thread>

#include "lib/db/crash_vfs.h"
#include "lib/db/migrate.h"
#include "lib/db/sql.h"
#include "lib/db/testing.h"
#include "lib/os/testing.h"

namespace kiln::db {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

int newest() {
  return migrations().back().number;
}

/// A database as the Kiln of that version wrote it.
void write_old(const os::Path& file, int version) {
  const auto text = os::read_file(os::Path(KILN_SOURCE_DIR "/lib/db/fixtures") /
                                  ("v" + std::to_string(version) + ".sql"));
  SQLite::Database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE).exec(*text);
}

int version_of(const os::Path& file) {
  return SQLite::Database(file.string()).execAndGet("PRAGMA user_version").getInt();
}

TEST_F(DbTest, ACopyStandsAlone) {
  make_run();
  std::vector<double> seen;
  const auto copy = copy_database(file(), folder_ / "sub/copy.db", [&](double part) {
    seen.push_back(part);
    return true;
  });
  ASSERT_TRUE(copy) << render(copy.error());
  EXPECT_EQ(copy->version, newest());
  EXPECT_EQ(copy->bytes, *os::file_size(folder_ / "sub/copy.db"));
  EXPECT_FALSE(seen.empty());
  EXPECT_EQ(os::list_files(folder_ / "sub")->size(), 1U) << "no -wal, no -shm, no temporary file";
  auto opened = Database::open(folder_ / "sub/copy.db");
  ASSERT_TRUE(opened) << render(opened.error());
  EXPECT_TRUE(opened->check());
  EXPECT_EQ(RunTable(*opened).list(10)->size(), 1U);
}

TEST_F(DbTest, ACopyIsOfOneInstant) {
  std::atomic<bool> stop{false};
  std::jthread writer([&] {
    // Two a transaction: a copy of two instants would have an odd number.
    while (!stop) {
      (void)sql::write(*database_, "write", [&](SQLite::Database& db) -> Status {
        for (int i = 0; i < 2; ++i)
          sql::execute(db,
                       "INSERT INTO durations (kind, source, seconds, recorded_ms)"
                       " VALUES ('k', hex(randomblob(8)), 1, 1)");
        return {};
      });
    }
  });
  for (int i = 0; i < 10; ++i) {
    const auto copy = copy_database(file(), folder_ / "copy.db");
    ASSERT_TRUE(copy) << render(copy.error());
    SQLite::Database db((folder_ / "copy.db").string());
    EXPECT_EQ(db.execAndGet("SELECT count(*) % 2 FROM durations").getInt(), 0);
  }
  stop = true;
}

TEST_F(DbTest, ACopyThatIsStoppedLeavesNothing) {
  const auto copy = copy_database(file(), folder_ / "sub/copy.db", [](double) { return false; });
  // A small one is copied in one step, after which there is nothing to be stopped.
  EXPECT_TRUE(copy || copy.error().kind == ErrorKind::kCancelled) << render(copy.error());
  EXPECT_EQ(os::list_files(folder_ / "sub")->size(), copy ? 1U : 0U);
  EXPECT_EQ(copy_database(folder_ / "none.db", folder_ / "x.db").error().kind,
            ErrorKind::kNotFound);
  ASSERT_TRUE(os::write_atomic(folder_ / "text.db", std::string(5000, 'x')));
  EXPECT_EQ(copy_database(folder_ / "text.db", folder_ / "x.db").error().kind,
            ErrorKind::kBadInput);
  EXPECT_FALSE(fs::exists(folder_ / "x.db"));
}

TEST_F(DbTest, AnOlderDatabaseIsCopiedAsItIs) {
  write_old(folder_ / "old.db", 1);
  const auto copy = copy_database(folder_ / "old.db", folder_ / "copy.db");
  ASSERT_TRUE(copy) << render(copy.error());
  EXPECT_EQ(copy->version, 1);
  EXPECT_EQ(version_of(folder_ / "copy.db"), 1);
  EXPECT_EQ(version_of(folder_ / "old.db"), 1);
}

TEST_F(DbTest, BeforeAMigrationTheDatabaseIsKept) {
  const os::Path old = folder_ / "old.db";
  write_old(old, 2);
  ASSERT_TRUE(Database::open(old));
  EXPECT_EQ(version_of(old), newest());
  const os::Path kept = backup_before_migration(old, 2);
  EXPECT_EQ(kept.filename(), "old.db.v2.bak");
  EXPECT_EQ(version_of(kept), 2);
  // It is the database of before: put in its place, it goes the same way again.
  fs::copy_file(kept, folder_ / "again.db");
  auto again = Database::open(folder_ / "again.db");
  ASSERT_TRUE(again) << render(again.error());
  EXPECT_EQ(RunTable(*again).list(10)->size(), 1U);
  // One that needs nothing leaves no copy, and neither does a new one.
  fs::remove(kept);
  ASSERT_TRUE(Database::open(old));
  EXPECT_FALSE(fs::exists(kept));
  EXPECT_FALSE(fs::exists(backup_before_migration(file(), 0)));
}

TEST_F(DbTest, OnlyTheNewestCopiesStay) {
  const os::Path old = folder_ / "old.db";
  for (int version = 1; version <= 5; ++version) {
    fs::remove(old);
    write_old(old, version);
    ASSERT_TRUE(Database::open(old));
    const os::Path kept = backup_before_migration(old, version);
    ASSERT_TRUE(fs::exists(kept));
    fs::last_write_time(kept, fs::file_time_type::clock::now() + std::chrono::hours(version - 10));
  }
  for (int version = 1; version <= 5; ++version)
    EXPECT_EQ(fs::exists(backup_before_migration(old, version)), version >= 3) << version;
}

/// In a child process, so that its mount is its own.
int migrate_on_a_full_disk(const os::Path& folder) {
  const os::Path file = folder / "kiln.db";
  write_old(file, 3);
  // So much that the copy does not fit; what SQLite itself needs for a look (its -shm) does.
  const uint64_t left = os::free_bytes(folder).value();
  const uint64_t size = os::file_size(file).value();
  if (!os::write_atomic(folder / "rest", std::string(left - size / 2, 'x'))) return 1;
  const auto opened = Database::open(file);
  if (opened || opened.error().kind != ErrorKind::kNoSpace) return 2;
  if (render(opened.error()).find("before it becomes version") == std::string::npos) return 3;
  if (version_of(file) != 3) return 4;
  if (fs::exists(backup_before_migration(file, 3))) return 5;
  fs::remove(folder / "rest");
  return Database::open(file) ? 0 : 6;
}

TEST_F(DbTest, WithoutSpaceForTheCopyNothingIsMigrated) {
  const os::Path disk = folder_ / "disk";
  ASSERT_TRUE(os::make_dirs(disk));
  const int code = os::on_a_small_disk(disk, "1m", [&] { return migrate_on_a_full_disk(disk); });
  if (code == os::kMayNotMount) GTEST_SKIP() << "mounting is not permitted here";
  EXPECT_EQ(code, 0);
}

/// The process ends in the middle of a write of the copy or of a migration: what is there is one
/// version or another, whole, and the next open comes to the newest.
TEST_F(DbTest, AKilledMigrationGoesOn) {
  const os::Path fresh = folder_ / "fresh.db";
  write_old(fresh, 1);
  int crashes = 0;
  for (int die_at = 1;; die_at += crashes < 40 ? 3 : 17) {
    const os::Path folder = folder_ / "killed";
    ASSERT_TRUE(os::make_dirs(folder));
    const os::Path path = folder / "kiln.db";
    fs::copy_file(fresh, path);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      CrashVfs::install(die_at);
      ::_exit(Database::open(path) ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    if (WEXITSTATUS(status) != 0) {
      ASSERT_EQ(WEXITSTATUS(status), kCrashExit);
      ++crashes;
    }
    {
      auto database = Database::open(path);
      ASSERT_TRUE(database) << "after write " << die_at << ": " << render(database.error());
      EXPECT_EQ(database->version(), newest());
      ASSERT_TRUE(database->check());
      EXPECT_EQ(RunTable(*database).list(10)->size(), 1U);
    }
    EXPECT_EQ(version_of(backup_before_migration(path, 1)), 1);
    ASSERT_TRUE(os::remove_tree(folder));
    if (WEXITSTATUS(status) == 0) break;
  }
  EXPECT_GT(crashes, 20);
}

TEST_F(DbTest, ANewerDatabaseLeavesNoCopy) {
  database_.reset();
  SQLite::Database(file().string(), SQLite::OPEN_READWRITE).exec("PRAGMA user_version = 9999");
  EXPECT_THAT(render(Database::open(file()).error()), HasSubstr("written by a newer Kiln"));
  EXPECT_THAT(render(copy_database(file(), folder_ / "copy.db").error()),
              HasSubstr("written by a newer Kiln"));
  EXPECT_EQ(version_of(file()), 9999);
  const auto files = os::list_files(folder_);
  for (const auto& path : *files) EXPECT_NE(path.extension(), ".bak");
}

}  // namespace
}  // namespace kiln::db
