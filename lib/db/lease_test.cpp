#include <gmock/gmock.h>

#include "lib/db/lease_table.h"
#include "lib/db/machine_table.h"
#include "lib/db/testing.h"

namespace kiln::db {
namespace {

using ::testing::HasSubstr;

class LeaseTest : public DbTest {
 protected:
  int64_t open_session(const std::string& key, uint64_t lease, const std::string& machine = "m1") {
    StoredSession row;
    row.run_id = run_;
    row.key = key;
    row.purpose = "performance";
    row.machine = machine;
    row.lease = lease;
    row.until = at(600);
    row.started = at(10);
    const auto id = SessionTable(*database_).open(row);
    if (!id) error_ = render(id.error());
    return id ? *id : 0;
  }
  void SetUp() override {
    DbTest::SetUp();
    RunRow run = sample_run();
    run.user = "ann";
    run.priority = "nightly";
    run.bundle = "abc";
    run.start_key = "7/night";
    run_ = *RunTable(*database_).create(run, sample_cells());
  }
  int64_t run_ = 0;
  std::string error_;
};

TEST_F(LeaseTest, ASessionHoldsItsMachineUntilItEnds) {
  const int64_t first = open_session("a", 7);
  ASSERT_GT(first, 0) << error_;
  EXPECT_EQ(open_session("b", 8), 0);
  EXPECT_THAT(error_, HasSubstr("session 1 holds m1"));
  EXPECT_GT(open_session("b", 9, "m2"), 0);
  const auto open = LeaseTable(*database_).open();
  ASSERT_EQ(open->size(), 2U);
  EXPECT_EQ((*open)[0].lease, 7U);
  EXPECT_EQ((*open)[0].user, "ann");
  EXPECT_EQ((*open)[0].until, at(600));
  StoredSession end;
  end.id = first;
  end.machine = "m1";
  end.ending = "tested";
  ASSERT_TRUE(SessionTable(*database_).finish(end));
  EXPECT_EQ(LeaseTable(*database_).open()->size(), 1U);
  EXPECT_GT(open_session("c", 10), 0) << error_;
  EXPECT_EQ(*LeaseTable(*database_).newest(), 10U);
}

TEST_F(LeaseTest, ALeaseCanEndBeforeItsSession) {
  const int64_t id = open_session("a", 7);
  ASSERT_TRUE(LeaseTable(*database_).end(id));
  EXPECT_TRUE(LeaseTable(*database_).open()->empty());
  EXPECT_EQ(SessionTable(*database_).get(id)->state, "running");
  EXPECT_GT(open_session("b", 8), 0) << error_;
}

TEST_F(LeaseTest, OnePersonHoldsAMachine) {
  LeaseTable table(*database_);
  ASSERT_TRUE(table.add_hold({3, "m1", "ann", "a hang", at(0), at(60)}));
  const Status second = table.add_hold({4, "m1", "bob", "", at(0), at(60)});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::kConflict);
  EXPECT_EQ(second.error().message, "m1 is held by ann");
  ASSERT_TRUE(table.extend_hold(3, at(120)));
  EXPECT_EQ((*table.holds())[0].until, at(120));
  ASSERT_TRUE(table.end_hold(3, "ann", at(50)));
  ASSERT_TRUE(table.end_hold(3, "somebody else", at(51)));
  EXPECT_TRUE(table.holds()->empty());
  ASSERT_TRUE(table.add_hold({4, "m1", "bob", "", at(0), at(60)}));
  EXPECT_EQ(*table.newest(), 4U);
}

TEST_F(LeaseTest, ASecondEndIsKeptOnceWithItsReason) {
  LeaseTable table(*database_);
  const DuplicateRow row{9, 4, "m1", "its lease 4 was over", at(1), std::string("\0x", 2)};
  ASSERT_TRUE(table.add_duplicate(row));
  ASSERT_TRUE(table.add_duplicate(row));
  const auto kept = table.duplicates(10);
  ASSERT_EQ(kept->size(), 1U);
  EXPECT_EQ((*kept)[0].reason, "its lease 4 was over");
  EXPECT_EQ((*kept)[0].done.size(), 2U);
}

TEST_F(LeaseTest, MachinesKeepTheirStanding) {
  MachineTable table(*database_);
  MachineRow row{"m1", "a1", "draining", "new disk", "suspect", "no ssh", 2, at(5)};
  ASSERT_TRUE(table.put(row));
  row.errors_in_a_row = 3;
  ASSERT_TRUE(table.put(row));
  const auto all = table.all();
  ASSERT_EQ(all->size(), 1U);
  EXPECT_EQ((*all)[0], row);
}

TEST_F(LeaseTest, RunsOfAnEarlierLifeAreFound) {
  const auto runs = RunTable(*database_).running();
  ASSERT_EQ(runs->size(), 1U);
  EXPECT_EQ((*runs)[0].user, "ann");
  EXPECT_EQ((*runs)[0].priority, "nightly");
  EXPECT_EQ((*runs)[0].bundle, "abc");
  EXPECT_EQ((*RunTable(*database_).find_started("7/night"))->id, run_);
  EXPECT_FALSE(*RunTable(*database_).find_started("8/night"));
  EXPECT_FALSE(*RunTable(*database_).find_started(""));
  ASSERT_TRUE(RunTable(*database_).set_state(run_, "interrupted", 1));
  EXPECT_TRUE(RunTable(*database_).running()->empty());
}

}  // namespace
}  // namespace kiln::db
