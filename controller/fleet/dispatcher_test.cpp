#include "controller/fleet/dispatcher.h"

#include <atomic>

#include "controller/fleet/dispatcher_fixture.h"

namespace kiln::fleet {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(DispatcherTest, RunsShareMachinesAndHearOfTheirOwnSessionsOnly) {
  connect();
  Told ann;
  Told bob;
  dispatcher_->join(1, "ann", ann.listener());
  dispatcher_->join(2, "bob", bob.listener());
  dispatcher_->want(1, {want("x")});
  const lab::Grant first = first_grant(ann);
  dispatcher_->want(2, {want("y")});
  const lab::Grant second = first_grant(bob);
  EXPECT_NE(first.place, second.place);
  EXPECT_GT(second.lease, first.lease);
  ASSERT_TRUE(dispatcher_->start(1, first.lease, order(5, first)));
  ASSERT_TRUE(dispatcher_->start(2, second.lease, order(6, second)));
  EXPECT_THAT(sender_->words(), ElementsAre("start 5", "start 6"));
  report_done(6);
  EXPECT_THAT(*bob.done.lock(), ElementsAre(6));
  EXPECT_TRUE(ann.done.lock()->empty());
  EXPECT_EQ(word("m1"), "busy");
  dispatcher_->release(first.lease);
  dispatcher_->release(second.lease);
  EXPECT_EQ(word("m1"), "ready");
}

TEST_F(DispatcherTest, BuildsElsewhereTakeNoMachinesTime) {
  DispatcherOptions options;
  options.home = "here";
  options.build_places = 2;
  options.builds_here = false;
  dispatcher_ = nullptr;
  dispatcher_ = std::make_unique<Dispatcher>(fleet_, store_, clock_, options);
  ASSERT_TRUE(dispatcher_->load());
  v1::Hello hers = hello();
  for (v1::MachineInfo& machine : *hers.mutable_machines()) machine.set_host("here");
  sender_ = std::make_shared<FakeSender>();
  fleet_.connected("a1", hers, sender_);
  std::array<Told, 3> told;
  for (int run = 1; run <= 2; ++run) {
    dispatcher_->join(run, "ann", told[run - 1].listener());
    lab::Want build;
    build.key = "build";
    build.tags = {lab::kBuildTag};
    dispatcher_->want(run, {build});
    EXPECT_EQ(first_grant(told[run - 1]).key, "build");
  }
  lab::Want measures = want("perf");
  measures.alone = true;
  dispatcher_->join(3, "bob", told[2].listener());
  dispatcher_->want(3, {measures});
  EXPECT_EQ(first_grant(told[2]).key, "perf");
  dispatcher_ = nullptr;  // before those whom it tells
}

TEST_F(DispatcherTest, ASessionOfAnEarlierLifeGoesOnAtItsAgent) {
  lease_of_an_earlier_life(7, 1);
  Told told;
  dispatcher_->join(1, "ann", told.listener());
  connect({held(7)});
  const auto lease = dispatcher_->attach(1, 7);
  ASSERT_TRUE(lease);
  EXPECT_EQ(lease->number, 40U);
  EXPECT_FALSE(dispatcher_->attach(1, 8));
  EXPECT_FALSE(dispatcher_->attach(2, 7)) << "another run's";
  report_done(7);
  EXPECT_THAT(*told.done.lock(), ElementsAre(7));
  EXPECT_TRUE(told.lost.lock()->empty());
  dispatcher_->want(1, {want("x")});
  EXPECT_GT(first_grant(told).lease, 40U);
}

TEST_F(DispatcherTest, AnAgentThatKnowsNothingOfASessionHasLostIt) {
  lease_of_an_earlier_life(7, 1);
  Told told;
  dispatcher_->join(1, "ann", told.listener());
  connect();
  EXPECT_THAT(*told.lost.lock(), ElementsAre(7));
}

TEST_F(DispatcherTest, ALostSessionOfARunThatNobodyDrivesFreesItsMachine) {
  lease_of_an_earlier_life(7, 1);
  connect();
  EXPECT_TRUE(soon([&] { return store_.kept.lock()->leases.empty(); }));
  EXPECT_TRUE(soon([&] { return word("m1") == "ready"; }));
  EXPECT_TRUE(sender_->words().empty()) << "there is no end to acknowledge";
}

TEST_F(DispatcherTest, WhatNobodyWaitsForIsStoppedAndItsEndIsKept) {
  connect({held(9)});
  EXPECT_THAT(sender_->words(), ElementsAre("cancel 9"));
  report_done(9);
  EXPECT_TRUE(soon([&] { return sender_->words().size() == 2; }));
  EXPECT_THAT(sender_->words(), ElementsAre("cancel 9", "ack 9"));
  EXPECT_THAT(store_.kept.lock()->unclaimed, ElementsAre(9));
}

TEST_F(DispatcherTest, AnEndThatCameBeforeItsRunGoesOnIsHandedOver) {
  store_.kept.lock()->wants_unclaimed = true;
  connect({held(9, true)});
  EXPECT_TRUE(sender_->words().empty());
  report_done(9);
  ASSERT_TRUE(soon([&] { return !store_.kept.lock()->unclaimed.empty(); }));
  Told told;
  dispatcher_->join(3, "ann", told.listener());
  EXPECT_TRUE(soon([&] {
    dispatcher_->expect(3, 9);
    return !told.done.lock()->empty();
  }));
  EXPECT_THAT(*told.done.lock(), ElementsAre(9));
}

TEST_F(DispatcherTest, AHeldMachineTakesNoSessionsUntilItsTimeIsOver) {
  connect();
  ASSERT_TRUE(soon([&] { return word("m1") == "ready"; }));
  const auto hold = dispatcher_->hold("m1", "ann", "looking at a hang", clock_.now() + 1h);
  ASSERT_TRUE(hold) << render(hold.error());
  const auto again = dispatcher_->hold("m1", "bob", "", clock_.now() + 1h);
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().message, HasSubstr("m1 is held by ann until"));
  EXPECT_FALSE(dispatcher_->hold("m9", "bob", "", clock_.now() + 1h));
  Told told;
  dispatcher_->join(1, "cid", told.listener());
  dispatcher_->want(1, {want("x"), want("y")});
  EXPECT_EQ(first_grant(told).place, "m2");
  EXPECT_EQ(word("m1"), "held");
  clock_.advance(2h);
  EXPECT_TRUE(soon([&] { return told.grants.lock()->size() == 2; })) << "the hold's time is over";
  EXPECT_TRUE(soon([&] { return store_.kept.lock()->holds.empty(); }));
}

TEST_F(DispatcherTest, ADrainedMachineFinishesAndTakesNothingNew) {
  connect();
  ASSERT_TRUE(soon([&] { return word("m1") == "ready"; }));
  ASSERT_TRUE(dispatcher_->set_intent("m1", "draining", "new memory"));
  EXPECT_FALSE(dispatcher_->set_intent("m9", "draining", ""));
  EXPECT_EQ(word("m1"), "draining");
  start();  // people's wishes survive
  fleet_.connected("a1", hello(), sender_);
  EXPECT_TRUE(soon([&] { return word("m1") == "draining" && word("m2") == "ready"; }));
}

TEST_F(DispatcherTest, APausedLabGrantsNothingAndGoesOn) {
  connect();
  Told told;
  dispatcher_->pause("the disk is full");
  EXPECT_EQ(dispatcher_->paused(), "the disk is full");
  dispatcher_->join(1, "anna", told.listener());
  dispatcher_->want(1, {want("a")});
  ASSERT_TRUE(dispatcher_->hold("m2", "anna", "a reason", clock_.now() + 1h));  // decides anew
  std::this_thread::sleep_for(50ms);  // it would have been granted by now
  EXPECT_TRUE(told.grants.lock()->empty());
  dispatcher_->pause("");
  ASSERT_TRUE(soon([&] { return told.grants.lock()->size() == 1; }));
  // What was granted before stays, whatever the disk does.
  dispatcher_->pause("full again");
  EXPECT_EQ(dispatcher_->held().size(), 1U);
}

TEST_F(DispatcherTest, ErrorsInARowQuarantineAMachine) {
  connect();
  for (int i = 0; i < 2; ++i)
    dispatcher_->tell_ending("m1", "infrastructure", "INFRA_NET", "no ssh");
  ASSERT_TRUE(soon([&] { return word("m1") == "ready"; }));
  dispatcher_->tell_ending("m1", "cancelled", "CANCELLED", "");
  dispatcher_->tell_ending("m1", "infrastructure", "INFRA_AGENT", "the agent was restarted");
  EXPECT_EQ(store_.kept.lock()->standings["m1"].errors_in_a_row, 2);
  dispatcher_->tell_ending("m1", "infrastructure", "INFRA_NET", "no ssh");
  EXPECT_EQ(word("m1"), "quarantined");
  EXPECT_THAT(store_.kept.lock()->standings["m1"].health_why,
              HasSubstr("3 sessions in a row ended without a result, the last: no ssh"));
  ASSERT_EQ(dispatcher_->quarantined().size(), 1U);
  EXPECT_EQ(dispatcher_->quarantined()[0].machine, "m1");
  EXPECT_TRUE(dispatcher_->quarantined()[0].connected);
  ASSERT_TRUE(dispatcher_->set_intent("m1", "draining", "a new disk"));
  EXPECT_TRUE(dispatcher_->quarantined().empty());
  ASSERT_TRUE(dispatcher_->set_intent("m1", "in-service", ""));
  ASSERT_TRUE(dispatcher_->set_health("m1", "good", ""));
  EXPECT_TRUE(dispatcher_->quarantined().empty());
  EXPECT_EQ(word("m1"), "ready");
  dispatcher_->tell_ending("m1", "infrastructure", "INFRA_NET", "no ssh");
  dispatcher_->tell_ending("m1", "tested", "", "");
  EXPECT_EQ(store_.kept.lock()->standings["m1"].errors_in_a_row, 0);
}

TEST_F(DispatcherTest, AQuarantinedMachineTakesOnlyWhatChecksIt) {
  connect();
  ASSERT_TRUE(dispatcher_->set_health("m1", "quarantined", "it never boots"));
  Told told;
  dispatcher_->join(1, "lab", told.listener());
  lab::Want pinned = want("work");
  pinned.place = "m1";
  lab::Want check;
  check.key = "check";
  check.place = "m1";
  check.tags = {lab::kCheckTag};
  dispatcher_->want(1, {pinned, check});
  const lab::Grant grant = first_grant(told);
  EXPECT_EQ(grant.key, "check");
  EXPECT_EQ(grant.place, "m1");
  // The check's own end does not wipe out why.
  dispatcher_->tell_ending("m1", "tested", "", "");
  EXPECT_EQ(word("m1"), "quarantined");
  EXPECT_EQ(store_.kept.lock()->standings["m1"].health_why, "it never boots");
  dispatcher_->release(grant.lease);
  ASSERT_TRUE(dispatcher_->set_health("m1", "good", "a health check passed"));
  EXPECT_TRUE(soon([&] { return told.grants.lock()->size() == 2; }));
  EXPECT_EQ(told.grants.lock()->back().key, "work");
  dispatcher_->leave(1);
}

TEST_F(DispatcherTest, AnAgentsEpochsAreNeverUndercut) {
  v1::Hello old = hello();
  old.mutable_machines(0)->set_highest_epoch(500);  // the controller was restored from a backup
  sender_ = std::make_shared<FakeSender>();
  fleet_.connected("a1", old, sender_);
  Told told;
  dispatcher_->join(1, "ann", told.listener());
  dispatcher_->want(1, {want("x")});
  EXPECT_EQ(first_grant(told).lease, 501U);
}

TEST_F(DispatcherTest, AnEndFromAnAgentThatDoesNotHaveTheMachineIsKeptAndDoesNotCount) {
  connect();
  auto other = std::make_shared<FakeSender>();
  v1::Hello also;
  also.set_agent("a0");
  also.add_machines()->set_name("m1");
  ASSERT_TRUE(fleet_.connected("a0", also, other));
  v1::FromAgent message;
  message.mutable_done()->mutable_session()->set_id(7);
  message.mutable_done()->mutable_session()->set_machine("m1");
  fleet_.received("a0", message);
  EXPECT_TRUE(soon([&] { return store_.kept.lock()->duplicates.contains(7); }));
  EXPECT_EQ(store_.kept.lock()->duplicates[7], "agent a0 does not have the machine");
  EXPECT_TRUE(store_.kept.lock()->unclaimed.empty());
}

}  // namespace
}  // namespace kiln::fleet
