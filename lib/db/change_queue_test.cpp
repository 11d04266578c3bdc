#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "lib/db/sql.h"
#include "lib/db/testing.h"

namespace kiln::db {
namespace {

class ChangeQueueTest : public DbTest {
 protected:
  /// Holds the disk until it goes, so that changes pile up meanwhile.
  std::unique_lock<std::mutex> busy() { return std::unique_lock(database_->impl().mutex); }
  int64_t count(const char* text) {
    return sql::read(*database_, "count",
                     [&](SQLite::Database& db) -> Result<int64_t> {
                       return db.execAndGet(text).getInt64();
                     })
        .value();
  }
};

TEST_F(ChangeQueueTest, OneThatFailsTakesNoNeighbourAlong) {
  const int64_t run = make_run();
  std::atomic<int> good{0};
  std::atomic<int> bad{0};
  std::vector<std::jthread> threads;
  {
    const auto held = busy();
    for (int i = 0; i < 30; ++i)
      threads.emplace_back([&, i] {
        // Every third breaks a rule half-way, every fifth thinks better of it.
        const Status done = sql::write(*database_, "try", [&](SQLite::Database& db) -> Status {
          sql::execute(db, "INSERT INTO meta (name, value) VALUES (?, 'x')", std::to_string(i));
          if (i % 3 == 0) sql::execute(db, "INSERT INTO events (run_id, seq) VALUES (?, 1)", run);
          if (i % 5 == 0) return fail(ErrorKind::kConflict, "no");
          return {};
        });
        ++(done ? good : bad);
      });
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  threads.clear();
  EXPECT_EQ(bad, 14);
  EXPECT_EQ(good, 16);
  EXPECT_EQ(count("SELECT count(*) FROM meta WHERE value = 'x'"), 16);
}

TEST_F(ChangeQueueTest, WhatWasPostedIsSeenByWhoReadsNextAndStaysWhenTheDatabaseCloses) {
  const int64_t run = make_run();
  for (int i = 0; i < 200; ++i) {
    EventRow event;
    event.kind = "note";
    EventTable(*database_).post(run, event);
  }
  EXPECT_EQ(EventTable(*database_).last_seq(run).value(), 200);
  EventTable(*database_).post(run, EventRow());
  open();
  EXPECT_EQ(EventTable(*database_).last_seq(run).value(), 201);
}

TEST_F(ChangeQueueTest, AnEndThatIsOnItsWayComesBeforeTheNextHolderOfItsMachine) {
  const int64_t run = make_run();
  SessionTable sessions(*database_);
  StoredSession first = sample_session(run, "a");
  first.lease = 1;
  StoredSession second = sample_session(run, "b");
  second.lease = 2;
  StoredSession end = sample_end(first);
  end.id = sessions.open(first).value();
  EXPECT_FALSE(sessions.open(second)) << "the first one holds it";
  std::atomic<int> told{0};
  sessions.finish_later(end, [&](const Status& status) { told += status ? 1 : 100; });
  EXPECT_TRUE(sessions.open(second));
  EXPECT_EQ(told, 1);
  sessions.finish_later(
      [&] {
        StoredSession none = end;
        none.id = 4711;
        return none;
      }(),
      [&](const Status& status) { told += status ? 100 : 10; });
  EXPECT_EQ(sessions.get(end.id)->state, "done");
  EXPECT_EQ(told, 11) << "what cannot be stored is told, too";
}

TEST_F(ChangeQueueTest, WhatAChangeThrowsComesToItsCaller) {
  struct Odd {};
  EXPECT_THROW((void)sql::write(*database_, "try",
                                [](SQLite::Database& db) -> Status {
                                  sql::execute(db, "INSERT INTO meta VALUES ('odd', 'x')");
                                  throw Odd();
                                }),
               Odd);
  EXPECT_EQ(count("SELECT count(*) FROM meta WHERE value = 'x'"), 0);
  EXPECT_EQ(RunTable(*database_).create(sample_run(), {}).value(), 1) << "it goes on";
}

}  // namespace
}  // namespace kiln::db
