/// Every run of a few steps, with every way that each step may end: nothing runs twice at once,
/// measurements run alone, and each run comes to its end.
#include <gtest/gtest.h>

#include <map>

#include "lib/job/schedule.h"

namespace kiln::job {
namespace {

/// How a step ends: well, or not. A session that is lost is tried again.
enum class End { kGood, kBad };

/// A run with a baseline and a patched kernel: functional sessions, one that counts lines, one
/// pair.
RunState make_run(bool with_prefix) {
  RunState state;
  const auto add_build = [&](const char* key, const char* after, bool prefix) {
    BuildStep step;
    step.build.key = key;
    step.build.after_key = after;
    step.is_prefix = prefix;
    state.builds.push_back(step);
  };
  add_build("base", "", false);
  add_build("patched", "base", false);
  add_build("counting", "base", false);
  if (with_prefix) add_build("prefix", "base", true);
  const auto add_session = [&](const char* key, const char* purpose, const char* build, int pair) {
    SessionStep step;
    step.session.key = key;
    step.session.purpose = purpose;
    step.session.build_key = build;
    step.session.config = "c";
    step.session.pair = pair;
    state.sessions.push_back(step);
  };
  add_session("f/base", "functional", "base", 0);
  add_session("f/patched", "functional", "patched", 0);
  add_session("coverage", "coverage", "counting", 0);
  add_session("p/base", "performance", "base", 1);
  add_session("p/patched", "performance", "patched", 1);
  return state;
}

/// Lets one run happen: `ends` decides, step by step, which of the running things ends next and
/// how, like the digits of a number.
class Walk {
 public:
  Walk(RunState state, size_t machines, uint64_t ends)
      : state_(std::move(state)), free_(machines), ends_(ends) {}

  void run() {
    for (int step = 0; step < 200; ++step) {
      const std::vector<Action> actions = next_actions(state_);
      for (const Action& action : actions) {
        if (action.kind == Action::Kind::kFinish) {
          EXPECT_EQ(actions.size(), 1U);
          EXPECT_TRUE(running().empty()) << "finished while something runs";
          finished_ = true;
          return;
        }
        if (action.kind == Action::Kind::kSession && free_ == 0) continue;
        act(action);
        check_alone();
      }
      if (!running().empty()) {
        end_one();
      } else if (actions.empty()) {
        ADD_FAILURE() << "stuck";
        return;
      }
    }
    ADD_FAILURE() << "no end";
  }
  [[nodiscard]] bool finished() const { return finished_; }
  [[nodiscard]] const RunState& state() const { return state_; }

 private:
  uint64_t digit(uint64_t base) {
    const uint64_t value = ends_ % base;
    ends_ /= base;
    return value;
  }

  void act(const Action& action) {
    if (action.kind == Action::Kind::kAskSuspicions) {
      EXPECT_FALSE(state_.suspicions_asked);
      state_.suspicions_asked = true;
      return;
    }
    if (action.kind == Action::Kind::kAskPairs) {
      EXPECT_FALSE(state_.pairs_asked);
      for (const SessionStep& session : state_.sessions)
        EXPECT_TRUE(session.state != StepState::kRunning) << "asked while something measures";
      state_.pairs_asked = true;
      return;
    }
    if (action.kind == Action::Kind::kBuild) {
      for (BuildStep& build : state_.builds) {
        if (build.build.key != action.key) continue;
        EXPECT_EQ(build.state, StepState::kWaiting) << action.key << " is built twice";
        build.state = StepState::kRunning;
      }
      return;
    }
    for (SessionStep& session : state_.sessions) {
      if (session.session.key != action.key) continue;
      EXPECT_EQ(session.state, StepState::kWaiting) << action.key << " runs twice";
      session.state = StepState::kRunning;
      ++session.attempts;
      EXPECT_LE(session.attempts, kMaxAttempts);
      --free_;
      for (const BuildStep& build : state_.builds) {
        if (build.build.key == session.session.build_key) {
          EXPECT_EQ(build.state, StepState::kDone);
        }
      }
    }
  }

  /// Indices of what runs: builds, then sessions.
  [[nodiscard]] std::vector<size_t> running() const {
    std::vector<size_t> out;
    for (size_t i = 0; i < state_.builds.size(); ++i) {
      if (state_.builds[i].state == StepState::kRunning) out.push_back(i);
    }
    for (size_t i = 0; i < state_.sessions.size(); ++i) {
      if (state_.sessions[i].state == StepState::kRunning) out.push_back(100 + i);
    }
    return out;
  }

  void check_alone() const {
    const std::vector<size_t> all = running();
    size_t builds = 0;
    bool measuring = false;
    for (const size_t i : all) {
      if (i < 100) ++builds;
      if (i >= 100 && measures(state_.sessions[i - 100].session)) measuring = true;
    }
    EXPECT_LE(builds, 1U);
    EXPECT_TRUE(!measuring || all.size() == 1) << "a measurement is not alone";
  }

  void end_one() {
    const std::vector<size_t> all = running();
    const size_t which = all[digit(all.size())];
    const End end = digit(2) == 0 ? End::kGood : End::kBad;
    if (which < 100) {
      state_.builds[which].state = end == End::kGood ? StepState::kDone : StepState::kFailed;
      return;
    }
    SessionStep& session = state_.sessions[which - 100];
    ++free_;
    if (end == End::kGood) {
      session.state = StepState::kDone;
    } else {
      session.state = session.attempts < kMaxAttempts ? StepState::kWaiting : StepState::kFailed;
    }
  }

  RunState state_;
  size_t free_;  ///< machines
  uint64_t ends_;
  bool finished_ = false;
};

void expect_all_ended(const RunState& state) {
  std::map<std::string, StepState> builds;
  for (const BuildStep& build : state.builds) {
    EXPECT_NE(build.state, StepState::kWaiting) << build.build.key << " was never built";
    builds[build.build.key] = build.state;
  }
  const bool both = builds["base"] == StepState::kDone && builds["patched"] == StepState::kDone;
  for (const SessionStep& session : state.sessions) {
    const bool runnable =
        session.session.pair != 0 ? both : builds[session.session.build_key] == StepState::kDone;
    if (runnable) {
      EXPECT_TRUE(session.state == StepState::kDone || session.state == StepState::kFailed)
          << session.session.key << " was planned, could run, and did not";
    } else {
      EXPECT_EQ(session.state, StepState::kWaiting) << session.session.key;
    }
  }
}

TEST(ScheduleProperty, EveryWayOfEndingEndsTheRun) {
  for (const bool with_prefix : {false, true}) {
    for (const size_t machines : {1U, 2U}) {
      for (uint64_t ends = 0; ends < 8192; ++ends) {
        // Spread the bits, so that early and late choices both vary.
        Walk walk(make_run(with_prefix), machines, ends * 0x9E3779B97F4A7C15ULL);
        walk.run();
        ASSERT_TRUE(walk.finished())
            << "prefix " << with_prefix << ", machines " << machines << ", ends " << ends;
        expect_all_ended(walk.state());
        ASSERT_FALSE(::testing::Test::HasFailure())
            << "prefix " << with_prefix << ", machines " << machines << ", ends " << ends;
      }
    }
  }
}

TEST(ScheduleProperty, EveryShortSequenceOfEndingsEndsTheRun) {
  for (uint64_t ends = 0; ends < 16'384; ++ends) {  // every choice of the first 14 endings
    Walk walk(make_run(false), 1, ends);
    walk.run();
    ASSERT_TRUE(walk.finished()) << ends;
    expect_all_ended(walk.state());
    ASSERT_FALSE(::testing::Test::HasFailure()) << ends;
  }
}

}  // namespace
}  // namespace kiln::job
