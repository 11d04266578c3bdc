/// Timetables and their firings.
#include <gmock/gmock.h>

#include "lib/db/schedule_table.h"
#include "lib/db/testing.h"

namespace kiln::db {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

ScheduleRow nightly(const std::string& name = "drm-tip") {
  ScheduleRow s;
  s.name = name;
  s.cron = "30 2 * * *";
  s.zone = "Europe/Helsinki";
  s.job_file = "/jobs/night.yaml";
  s.jitter = Millis(600'000);
  s.max_late = Millis(3'600'000);
  s.since = s.added = at(0);
  s.added_by = "ada@lab";
  return s;
}

class ScheduleTest : public DbTest {
 protected:
  ScheduleTable table() { return ScheduleTable(*database_); }
  FiringRow firing(const std::string& state, int64_t seconds = 100) {
    FiringRow f;
    f.schedule_id = id_;
    f.key = "k" + std::to_string(seconds);
    f.planned = at(seconds);
    f.state = state;
    f.decided = at(seconds + 1);
    f.reason = "why " + state;
    return f;
  }
  void SetUp() override {
    DbTest::SetUp();
    id_ = table().add(nightly()).value();
  }
  int64_t id_ = 0;
};

TEST_F(ScheduleTest, IsKeptAsItWasAdded) {
  const auto row = table().get("drm-tip");
  ASSERT_TRUE(row) << render(row.error());
  EXPECT_EQ(row->cron, "30 2 * * *");
  EXPECT_EQ(row->zone, "Europe/Helsinki");
  EXPECT_EQ(row->job_file, "/jobs/night.yaml");
  EXPECT_EQ(row->jitter, Millis(600'000));
  EXPECT_EQ(row->max_late, Millis(3'600'000));
  EXPECT_EQ(row->missed, "run-once");
  EXPECT_EQ(row->overlap, "skip");
  EXPECT_EQ(row->unchanged, "skip");
  EXPECT_EQ(row->since, at(0));
  EXPECT_EQ(row->added_by, "ada@lab");
  EXPECT_FALSE(row->paused);
  EXPECT_EQ(table().get("other").error().kind, ErrorKind::kNotFound);
}

TEST_F(ScheduleTest, ANameIsTakenOnceAndTheSameAgainIsTheSame) {
  ScheduleRow again = nightly();
  again.added = at(50);
  EXPECT_EQ(table().add(again), id_);
  again.cron = "0 3 * * *";
  const auto other = table().add(again);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, ErrorKind::kConflict);
}

TEST_F(ScheduleTest, PauseResumeAndRemoveMayBeRepeated) {
  ASSERT_TRUE(table().pause("drm-tip", at(10)));
  ASSERT_TRUE(table().pause("drm-tip", at(20)));
  EXPECT_EQ(table().get("drm-tip")->paused, at(10));
  ASSERT_TRUE(table().resume("drm-tip", at(30)));
  ASSERT_TRUE(table().resume("drm-tip", at(40)));
  EXPECT_EQ(table().get("drm-tip")->since, at(30));
  EXPECT_FALSE(table().get("drm-tip")->paused);
  ASSERT_TRUE(table().remove("drm-tip", at(50)));
  ASSERT_TRUE(table().remove("drm-tip", at(60)));
  EXPECT_THAT(*table().list(), IsEmpty());
  EXPECT_EQ(table().list(true)->at(0).removed, at(50));
  EXPECT_EQ(table().get("drm-tip", true)->removed, at(50));
  for (const Status& status : {table().pause("drm-tip", at(1)), table().resume("drm-tip", at(1)),
                               table().remove("other", at(1))})
    EXPECT_EQ(status.error().kind, ErrorKind::kNotFound);
  // The name is free again, and its history is another one's.
  const int64_t next = table().add(nightly()).value();
  EXPECT_NE(next, id_);
  EXPECT_EQ(table().get("drm-tip", true)->id, next);
}

TEST_F(ScheduleTest, AFiringGoesForwardOnlyAndEachStepOnce) {
  FiringRow f = firing("waiting");
  EXPECT_EQ(table().put(f), true);
  EXPECT_EQ(table().put(f), false);
  for (const char* state : {"starting", "started", "ended"}) {
    f = firing(state);
    f.run_id = std::string(state) == "started" ? 7 : 0;
    EXPECT_EQ(table().put(f), true) << state;
    EXPECT_EQ(table().put(f), false) << state;
    for (const char* back : {"waiting", "missed"}) EXPECT_EQ(table().put(firing(back)), false);
  }
  const auto end = table().find(id_, f.key);
  ASSERT_TRUE(end && *end);
  EXPECT_EQ((*end)->state, "ended");
  EXPECT_EQ((*end)->run_id, 7);
  EXPECT_EQ((*end)->reason, "why ended");
  for (const char* state : {"starting", "started", "skipped", "failed"})
    EXPECT_EQ(table().put(firing(state)), false) << state;
}

TEST_F(ScheduleTest, EachStepHasItsPlaces) {
  EXPECT_EQ(table().put(firing("missed", 1)), true);
  EXPECT_EQ(table().put(firing("starting", 1)), false);
  EXPECT_EQ(table().put(firing("skipped", 2)), true);
  EXPECT_EQ(table().put(firing("starting", 2)), false);
  EXPECT_EQ(table().put(firing("starting", 3)), true);
  EXPECT_EQ(table().put(firing("ended", 3)), false);
  FiringRow again = firing("starting", 3);
  again.reason = "no machine yet";
  EXPECT_EQ(table().put(again), true);
  EXPECT_EQ(table().put(firing("failed", 3)), true);
  EXPECT_EQ(table().put(firing("started", 3)), false);
  EXPECT_EQ(table().put(firing("waiting", 4)), true);
  EXPECT_EQ(table().put(firing("started", 4)), false);
  EXPECT_EQ(table().put(firing("skipped", 4)), true);
  EXPECT_FALSE(table().put(firing("sideways", 5)));
}

TEST_F(ScheduleTest, KnowsWhatIsDecidedAndWhatIsOpen) {
  EXPECT_EQ(*table().decided(id_, at(1000)), std::nullopt);
  ASSERT_TRUE(table().put(firing("missed", 100)));
  ASSERT_TRUE(table().put(firing("started", 200)));
  ASSERT_TRUE(table().put(firing("waiting", 300)));
  FiringRow asked = firing("starting", 250);
  asked.by_hand = true;
  ASSERT_TRUE(table().put(asked));
  EXPECT_EQ(*table().decided(id_, at(99)), std::nullopt);
  EXPECT_EQ(*table().decided(id_, at(299)), at(200));
  EXPECT_EQ(*table().decided(id_, at(300)), at(300));
  std::vector<std::string> states;
  const auto open = table().open();
  for (const FiringRow& f : *open) states.push_back(f.state);
  EXPECT_THAT(states, ElementsAre("started", "starting", "waiting"));
  const auto newest = table().firings(id_, 3);
  ASSERT_THAT(*newest, SizeIs(3));
  EXPECT_EQ(newest->at(0).planned, at(300));
  EXPECT_TRUE(newest->at(1).by_hand);
  EXPECT_EQ(newest->at(2).planned, at(200));
}

TEST_F(ScheduleTest, KnowsItsRunsAndWhatTheyConcluded) {
  const int64_t first = make_run();
  RunRow other = sample_run();
  other.job_digest = "other";
  other.source_tree = "f00";
  const int64_t second = RunTable(*database_).create(other, sample_cells()).value();
  VerdictRow verdict;
  verdict.result = "no-regression";
  verdict.results_planned = 20;
  verdict.results_got = 19;
  RunRow done = *RunTable(*database_).get(first);
  done.state = "done";
  ASSERT_TRUE(RunTable(*database_).finish(done, verdict));
  verdict.result = "regression";
  ASSERT_TRUE(VerdictTable(*database_).add(first, verdict));
  for (const auto& [run, seconds] : {std::pair(first, 100), std::pair(second, 200)}) {
    FiringRow f = firing("started", seconds);
    f.run_id = run;
    ASSERT_TRUE(table().put(f));
  }
  FiringRow gone = firing("started", 300);
  gone.run_id = 999;  // no such run
  ASSERT_TRUE(table().put(gone));
  const auto nights = table().nights(id_, 0, 10);
  ASSERT_TRUE(nights) << render(nights.error());
  ASSERT_THAT(*nights, SizeIs(2));
  EXPECT_EQ(nights->at(0).run_id, second);
  EXPECT_EQ(nights->at(0).run_state, "running");
  EXPECT_EQ(nights->at(0).source_tree, "f00");
  EXPECT_EQ(nights->at(0).result, "");
  EXPECT_EQ(nights->at(1).result, "regression");
  EXPECT_EQ(nights->at(1).results_got, 19);
  EXPECT_EQ(nights->at(1).job_digest, sample_run().job_digest);
  EXPECT_EQ(nights->at(1).planned, at(100));
  EXPECT_THAT(*table().nights(id_, second, 10), SizeIs(1));
  EXPECT_THAT(*table().nights(id_, 0, 1), SizeIs(1));
  EXPECT_EQ((*table().of_run(first))->name, "drm-tip");
  EXPECT_FALSE(table().of_run(12345)->has_value());
  EXPECT_FALSE(table().of_run(0)->has_value());
}

}  // namespace
}  // namespace kiln::db
