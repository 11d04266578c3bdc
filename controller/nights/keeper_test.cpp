#include "controller/nights/keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/nights/testing.h"

namespace kiln::controller {
namespace {

using ::testing::ElementsAre;
using testing::FakeLab;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class KeeperTest : public ::testing::Test {
 protected:
  FakeLab lab_;
};

TEST_F(KeeperTest, StartsWhatIsDueOnceAndFollowsTheRun) {
  lab_.add(lab_.nightly());
  lab_.look_at(2, 29);
  EXPECT_THAT(lab_.asks, IsEmpty());
  lab_.look_at(2, 30);
  ASSERT_THAT(lab_.asks, SizeIs(1));
  EXPECT_EQ(lab_.asks[0].schedule, "drm-tip");
  EXPECT_EQ(lab_.asks[0].job_file, lab_.job.string());
  EXPECT_THAT(lab_.history(), ElementsAre("started 1"));
  lab_.keeper->look();
  lab_.restart();
  lab_.keeper->look();
  EXPECT_THAT(lab_.asks, SizeIs(1));
  lab_.end_run(1);
  lab_.look_at(5);
  EXPECT_THAT(lab_.history(), ElementsAre("ended 1"));
}

TEST_F(KeeperTest, TheEndOfARunIsToldWithWhatFollows) {
  lab_.add(lab_.nightly());
  lab_.end_words = "run 101 looks for the commit";
  lab_.look_at(2, 30);
  lab_.keeper->look();
  EXPECT_THAT(lab_.ends, IsEmpty());
  lab_.end_run(1);
  lab_.keeper->look();
  lab_.keeper->look();
  ASSERT_THAT(lab_.ends, SizeIs(1));
  EXPECT_EQ(lab_.ends[0].run_id, 1);
  EXPECT_EQ(lab_.ends[0].schedule, "drm-tip");
  EXPECT_EQ(lab_.ends[0].job_file, lab_.job.string());
  EXPECT_EQ(lab_.ends[0].key, lab_.asks[0].key);
  EXPECT_THAT(lab_.log, HasSubstr("schedule drm-tip: run 1: run 101 looks for the commit\n"));
  EXPECT_THAT(lab_.history(), ElementsAre("ended 1: run 101 looks for the commit"));
}

TEST_F(KeeperTest, WhatFollowsMayFailAndTheRunHasEnded) {
  lab_.add(lab_.nightly());
  lab_.end_error = Error(ErrorKind::kNoSpace, "no space");
  lab_.look_at(2, 30);
  lab_.end_run(1);
  lab_.keeper->look();
  EXPECT_THAT(lab_.log, HasSubstr("schedule drm-tip: run 1: no space\n"));
  EXPECT_THAT(lab_.history(), ElementsAre("ended 1: no space"));
}

TEST_F(KeeperTest, SkipsANightWhenNothingChangedSinceTheLastThatEnded) {
  lab_.add(lab_.nightly());
  lab_.look_at(2, 30);
  lab_.end_run(1, "infrastructure");
  lab_.look_at(2, 30);  // the first one told nothing
  lab_.end_run(2);
  lab_.look_at(2, 30);
  EXPECT_THAT(lab_.history(),
              ElementsAre("skipped: nothing changed since run 2", "ended 2", "ended 1"));
  lab_.print->tree = "tree-2";
  lab_.look_at(2, 30);
  EXPECT_EQ(lab_.history()[0], "started 3");
}

TEST_F(KeeperTest, RunsAnUnchangedNightWhenItIsToldTo) {
  v1::AddScheduleRequest request = lab_.nightly();
  request.mutable_schedule()->set_unchanged("run");
  lab_.add(request);
  for (const int64_t run : {1, 2}) {
    lab_.look_at(2, 30);
    lab_.end_run(run);
  }
  EXPECT_THAT(lab_.asks, SizeIs(2));
}

TEST_F(KeeperTest, ALostAnswerStartsNoSecondRun) {
  lab_.add(lab_.nightly());
  lab_.refusal = Error(ErrorKind::kTimeout, "no answer");
  lab_.starts_all_the_same = true;
  lab_.look_at(2, 30);
  EXPECT_THAT(lab_.history(), ElementsAre("starting: not yet: no answer"));
  lab_.restart();
  lab_.refusal.reset();
  lab_.keeper->look();
  EXPECT_THAT(lab_.history(), ElementsAre("started 1: not yet: no answer"));
  EXPECT_THAT(lab_.run_of, SizeIs(1));
}

TEST_F(KeeperTest, AStartThatFailsIsTriedAgainForAWhile) {
  v1::AddScheduleRequest request = lab_.nightly();
  request.mutable_schedule()->set_max_late_seconds(2 * 3600);
  lab_.add(request);
  lab_.refusal = Error(ErrorKind::kNoSpace, "the disk is full");
  lab_.look_at(2, 30);
  for (int minute = 0; minute < 118; ++minute) {
    lab_.clock.advance(std::chrono::minutes(1));
    lab_.keeper->look();
  }
  EXPECT_THAT(lab_.history(), ElementsAre("starting: not yet: the disk is full"));
  EXPECT_GT(lab_.asks.size(), 10U);
  EXPECT_LT(lab_.asks.size(), 20U);  // further and further apart
  for (int minute = 0; minute < 15; ++minute) {
    lab_.clock.advance(std::chrono::minutes(1));
    lab_.keeper->look();
  }
  EXPECT_THAT(lab_.history(), ElementsAre("failed: error: the disk is full"));
  lab_.refusal.reset();
  lab_.look_at(2, 30);
  EXPECT_EQ(lab_.history()[0], "started 1");
}

TEST_F(KeeperTest, AJobThatIsWrongFailsAtOnceAndTheNextNightIsTried) {
  lab_.add(lab_.nightly());
  lab_.print = tl::unexpected(Error(ErrorKind::kBadInput, "unknown field `repeat`"));
  lab_.look_at(2, 30);
  EXPECT_THAT(lab_.history(), ElementsAre("failed: error: unknown field `repeat`"));
  EXPECT_THAT(lab_.asks, IsEmpty());
  lab_.print = nights::Print{"tree-1", "job-1"};
  lab_.look_at(2, 30);
  EXPECT_EQ(lab_.history()[0], "started 1");
}

TEST_F(KeeperTest, OneWaitsForTheRunBeforeIt) {
  v1::AddScheduleRequest request = lab_.nightly();
  request.mutable_schedule()->set_overlap("queue");
  request.mutable_schedule()->set_unchanged("run");
  lab_.add(request);
  lab_.look_at(2, 30);
  lab_.look_at(2, 30);
  EXPECT_THAT(lab_.history(), ElementsAre("waiting: waits for the end of run 1", "started 1"));
  lab_.restart();
  lab_.look_at(2, 30);
  EXPECT_THAT(lab_.history(), ElementsAre("waiting: waits for the end of run 1",
                                          "skipped: a later one took its place", "started 1"));
  lab_.end_run(1);
  lab_.keeper->look();
  EXPECT_EQ(lab_.history()[0], "started 2: waited for the run before it");
}

TEST_F(KeeperTest, OneIsSkippedWhileItsRunIsUnderWay) {
  lab_.add(lab_.nightly());
  lab_.look_at(2, 30);
  lab_.look_at(2, 30);
  EXPECT_THAT(lab_.history(), ElementsAre("skipped: run 1 was still under way", "started 1"));
}

TEST_F(KeeperTest, TimesAtWhichNobodyWasThereAreKept) {
  lab_.add(lab_.nightly());
  lab_.look_at(2, 30);
  lab_.end_run(1);
  lab_.print->tree = "tree-2";
  lab_.clock.advance(std::chrono::hours(24 * 4 + 1));
  lab_.keeper->look();
  EXPECT_THAT(
      lab_.history(),
      ElementsAre("started 2: 1 h 00 min late",
                  "missed: nobody was there to start it, and a later one was due", "ended 1"));
  v1::ListFiringsRequest ask;
  ask.set_name("drm-tip");
  EXPECT_EQ(lab_.schedules->firings(ask)->firings(1).count(), 3);
}

TEST_F(KeeperTest, OneThatIsDueWhileAnotherIsLookedUpIsNotMissed) {
  v1::AddScheduleRequest second = lab_.nightly("b-second");
  second.mutable_schedule()->set_cron("40 2 * * *");
  second.mutable_schedule()->set_missed("skip");
  lab_.add(lab_.nightly("a-first"));
  lab_.add(second);
  lab_.move_to(2, 30);
  lab_.slow_look = std::chrono::minutes(25);  // of the first one
  lab_.keeper->look();
  lab_.keeper->look();
  EXPECT_THAT(lab_.history("a-first"), ElementsAre("started 1"));
  EXPECT_THAT(lab_.history("b-second"), ElementsAre("started 2"));
  // A clock that is put forward is no busy keeper.
  lab_.end_run(2);
  lab_.move_to(2, 39);
  lab_.keeper->look();
  lab_.clock.advance(std::chrono::hours(3));
  lab_.keeper->look();
  EXPECT_EQ(lab_.history("b-second")[0].substr(0, 6), "missed");
}

TEST_F(KeeperTest, ARunThatIsGoneHasEnded) {
  lab_.add(lab_.nightly());
  lab_.look_at(2, 30);
  KeeperParts parts{lab_.clock, *lab_.database, nullptr,
                    [](const StartAsk&) -> Result<int64_t> { return 99; },
                    [](int64_t id) -> Result<bool> {
                      return fail(ErrorKind::kNotFound, fmt::format("run {} does not exist", id));
                    }};
  Keeper other(std::move(parts));
  other.look();
  EXPECT_THAT(lab_.history(), ElementsAre("ended 1: run 1 is gone"));
}

TEST_F(KeeperTest, ARemovedOneStartsNothingAndItsRunIsFollowed) {
  lab_.add(lab_.nightly());
  lab_.look_at(2, 30);
  v1::ScheduleRequest name;
  name.set_name("drm-tip");
  ASSERT_TRUE(lab_.schedules->remove(name));
  lab_.end_run(1);
  lab_.look_at(2, 30);
  EXPECT_THAT(lab_.history(), ElementsAre("ended 1"));
}

/// Two years of nights, with restarts and clocks that are changed: each night at most one run, and
/// no night but those that a wrong clock took is without one.
TEST_F(KeeperTest, ALongTimeOverARealDatabase) {
  v1::AddScheduleRequest request = lab_.nightly();
  request.mutable_schedule()->set_unchanged("run");
  request.mutable_schedule()->set_cron("30 3 * * *");
  lab_.add(request);
  std::set<std::string> nights;
  for (int day = 0; day < 400; ++day) {
    lab_.look_at(3, 30);
    if (day % 7 == 0) lab_.restart();
    if (day % 11 == 0) lab_.clock.advance(std::chrono::minutes(-40));
    lab_.keeper->look();
    ASSERT_EQ(lab_.running.size(), 1U) << day;
    lab_.end_run(*lab_.running.begin());
    if (day % 11 == 0) lab_.clock.advance(std::chrono::minutes(45));
  }
  EXPECT_EQ(lab_.run_of.size(), 400U);
  EXPECT_EQ(lab_.asks.size(), 400U);
}

TEST_F(KeeperTest, ItsThreadLooksWhenSomethingChanges) {
  lab_.keeper->start();
  EXPECT_TRUE(lab_.keeper->wait_for_look(std::chrono::seconds(20)));
  lab_.add(lab_.nightly());
  lab_.move_to(2, 30);
  EXPECT_TRUE(lab_.keeper->wait_for_look(std::chrono::seconds(20)));
  lab_.keeper->stop();
  EXPECT_THAT(lab_.run_of, SizeIs(1));
  lab_.keeper->stop();
}

}  // namespace
}  // namespace kiln::controller
