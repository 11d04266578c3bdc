#include "lib/db/database.h"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Transaction.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sqlite3.h>

#include <thread>

#include "lib/db/migrate.h"
#include "lib/db/testing.h"
#include "lib/os/testing.h"

namespace kiln::db {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// Every object's SQL, one a line, sorted: what a schema is.
std::string schema_of(const os::Path& file) {
  SQLite::Database db(file.string());
  SQLite::Statement rows(db, "SELECT type, name, sql FROM sqlite_schema ORDER BY type, name");
  std::string out;
  while (rows.executeStep()) {
    out += rows.getColumn(0).getString() + " " + rows.getColumn(1).getString() + " " +
           rows.getColumn(2).getString() + "\n";
  }
  return out;
}

TEST_F(DbTest, AFreshDatabaseHasTheNewestVersion) {
  EXPECT_EQ(database_->version(), migrations().back().number);
  EXPECT_TRUE(database_->check());
  open();
  EXPECT_EQ(database_->version(), migrations().back().number);
}

TEST_F(DbTest, MigrationsAreNumberedWithoutGaps) {
  int expected = 1;
  for (const Migration& step : migrations()) {
    EXPECT_EQ(step.number, expected++);
    const auto text = os::read_file(os::Path(KILN_SOURCE_DIR "/lib/db/migrations") /
                                    (std::string(step.name) + ".sql"));
    ASSERT_TRUE(text) << render(text.error());
    EXPECT_EQ(*text, step.sql);
  }
}

TEST_F(DbTest, RefusesANewerFile) {
  database_.reset();
  const int next = migrations().back().number + 1;
  SQLite::Database(file().string(), SQLite::OPEN_READWRITE)
      .exec("PRAGMA user_version = " + std::to_string(next));
  const std::string known = std::to_string(next - 1);
  EXPECT_EQ(render(Database::open(file()).error()),
            "error: the database has version " + std::to_string(next) + ", this Kiln knows up to " +
                known + "\n  while opening " + file().string() +
                "\n  it was written by a newer Kiln: use that one");
  EXPECT_EQ(render(Database::open_read_only(file()).error()),
            "error: " + file().string() + " has version " + std::to_string(next) +
                ", this Kiln reads " + known + "\n  it was written by a newer Kiln: use that one");
}

TEST_F(DbTest, RefusesFilesOfOthers) {
  const os::Path other = folder_ / "other.db";
  SQLite::Database(other.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE)
      .exec("CREATE TABLE cookies (a)");
  const auto opened = Database::open(other);
  ASSERT_FALSE(opened);
  EXPECT_EQ(render(opened.error()), "error: " + other.string() + " is not a Kiln database");
  ASSERT_TRUE(os::write_atomic(folder_ / "text.db", std::string(5000, 'x')));
  const auto text = Database::open(folder_ / "text.db");
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().kind, ErrorKind::kBadInput);
  EXPECT_EQ(render(text.error()), "error: cannot open the database in " +
                                      (folder_ / "text.db").string() + ": file is not a database");
}

TEST_F(DbTest, ReadOnlySeesAndCannotChange) {
  const int64_t run = make_run();
  auto reader = Database::open_read_only(file());
  ASSERT_TRUE(reader) << render(reader.error());
  RunTable runs(*reader);
  EXPECT_EQ(runs.get(run)->job_name, "kmap-local-page");
  const auto changed = runs.interrupt_abandoned();
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().kind, ErrorKind::kPermission);
  const auto none = Database::open_read_only(folder_ / "none.db");
  EXPECT_EQ(render(none.error()),
            "error: there is no database at " + (folder_ / "none.db").string());
}

TEST_F(DbTest, ReadOnlyRefusesAnOlderFile) {
  database_.reset();
  SQLite::Database(file().string(), SQLite::OPEN_READWRITE).exec("PRAGMA user_version = 0");
  EXPECT_THAT(render(Database::open_read_only(file()).error()),
              HasSubstr(" has version 0, this Kiln reads "));
}

TEST_F(DbTest, DamageIsFound) {
  const int64_t run = make_run();
  ASSERT_TRUE(SessionTable(*database_).open(sample_session(run, "a")));
  database_.reset();
  {
    SQLite::Database db(file().string(), SQLite::OPEN_READWRITE);
    db.exec("PRAGMA foreign_keys = OFF");
    db.exec("DELETE FROM runs");
  }
  open();
  // SQLite says which table it looks at first.
  EXPECT_THAT(
      render(database_->check().error()),
      AllOf(HasSubstr("error: the database is damaged: a row of "), HasSubstr(" has no owner")));
}

TEST_F(DbTest, ThreadsAndConnectionsWriteTogether) {
  const int64_t run = make_run();
  auto second = Database::open(file());
  ASSERT_TRUE(second);
  std::vector<std::jthread> threads;
  std::atomic<int> failures{0};
  for (Database* database : {&*database_, &*second, &*database_, &*second}) {
    threads.emplace_back([&, database] {
      EventTable events(*database);
      for (int i = 0; i < 25; ++i) {
        if (!events.append(run, EventRow{})) ++failures;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(*EventTable(*database_).last_seq(run), 100);
}

// ---- migrations

const Migration kFirst{1, "0001_a", "CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (5);"};
const Migration kSecond{2, "0002_b", "ALTER TABLE a ADD COLUMN y INTEGER; UPDATE a SET y = x + 1;"};
const Migration kBroken{2, "0002_c",
                        "ALTER TABLE a ADD COLUMN z INTEGER; UPDATE nowhere SET z = 1;"};

TEST(Migrate, GoesOnFromWhereTheFileIs) {
  SQLite::Database db(":memory:", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  const Migration one[] = {kFirst};
  const Migration two[] = {kFirst, kSecond};
  ASSERT_TRUE(migrate(db, one));
  EXPECT_EQ(user_version(db), 1);
  ASSERT_TRUE(migrate(db, two));
  ASSERT_TRUE(migrate(db, two));
  EXPECT_EQ(user_version(db), 2);
  EXPECT_EQ(db.execAndGet("SELECT y FROM a").getInt(), 6);
  EXPECT_EQ(render(migrate(db, one).error()),
            "error: the database has version 2, this Kiln knows up to 1\n"
            "  it was written by a newer Kiln: use that one");
}

TEST(Migrate, AStepThatFailsChangesNothing) {
  SQLite::Database db(":memory:", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  const Migration steps[] = {kFirst, kBroken};
  EXPECT_THROW((void)migrate(db, steps), SQLite::Exception);
  EXPECT_EQ(user_version(db), 1);
  EXPECT_EQ(db.execAndGet("SELECT count(*) FROM pragma_table_info('a')").getInt(), 1);
}

TEST(Migrate, AGapIsRefused) {
  SQLite::Database db(":memory:", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  const Migration steps[] = {kSecond};
  EXPECT_EQ(render(migrate(db, steps).error()), "error: no migration leads from version 0 to 2");
}

/// Each database that an older Kiln wrote (fixtures/vN.sql) opens, upgraded, with all its rows.
TEST_F(DbTest, OldDatabasesUpgradeToTheNewestSchema) {
  int fixtures = 0;
  for (int version = 1; version <= migrations().back().number; ++version) {
    const os::Path source =
        os::Path(KILN_SOURCE_DIR "/lib/db/fixtures") / ("v" + std::to_string(version) + ".sql");
    const auto text = os::read_file(source);
    ASSERT_TRUE(text) << "each version needs a fixture: " << render(text.error());
    const os::Path old = folder_ / ("v" + std::to_string(version) + ".db");
    SQLite::Database(old.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE).exec(*text);
    {
      auto database = Database::open(old);
      ASSERT_TRUE(database) << render(database.error());
      EXPECT_TRUE(database->check());
      const auto runs = RunTable(*database).list(10);
      ASSERT_TRUE(runs) << render(runs.error());
      ASSERT_EQ(runs->size(), 1U);
      EXPECT_EQ((*runs)[0].run.job_name, "kmap-local-page");
      EXPECT_EQ((*runs)[0].run.seed, 0xfedcba9876543210ULL);
      const auto sessions = SessionTable(*database).of_run((*runs)[0].run.id);
      ASSERT_EQ(sessions->size(), 1U);
      EXPECT_EQ((*sessions)[0].results.size(), 2U);
      EXPECT_EQ(BuildTable(*database).of_run((*runs)[0].run.id)->size(), 1U);
    }
    EXPECT_EQ(schema_of(old), schema_of(file()));
    ++fixtures;
  }
  EXPECT_GE(fixtures, 1);
}

/// In a child process, so that its mount is its own: fills a small disk; 0 = as it must be.
int fill_small_disk(const os::Path& folder) {
  auto database = Database::open(folder / "kiln.db");
  if (!database) return 1;
  const auto run = RunTable(*database).create(sample_run(), sample_cells());
  if (!run) return 2;
  SessionTable sessions(*database);
  StoredSession s = sample_session(*run, "a");
  s.id = *sessions.open(s);
  StoredSession end = sample_end(s, 2);
  end.kernel[0].text = std::string(4 << 20, 'x');
  const Status stored = sessions.finish(end);
  if (stored || stored.error().kind != ErrorKind::kNoSpace) return 3;
  if (!render(stored.error()).ends_with("kiln.db: No space left on device")) return 6;
  if (sessions.get(s.id)->state != "running") return 4;
  end.kernel[0].text = "short";
  return sessions.finish(end) ? 0 : 5;
}

TEST_F(DbTest, AFullDiskIsSaidAndNothingIsHalf) {
  const os::Path disk = folder_ / "disk";
  ASSERT_TRUE(os::make_dirs(disk));
  const int code = os::on_a_small_disk(disk, "2m", [&] { return fill_small_disk(disk); });
  if (code == os::kMayNotMount) GTEST_SKIP() << "mounting is not permitted here";
  EXPECT_EQ(code, 0);
}

}  // namespace
}  // namespace kiln::db
