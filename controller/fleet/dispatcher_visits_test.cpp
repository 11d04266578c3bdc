#include "controller/fleet/dispatcher_fixture.h"

namespace kiln::fleet {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class VisitTest : public DispatcherTest {
 protected:
  void hold(const std::string& machine = "m1", Millis length = 1h) {
    ASSERT_TRUE(dispatcher_->hold(machine, "ann", "a look", clock_.now() + length));
  }
  std::optional<Visit> visit_of(const std::string& machine) {
    for (const MachineView& view : dispatcher_->views())
      if (view.info.name() == machine) return view.visit;
    return std::nullopt;
  }
  void report(int64_t id, const std::string& phase, const std::string& text = "") {
    v1::FromAgent message;
    message.mutable_event()->set_session_id(id);
    message.mutable_event()->set_phase(phase);
    message.mutable_event()->set_text(text);
    fleet_.received("a1", message);
  }
  [[nodiscard]] v1::SessionOrder sent() {
    auto all = sender_->sent.lock();
    for (auto each = all->rbegin(); each != all->rend(); ++each)
      if (each->has_start()) return each->start();
    return {};
  }
};

TEST_F(VisitTest, TheHoldersKernelStaysUntilTheHoldEnds) {
  connect();
  hold();
  const auto visit = dispatcher_->visit("m1", "ann", {}, "run 12, patched/a: 6.1");
  ASSERT_TRUE(visit) << render(visit.error());
  const v1::SessionOrder order = sent();
  EXPECT_EQ(order.session_id(), -visit->number);
  EXPECT_EQ(order.lease_epoch(), static_cast<uint64_t>(visit->number));
  EXPECT_EQ(order.machine(), "m1");
  EXPECT_TRUE(order.stay());
  EXPECT_NEAR(order.timeout_seconds(), 3600, 1);
  report(order.session_id(), "booting");
  EXPECT_EQ(visit_of("m1")->state, "booting");
  report(order.session_id(), "down", "Kernel panic - not syncing: Fatal exception");
  EXPECT_EQ(visit_of("m1")->state, "down");
  EXPECT_THAT(visit_of("m1")->why, HasSubstr("Kernel panic"));
  ASSERT_TRUE(dispatcher_->release_hold("m1", "ann"));
  EXPECT_THAT(sender_->words(), Contains("cancel " + std::to_string(order.session_id())));
  EXPECT_FALSE(visit_of("m1"));
  report_done(order.session_id());
  EXPECT_THAT(sender_->words(), Contains("ack " + std::to_string(order.session_id())));
  EXPECT_THAT(store_.kept.lock()->unclaimed, IsEmpty()) << "it is no result";
}

TEST_F(VisitTest, TheNextBootIsALaterLease) {
  connect();
  hold();
  const auto first = dispatcher_->visit("m1", "ann", {}, "one");
  const auto second = dispatcher_->visit("m1", "ann", {}, "two");
  ASSERT_TRUE(first && second);
  EXPECT_GT(second->number, first->number);
  report_done(-first->number);
  EXPECT_EQ(visit_of("m1")->state, "starting") << "the end of the first is not the second's";
  report_done(-second->number);
  EXPECT_EQ(visit_of("m1")->state, "ended");
}

TEST_F(VisitTest, OnlyItsHolderBootsAMachineAndOnlyWhenItIsFree) {
  connect();
  EXPECT_FALSE(dispatcher_->visit("m1", "ann", {}, "x")) << "nobody holds it";
  Told run;
  dispatcher_->join(1, "cat", run.listener());
  dispatcher_->want(1, {want("x")});
  const lab::Grant grant = first_grant(run);
  ASSERT_TRUE(dispatcher_->start(1, grant.lease, order(5, grant)));
  hold(grant.place);
  const auto busy = dispatcher_->visit(grant.place, "ann", {}, "x");
  ASSERT_FALSE(busy);
  EXPECT_EQ(busy.error().kind, ErrorKind::kConflict);
  EXPECT_THAT(busy.error().message, HasSubstr("a session of run 1 still runs"));
  dispatcher_->release(grant.lease);
  const auto other = dispatcher_->visit(grant.place, "bob", {}, "x");
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message, HasSubstr("held by ann"));
  EXPECT_TRUE(dispatcher_->visit(grant.place, "ann", {}, "x"));
}

TEST_F(VisitTest, AHoldsTimeEndsItsVisit) {
  connect();
  hold("m1", 10min);
  const auto visit = dispatcher_->visit("m1", "ann", {}, "x");
  ASSERT_TRUE(visit);
  const auto tunnel = fleet_.tunnels().make("ann", "m1", true);
  ASSERT_TRUE(tunnel);
  clock_.advance(11min);
  EXPECT_TRUE(soon([&] { return word("m1") == "ready"; }));
  EXPECT_TRUE(soon([&] { return !visit_of("m1"); }));
  EXPECT_THAT(sender_->words(), Contains("cancel " + std::to_string(-visit->number)));
  const auto over = (*tunnel)->take(Millis(0));
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().message, "the hold's time is over");
}

TEST_F(VisitTest, AControllerThatIsStartedAgainLearnsOfItFromTheAgent) {
  connect();
  hold();
  const auto visit = dispatcher_->visit("m1", "ann", {}, "x");
  ASSERT_TRUE(visit);
  start();  // another process over the same database
  connect({held(-visit->number)});
  ASSERT_TRUE(visit_of("m1"));
  EXPECT_EQ(visit_of("m1")->state, "up");
  EXPECT_THAT(sender_->words(), IsEmpty());
  ASSERT_TRUE(dispatcher_->release_hold("m1", "ann"));
  EXPECT_THAT(sender_->words(), ElementsAre("cancel " + std::to_string(-visit->number)));
}

TEST_F(VisitTest, WhatNobodyHoldsAnyMoreIsCancelled) {
  connect({held(-77)});
  EXPECT_THAT(sender_->words(), ElementsAre("cancel -77"));
}

TEST_F(VisitTest, AnAgentThatWasStartedAgainHasLostIt) {
  connect();
  hold();
  ASSERT_TRUE(dispatcher_->visit("m1", "ann", {}, "x"));
  connect();
  EXPECT_EQ(visit_of("m1")->state, "ended");
  EXPECT_EQ(visit_of("m1")->why, "its agent was started again");
}

}  // namespace
}  // namespace kiln::fleet
