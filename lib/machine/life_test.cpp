#include "lib/machine/life.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "lib/os/files.h"

namespace kiln::machine {
namespace {

using S = LifeState;
using E = LifeEvent;

std::set<S> reachable(S from) {
  std::set<S> seen{from};
  for (bool grew = true; grew;) {
    grew = false;
    for (const Edge& edge : life_edges())
      if (seen.contains(edge.from)) grew |= seen.insert(edge.to).second;
  }
  return seen;
}

TEST(Life, EachRowStandsAtItsState) {
  for (size_t i = 0; i < life_states().size(); ++i) {
    const StateRow& row = life_states()[i];
    EXPECT_EQ(static_cast<size_t>(row.state), i);
    EXPECT_EQ(life_state(row.name), row.state);
    EXPECT_FALSE(row.does.empty());
    EXPECT_GE(row.tries, 1);
  }
  EXPECT_EQ(life_state("no-such-state"), std::nullopt);
}

TEST(Life, AnEventLeadsToOnePlace) {
  std::set<std::pair<S, E>> seen;
  for (const Edge& edge : life_edges())
    EXPECT_TRUE(seen.insert({edge.from, edge.event}).second)
        << to_string(edge.from) << " " << to_string(edge.event);
}

TEST(Life, EveryStateIsReachedAndEveryStateLeadsBackToReady) {
  EXPECT_EQ(reachable(S::kOffline).size(), life_states().size());
  for (const StateRow& row : life_states())
    EXPECT_TRUE(reachable(row.state).contains(S::kReady)) << row.name;
}

TEST(Life, EveryLimitLeadsSomewhereAndOnlyALimitDoes) {
  for (const StateRow& row : life_states()) {
    // A test phase has its order's limit, not the table's.
    const bool bounded = row.limit.count() > 0 || row.state == S::kTesting;
    EXPECT_EQ(edge_of(row.state, E::kTimeout) != nullptr, bounded) << row.name;
  }
}

TEST(Life, NothingThatBrokeIsReadyWithoutHavingBeenLookedAt) {
  for (const Edge& edge : life_edges()) {
    const bool broke =
        edge.event == E::kFailed || edge.event == E::kTimeout || edge.event == E::kReset;
    EXPECT_FALSE(broke && edge.to == S::kReady) << to_string(edge.from);
  }
  EXPECT_EQ(edge_of(S::kRecovering, E::kDone)->to, S::kVerifying);
  EXPECT_EQ(edge_of(S::kQuarantined, E::kMended)->to, S::kQualifying);
}

TEST(Life, AnAgentThatComesBackKnowsTheWorst) {
  for (const StateRow& row : life_states()) {
    EXPECT_NE(row.after_restart, S::kReady) << row.name;
    EXPECT_NE(row.after_restart, S::kLeased) << row.name;
    const std::set<S> fit{S::kCleaning, S::kRecovering, S::kTesting, S::kCollecting};
    EXPECT_TRUE(!in_session(row.state) || fit.contains(row.after_restart)) << row.name;
  }
  EXPECT_EQ(after_restart(S::kQuarantined), S::kQuarantined);
  for (const S state : {S::kOffline, S::kVerifying, S::kReady, S::kQuarantined, S::kHeld})
    EXPECT_FALSE(is_unfinished(after_restart(state))) << to_string(state);
  for (const S state : {S::kLeased, S::kArmed, S::kBooting, S::kTesting, S::kTriage, S::kCleaning})
    EXPECT_TRUE(is_unfinished(after_restart(state))) << to_string(state);
  EXPECT_EQ(after_restart(S::kHeld), S::kHeld);
}

/// The series is blamed by three edges alone, and each has seen the kernel itself.
TEST(Life, OnlyAKernelThatWasSeenIsBlamed) {
  const std::set<std::string_view> of_the_kernel{"BOOT_FAIL", "CRASH", "TIMED_OUT"};
  for (const Edge& edge : life_edges()) {
    if (!of_the_kernel.contains(edge.ending)) continue;
    EXPECT_TRUE((edge.from == S::kTriage && edge.event == E::kDone) || edge.from == S::kTesting)
        << to_string(edge.from) << " " << to_string(edge.event);
  }
  EXPECT_EQ(edge_of(S::kBooting, E::kTimeout)->to, S::kTriage);
  EXPECT_EQ(edge_of(S::kTriage, E::kFailed)->ending, "INFRA_DUT");
}

TEST(Life, ASessionThatLeavesByTroubleSaysItsClassOrIsStillBeingJudged) {
  for (const Edge& edge : life_edges()) {
    if (!in_session(edge.from) || edge.from == S::kCollecting) continue;
    const bool trouble = edge.event == E::kFailed || edge.event == E::kTimeout ||
                         edge.event == E::kReset || edge.event == E::kStopped;
    EXPECT_FALSE(trouble && edge.to != S::kTriage && edge.ending.empty())
        << to_string(edge.from) << " " << to_string(edge.event);
  }
}

TEST(Life, AStopNeverLeavesAMachineAsItIs) {
  for (const StateRow& row : life_states()) {
    if (!in_session(row.state)) continue;
    const Edge* stop = edge_of(row.state, E::kStopped);
    ASSERT_NE(stop, nullptr) << row.name;
    EXPECT_TRUE(stop->to == S::kCollecting || stop->to == S::kCleaning) << row.name;
  }
}

/// KILN_ACCEPT=1 writes the drawing anew.
TEST(Life, TheDrawingInDocsIsOfThisTable) {
  const os::Path file = os::Path(KILN_SOURCE_DIR) / "docs" / "machine-states.svg";
  if (std::getenv("KILN_ACCEPT") != nullptr) {
    ASSERT_TRUE(os::write_atomic(file, life_svg()));
  }
  EXPECT_TRUE(os::read_file(file).value_or("") == life_svg())
      << "docs/machine-states.svg is of another table: KILN_ACCEPT=1 makes it anew";
}

}  // namespace
}  // namespace kiln::machine
