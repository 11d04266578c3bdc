#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/results/stored_judge.h"
#include "controller/results/testing.h"

namespace kiln::results {
namespace {

using testing::SampleRun;
using testing::StoredRuns;

class NightChangesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    db::ScheduleRow row;
    row.name = "drm-tip";
    row.cron = "30 2 * * *";
    row.zone = "UTC";
    row.job_file = "/jobs/sample.yaml";
    schedule_ = db::ScheduleTable(*runs_.database).add(row).value();
  }
  /// One night of the baseline alone, each cell booted `boots` times; its run.
  int64_t night(const std::string& bad_test, const std::string& tree, int boots = 6) {
    SampleRun sample;
    sample.has_series = false;
    sample.bad_test = bad_test;
    sample.tree = tree;
    sample.boots = boots;
    sample.schedule = schedule_;
    return runs_.add(sample);
  }
  v1::RunReport report(int64_t run) { return runs_.store->report(run).value(); }

  StoredRuns runs_;
  int64_t schedule_ = 0;
};

TEST_F(NightChangesTest, ANightIsComparedWithTheLastGoodOneTestByTest) {
  const int64_t first = night("", "tree-1");
  const v1::RunReport alone = report(first);
  EXPECT_EQ(alone.verdict().result(), "no-regression");
  EXPECT_EQ(alone.verdict().headline(),
            "No series to judge: all 2 planned results arrived from the baseline.");
  ASSERT_TRUE(alone.has_last_good_night());
  EXPECT_EQ(alone.last_good_night().schedule(), "drm-tip");
  EXPECT_EQ(alone.last_good_night().run_id(), 0);

  const v1::LastGoodNight second = report(night("igt@a@c", "tree-2")).last_good_night();
  EXPECT_EQ(second.run_id(), first);
  EXPECT_EQ(second.source_tree(), "tree-1");
  EXPECT_EQ(second.source_tree_now(), "tree-2");
  EXPECT_EQ(second.nights_since(), 1);
  ASSERT_EQ(second.regressed_size() + second.worse_size(), 1);
  const v1::NightTest& test = second.regressed_size() > 0 ? second.regressed(0) : second.worse(0);
  EXPECT_EQ(test.test(), "igt@a@c");
  EXPECT_EQ(test.config(), "hm");
  EXPECT_EQ(test.variant(), "baseline");

  // What was bad last night is compared with the night before it: it does not become normal.
  const v1::LastGoodNight third = report(night("igt@a@c", "tree-3")).last_good_night();
  EXPECT_EQ(third.run_id(), first);
  EXPECT_EQ(third.nights_since(), 2);
  EXPECT_EQ(third.regressed_size() + third.worse_size(), 1);

  const int64_t mended = night("", "tree-4");
  EXPECT_EQ(report(mended).last_good_night().run_id(), first);
  EXPECT_EQ(report(night("", "tree-5")).last_good_night().run_id(), mended);
}

TEST_F(NightChangesTest, ARunThatNoScheduleStartedHasNoNight) {
  night("", "tree-1");
  SampleRun sample;
  sample.has_series = false;
  sample.bad_test = "";
  EXPECT_FALSE(report(runs_.add(sample)).has_last_good_night());
}

TEST_F(NightChangesTest, NightsOfAnotherScheduleAreNone) {
  night("", "tree-1");
  db::ScheduleRow other;
  other.name = "other";
  schedule_ = db::ScheduleTable(*runs_.database).add(other).value_or(0);
  ASSERT_GT(schedule_, 0);
  EXPECT_EQ(report(night("", "tree-1")).last_good_night().run_id(), 0);
}

TEST_F(NightChangesTest, JudgedAgainItSaysTheSame) {
  night("", "tree-1");
  const int64_t second = night("igt@a@c", "tree-2");
  const std::string before = report(second).last_good_night().SerializeAsString();
  night("", "tree-3");
  const auto again =
      StoredJudge(*runs_.database).judge_again(second, {}, "judge", runs_.clock.now());
  ASSERT_TRUE(again) << render(again.error());
  EXPECT_EQ(again->report.last_good_night().SerializeAsString(), before);
}

TEST_F(NightChangesTest, ANightThatRegressesByItsOwnSeriesIsNotGood) {
  SampleRun sample;
  sample.schedule = schedule_;
  sample.bad_test = "";
  const int64_t good = runs_.add(sample);
  sample.bad_test = "igt@a@b";
  const int64_t bad = runs_.add(sample);
  EXPECT_EQ(report(bad).verdict().result(), "regression");
  const v1::LastGoodNight third = report(runs_.add(sample)).last_good_night();
  EXPECT_EQ(third.run_id(), good);
  ASSERT_EQ(third.regressed_size() + third.worse_size(), 1);
}

}  // namespace
}  // namespace kiln::results
