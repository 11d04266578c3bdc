#include "lib/lab/queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::lab {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Place machine(const std::string& name, const std::string& host = "",
              std::set<std::string> tags = {"qemu"}) {
  Place place;
  place.name = name;
  place.host = host;
  place.tags = std::move(tags);
  return place;
}

Want want(const std::string& key, Priority priority = Priority::kInteractive) {
  Want out;
  out.key = key;
  out.priority = priority;
  out.tags = {"qemu"};
  return out;
}

Want alone(const std::string& key) {
  Want out = want(key);
  out.alone = true;
  return out;
}

class QueueTest : public testing::Test {
 protected:
  /// "RUN/KEY@PLACE" of each grant.
  std::vector<std::string> decide() {
    last_ = queue_.decide(now_);
    std::vector<std::string> out;
    for (const Grant& grant : last_.grants) {
      leases_[std::to_string(grant.run) + "/" + grant.key] = grant.lease;
      out.push_back(std::to_string(grant.run) + "/" + grant.key + "@" + grant.place);
    }
    return out;
  }
  void wants(int64_t run, const std::vector<Want>& all, const std::string& user = "ann") {
    queue_.set_wants(run, user, all, now_);
  }
  void end(const std::string& name) { EXPECT_TRUE(queue_.release(leases_.at(name))) << name; }

  Queue queue_;
  WallTime now_{};
  Decision last_;
  std::map<std::string, uint64_t> leases_;
};

TEST_F(QueueTest, AMachineTakesOneAtATimeInOrder) {
  queue_.put_place(machine("m1"));
  wants(1, {want("a"), want("b")});
  EXPECT_THAT(decide(), ElementsAre("1/a@m1"));
  EXPECT_THAT(decide(), IsEmpty());
  wants(1, {want("a"), want("b")});  // what is held is not wanted again
  EXPECT_THAT(decide(), IsEmpty());
  end("1/a");
  wants(1, {want("b")});
  EXPECT_THAT(decide(), ElementsAre("1/b@m1"));
}

TEST_F(QueueTest, OnlyPlacesWithAllTagsThatAreOpen) {
  queue_.put_place(machine("m1", "", {"qemu"}));
  queue_.put_place(machine("m2", "", {"qemu", "kbl"}));
  Want picky = want("a");
  picky.tags = {"qemu", "kbl"};
  wants(1, {picky});
  EXPECT_THAT(decide(), ElementsAre("1/a@m2"));
  wants(2, {picky});
  EXPECT_THAT(decide(), IsEmpty());
  EXPECT_EQ(queue_.waiting().at(0).why, "m2 works for run 1");
  end("1/a");
  Place held = machine("m2", "", {"qemu", "kbl"});
  held.open = false;
  queue_.put_place(held);
  EXPECT_THAT(decide(), IsEmpty());
  EXPECT_EQ(queue_.waiting().at(0).why, "m2 takes no work now");
  queue_.remove_place("m2");
  EXPECT_EQ(queue_.waiting().at(0).why, "no machine has the tags kbl, qemu");
  queue_.put_place(machine("m2", "", {"qemu", "kbl"}));
  EXPECT_THAT(decide(), ElementsAre("2/a@m2"));
}

TEST_F(QueueTest, APlaceToBeCheckedTakesNothingElse) {
  queue_.put_place(machine("m1", "", {kCheckTag}));
  Want pinned;
  pinned.key = "pinned";
  pinned.place = "m1";
  Want check = pinned;
  check.key = "check";
  check.tags = {kCheckTag};
  wants(1, {pinned, want("any"), check});
  EXPECT_THAT(decide(), ElementsAre("1/check@m1"));
  end("1/check");
  EXPECT_THAT(decide(), IsEmpty());
  queue_.put_place(machine("m1"));
  EXPECT_THAT(decide(), ElementsAre("1/pinned@m1"));
}

TEST_F(QueueTest, PrioritiesGoFirstAndAgeUp) {
  queue_.put_place(machine("m1"));
  wants(1, {want("night", Priority::kNightly)});
  wants(2, {want("now")});
  EXPECT_THAT(decide(), ElementsAre("2/now@m1"));
  end("2/now");
  now_ += std::chrono::hours(7);     // three steps: at the top, and beyond its time
  wants(3, {want("later")}, "bob");  // who was never served
  EXPECT_THAT(decide(), ElementsAre("1/night@m1"));
}

TEST_F(QueueTest, UsersTakeTurns) {
  queue_.put_place(machine("m1"));
  wants(1, {want("a"), want("b"), want("c")}, "ann");
  wants(2, {want("x"), want("y")}, "bob");
  std::vector<std::string> order;
  for (auto got = decide(); !got.empty(); got = decide()) {
    order.push_back(got.front());
    end(got.front().substr(0, got.front().find('@')));
  }
  EXPECT_THAT(order, ElementsAre("1/a@m1", "2/x@m1", "1/b@m1", "2/y@m1", "1/c@m1"));
}

TEST_F(QueueTest, WhatMeasuresHasTheHostForItself) {
  queue_.put_place(machine("m1", "pc"));
  queue_.put_place(machine("m2", "pc"));
  wants(1, {want("t")});
  EXPECT_THAT(decide(), ElementsAre("1/t@m1"));
  wants(2, {alone("perf")}, "bob");
  EXPECT_THAT(decide(), IsEmpty());
  // It is first in line: what comes later does not start beside it.
  wants(3, {want("late")}, "cid");
  EXPECT_THAT(decide(), ElementsAre());
  end("1/t");
  EXPECT_THAT(decide(), ElementsAre("2/perf@m1"));
  EXPECT_THAT(decide(), IsEmpty());
  end("2/perf");
  EXPECT_THAT(decide(), ElementsAre("3/late@m1"));
}

TEST_F(QueueTest, ABuildAndAMeasurementOfOneHostExcludeEachOther) {
  Place builds = machine("@build", "pc", {kBuildTag});
  queue_.put_place(builds);
  queue_.put_place(machine("m1", "pc"));
  queue_.put_place(machine("far"));
  Want build = want("b");
  build.tags = {kBuildTag};
  wants(1, {build});
  EXPECT_THAT(decide(), ElementsAre("1/b@@build"));
  Want here = alone("perf");
  here.place = "m1";
  Want there = alone("far");
  there.place = "far";
  wants(2, {here, there});
  EXPECT_THAT(decide(), ElementsAre("2/far@far"));
  end("1/b");
  EXPECT_THAT(decide(), ElementsAre("2/perf@m1"));
  wants(3, {build});
  EXPECT_THAT(decide(), IsEmpty());
}

TEST_F(QueueTest, SpareWorkIsAskedBackOnceForAMeasurement) {
  Place spare = machine("@spare", "pc", {kSpareTag});
  queue_.put_place(spare);
  queue_.put_place(machine("m1", "pc"));
  Want statics = want("statics");
  statics.tags = {kSpareTag};
  statics.spare = true;
  wants(1, {statics});
  EXPECT_THAT(decide(), ElementsAre("1/statics@@spare"));
  wants(2, {alone("perf")});
  EXPECT_THAT(decide(), IsEmpty());
  ASSERT_EQ(last_.recalls.size(), 1U);
  EXPECT_EQ(last_.recalls[0].key, "statics");
  EXPECT_THAT(decide(), IsEmpty());
  EXPECT_TRUE(last_.recalls.empty());
  end("1/statics");
  wants(1, {statics});
  EXPECT_THAT(decide(), ElementsAre("2/perf@m1"));
  end("2/perf");
  EXPECT_THAT(decide(), ElementsAre("1/statics@@spare"));
}

TEST_F(QueueTest, NobodyComesBetweenThePartsOfAPair) {
  queue_.put_place(machine("m1"));
  wants(1, {want("first")}, "ann");
  decide();
  wants(2, {want("other")}, "bob");
  Want second = want("second", Priority::kNightly);
  second.mate = true;
  second.place = "m1";
  wants(1, {second}, "ann");
  end("1/first");
  EXPECT_THAT(decide(), ElementsAre("1/second@m1"));
}

TEST_F(QueueTest, AnotherPlaceFirstAfterAFailure) {
  queue_.put_place(machine("m1"));
  queue_.put_place(machine("m2"));
  Want again = want("a");
  again.avoid = {"m1"};
  wants(1, {again});
  EXPECT_THAT(decide(), ElementsAre("1/a@m2"));
  wants(2, {again});  // m2 is busy, not gone: worth waiting for
  EXPECT_THAT(decide(), IsEmpty());
  end("1/a");
  queue_.remove_place("m2");
  EXPECT_THAT(decide(), ElementsAre("2/a@m1"));
}

TEST_F(QueueTest, LeasesOfAnEarlierLifeHoldTheirPlaceBeforeItIsKnown) {
  Held held;
  held.lease = 41;
  held.run = 1;
  held.user = "ann";
  held.key = "a";
  held.place = "m1";
  held.alone = true;
  queue_.restore(held);
  wants(1, {want("a"), want("b")});
  EXPECT_THAT(decide(), IsEmpty());
  queue_.put_place(machine("m1", "pc"));
  queue_.put_place(machine("m2", "pc"));
  EXPECT_THAT(decide(), IsEmpty());  // it measures there
  EXPECT_TRUE(queue_.release(41));
  EXPECT_FALSE(queue_.release(41));
  EXPECT_THAT(decide(), ElementsAre("1/b@m1"));
  EXPECT_EQ(last_.grants[0].lease, 42U);
}

TEST_F(QueueTest, AMachineThatGoesWhileItIsHeldComesBackHeld) {
  queue_.put_place(machine("m1"));
  wants(1, {want("a"), want("b")});
  decide();
  queue_.remove_place("m1");
  queue_.put_place(machine("m1"));
  EXPECT_THAT(decide(), IsEmpty());
  end("1/a");
  EXPECT_THAT(decide(), ElementsAre("1/b@m1"));
}

TEST_F(QueueTest, ARunThatGoesGivesAllBack) {
  queue_.put_place(machine("m1", "pc"));
  queue_.put_place(machine("m2", "pc"));
  wants(1, {want("a"), alone("perf")});
  EXPECT_THAT(decide(), ElementsAre("1/a@m1"));
  wants(2, {want("z")});
  EXPECT_THAT(decide(), IsEmpty());  // the host is being emptied for run 1
  queue_.forget_run(1);
  EXPECT_THAT(decide(), ElementsAre("2/z@m1"));
  EXPECT_TRUE(queue_.waiting().empty());
  EXPECT_EQ(queue_.held().size(), 1U);
}

}  // namespace
}  // namespace kiln::lab
