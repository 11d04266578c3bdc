#include "lib/job/schedule.h"

#include <gtest/gtest.h>

#include <map>

namespace kiln::job {
namespace {

BuildStep build_step(const std::string& key, const std::string& after = "", bool prefix = false) {
  BuildStep step;
  step.build.key = key;
  step.build.after_key = after;
  step.is_prefix = prefix;
  return step;
}

SessionStep session_step(const std::string& key, const std::string& purpose,
                         const std::string& build, int pair = 0) {
  SessionStep step;
  step.session.key = key;
  step.session.purpose = purpose;
  step.session.build_key = build;
  step.session.pair = pair;
  step.session.config = "c";
  return step;
}

RunState small_run() {
  RunState state;
  state.builds = {build_step("base"), build_step("patched", "base"),
                  build_step("p1", "base", true)};
  state.sessions = {session_step("f/base", "functional", "base"),
                    session_step("f/patched", "functional", "patched"),
                    session_step("p/1/base", "performance", "base", 1),
                    session_step("p/1/patched", "performance", "patched", 1)};
  return state;
}

TEST(SpareTime, ComesWhenNothingBuilds) {
  RunState state = small_run();
  EXPECT_FALSE(has_spare_time(state)) << "a build could start";
  state.builds[0].state = state.builds[1].state = StepState::kDone;
  state.builds[2].state = StepState::kRunning;
  EXPECT_FALSE(has_spare_time(state)) << "a build runs";
  state.builds[2].state = StepState::kFailed;
  EXPECT_TRUE(has_spare_time(state));
  state.stopping = true;
  EXPECT_FALSE(has_spare_time(state));
}

/// Drives the run to its end; every step ends well unless `endings` says otherwise. Returns the
/// order.
std::vector<std::string> drive(RunState state, std::map<std::string, StepState> endings = {}) {
  std::vector<std::string> order;
  for (int round = 0; round < 100; ++round) {
    const std::vector<Action> actions = next_actions(state);
    for (const Action& action : actions) {
      switch (action.kind) {
        case Action::Kind::kFinish:
          order.push_back("finish");
          return order;
        case Action::Kind::kAskSuspicions:
          order.push_back("ask");
          state.suspicions_asked = true;
          break;
        case Action::Kind::kAskPairs:
          order.push_back("ask pairs");
          state.pairs_asked = true;
          break;
        case Action::Kind::kBuild:
          order.push_back(action.key);
          for (BuildStep& step : state.builds)
            if (step.build.key == action.key)
              step.state = endings.contains(action.key) ? endings[action.key] : StepState::kDone;
          break;
        case Action::Kind::kSession:
          order.push_back(action.key);
          for (SessionStep& step : state.sessions)
            if (step.session.key == action.key) {
              EXPECT_EQ(step.state, StepState::kWaiting) << "started twice: " << action.key;
              step.state = endings.contains(action.key) ? endings[action.key] : StepState::kDone;
            }
          break;
      }
    }
    if (actions.empty()) {
      ADD_FAILURE() << "nothing to do although nothing runs";
      return order;
    }
  }
  ADD_FAILURE() << "no end";
  return order;
}

using Order = std::vector<std::string>;

TEST(Schedule, RunsEachStepOnceMeasurementsLast) {
  EXPECT_EQ(drive(small_run()), (Order{"base", "patched", "f/base", "p1", "f/patched", "ask",
                                       "p/1/base", "p/1/patched", "ask pairs", "finish"}));
}

TEST(Schedule, PairsThatAreAskedForRunBeforeTheEnd) {
  RunState state = small_run();
  for (BuildStep& step : state.builds) step.state = StepState::kDone;
  for (SessionStep& step : state.sessions) step.state = StepState::kDone;
  state.suspicions_asked = true;
  EXPECT_EQ(next_actions(state), (std::vector<Action>{{Action::Kind::kAskPairs, ""}}));
  state.sessions.push_back(session_step("p/2/base", "performance", "base", 2));
  EXPECT_EQ(next_actions(state), (std::vector<Action>{{Action::Kind::kSession, "p/2/base"}}));
  state.sessions.back().state = StepState::kDone;
  state.pairs_asked = true;
  EXPECT_EQ(next_actions(state), (std::vector<Action>{{Action::Kind::kFinish, ""}}));
}

TEST(Schedule, ABrokenPatchedBuildLeavesItsSessionsOutAndEnds) {
  EXPECT_EQ(drive(small_run(), {{"patched", StepState::kFailed}}),
            (Order{"base", "patched", "f/base", "p1", "ask", "finish"}));
}

TEST(Schedule, ABrokenBaselineStillBuildsThePatchedCell) {
  EXPECT_EQ(drive(small_run(), {{"base", StepState::kFailed}}),
            (Order{"base", "patched", "p1", "f/patched", "ask", "finish"}));
}

TEST(Schedule, NothingMeasuresBesideABuildOrAnotherSession) {
  RunState state = small_run();
  state.builds[0].state = state.builds[1].state = StepState::kDone;
  state.builds[2].state = StepState::kRunning;
  state.sessions[0].state = state.sessions[1].state = StepState::kDone;
  state.suspicions_asked = true;
  EXPECT_TRUE(next_actions(state).empty());
  state.builds[2].state = StepState::kDone;
  state.sessions[2].state = StepState::kRunning;
  EXPECT_TRUE(next_actions(state).empty());
}

TEST(Schedule, SessionsOverlapABuild) {
  RunState state = small_run();
  state.builds[0].state = StepState::kDone;
  state.builds[1].state = StepState::kRunning;
  EXPECT_EQ(next_actions(state), (std::vector<Action>{{Action::Kind::kSession, "f/base"}}));
}

TEST(Schedule, StoppingStartsNothingAndEndsWhenNothingRuns) {
  RunState state = small_run();
  state.stopping = true;
  state.sessions[0].state = StepState::kRunning;
  EXPECT_TRUE(next_actions(state).empty());
  state.sessions[0].state = StepState::kDone;
  EXPECT_EQ(next_actions(state), (std::vector<Action>{{Action::Kind::kFinish, ""}}));
}

TEST(Schedule, ConfirmationsComeBeforeMeasurements) {
  RunState state = small_run();
  for (BuildStep& step : state.builds) step.state = StepState::kDone;
  state.sessions[0].state = state.sessions[1].state = StepState::kDone;
  state.suspicions_asked = true;
  state.sessions.push_back(session_step("c/1", "confirmation", "base"));
  EXPECT_EQ(next_actions(state), (std::vector<Action>{{Action::Kind::kSession, "c/1"}}));
}

RunState with_coverage() {
  RunState state = small_run();
  state.builds.insert(state.builds.begin() + 2, build_step("cov", "base"));
  state.sessions.insert(state.sessions.begin() + 2, session_step("cov/c", "coverage", "cov"));
  return state;
}

TEST(Schedule, CoverageComesBeforeMeasurementsAndDelaysNoQuestion) {
  EXPECT_EQ(drive(with_coverage()),
            (Order{"base", "patched", "f/base", "cov", "f/patched", "p1", "cov/c", "ask",
                   "p/1/base", "p/1/patched", "ask pairs", "finish"}));
  RunState state = with_coverage();
  for (BuildStep& step : state.builds) step.state = StepState::kDone;
  state.sessions[0].state = state.sessions[1].state = StepState::kDone;
  state.sessions[2].state = StepState::kRunning;
  EXPECT_EQ(next_actions(state), (std::vector<Action>{{Action::Kind::kAskSuspicions, ""}}));
  state.suspicions_asked = true;
  EXPECT_TRUE(next_actions(state).empty()) << "nothing measures beside a coverage session";
}

TEST(Schedule, ConfirmationsComeBeforeCoverage) {
  RunState state = with_coverage();
  for (BuildStep& step : state.builds) step.state = StepState::kDone;
  state.sessions[0].state = state.sessions[1].state = StepState::kDone;
  state.suspicions_asked = true;
  state.sessions.push_back(session_step("c/1", "confirmation", "base"));
  EXPECT_EQ(next_actions(state), (std::vector<Action>{{Action::Kind::kSession, "c/1"}}));
}

TEST(Schedule, AKernelThatCannotCountLeavesItsSessionOut) {
  EXPECT_EQ(drive(with_coverage(), {{"cov", StepState::kFailed}}),
            (Order{"base", "patched", "f/base", "cov", "f/patched", "p1", "ask", "p/1/base",
                   "p/1/patched", "ask pairs", "finish"}));
}

}  // namespace
}  // namespace kiln::job
