#include "lib/job/schedule.h"

#include <algorithm>

namespace kiln::job {
namespace {

bool any_build(const RunState& state, StepState wanted) {
  return std::any_of(state.builds.begin(), state.builds.end(),
                     [&](const BuildStep& b) { return b.state == wanted; });
}

const BuildStep* build_of(const RunState& state, const std::string& key) {
  for (const BuildStep& step : state.builds)
    if (step.build.key == key) return &step;
  return nullptr;
}

/// The first build whose base is done. A base that failed leaves its followers to start from
/// nothing: the builder then makes a full build, so that a failed baseline does not hide the
/// patched one's answer.
const BuildStep* next_build(const RunState& state) {
  for (const bool prefixes : {false, true}) {
    for (const BuildStep& step : state.builds) {
      if (step.state != StepState::kWaiting || step.is_prefix != prefixes) continue;
      const BuildStep* base = build_of(state, step.build.after_key);
      if (base == nullptr || base->state == StepState::kDone || base->state == StepState::kFailed)
        return &step;
    }
  }
  return nullptr;
}

/// Waiting and its kernel is there. A session whose build failed can never run.
bool is_ready(const RunState& state, const SessionStep& step) {
  if (step.state != StepState::kWaiting) return false;
  const BuildStep* build = build_of(state, step.session.build_key);
  return build == nullptr || build->state == StepState::kDone;
}

bool can_become_ready(const RunState& state, const SessionStep& step) {
  if (step.state != StepState::kWaiting) return false;
  const BuildStep* build = build_of(state, step.session.build_key);
  return build == nullptr || build->state != StepState::kFailed;
}

/// A pair counts only when both sides can run; with one side's build failed nothing is measured.
bool pair_is_whole(const RunState& state, const SessionStep& step) {
  if (step.session.pair == 0) return true;
  return std::all_of(state.sessions.begin(), state.sessions.end(), [&](const SessionStep& other) {
    if (other.session.pair != step.session.pair || other.session.config != step.session.config ||
        other.session.purpose != step.session.purpose)
      return true;
    const BuildStep* build = build_of(state, other.session.build_key);
    return build == nullptr || build->state != StepState::kFailed;
  });
}

/// What a session is for, in the order in which they are wanted.
enum class Class { kTests, kCoverage, kMeasures };

Class class_of(const SessionStep& step) {
  if (measures(step.session)) return Class::kMeasures;
  return step.session.purpose == kCoverage ? Class::kCoverage : Class::kTests;
}

bool any_left(const RunState& state, Class of) {
  return std::any_of(state.sessions.begin(), state.sessions.end(), [&](const SessionStep& step) {
    return class_of(step) == of && (step.state == StepState::kRunning ||
                                    (can_become_ready(state, step) && pair_is_whole(state, step)));
  });
}

bool any_pair_done(const RunState& state) {
  return std::any_of(state.sessions.begin(), state.sessions.end(), [](const SessionStep& s) {
    return s.session.purpose == "performance" && s.state == StepState::kDone;
  });
}

bool any_session_runs(const RunState& state) {
  return std::any_of(state.sessions.begin(), state.sessions.end(),
                     [](const SessionStep& s) { return s.state == StepState::kRunning; });
}

/// Functional sessions and confirmations; coverage when none of them is ready.
void add_tests(const RunState& state, std::vector<Action>* actions) {
  for (const Class of : {Class::kTests, Class::kCoverage}) {
    const size_t before = actions->size();
    for (const SessionStep& step : state.sessions)
      if (class_of(step) == of && is_ready(state, step))
        actions->push_back({Action::Kind::kSession, step.session.key});
    if (actions->size() > before) return;
  }
}

void add_measuring(const RunState& state, std::vector<Action>* actions) {
  if (any_session_runs(state) || any_build(state, StepState::kRunning)) return;
  for (const SessionStep& step : state.sessions) {
    if (!measures(step.session) || !is_ready(state, step) || !pair_is_whole(state, step)) continue;
    actions->push_back({Action::Kind::kSession, step.session.key});
    return;
  }
}

}  // namespace

bool has_spare_time(const RunState& state) {
  return !state.stopping && !any_build(state, StepState::kRunning) && next_build(state) == nullptr;
}

bool measures_purpose(const std::string& purpose) {
  return purpose == "performance" || purpose == "canary" || purpose == "instructions";
}

bool measures(const PlannedSession& session) {
  return measures_purpose(session.purpose);
}

std::vector<Action> next_actions(const RunState& state) {
  std::vector<Action> actions;
  const bool build_runs = any_build(state, StepState::kRunning);
  if (state.stopping) {
    if (!build_runs && !any_session_runs(state)) actions.push_back({Action::Kind::kFinish, ""});
    return actions;
  }
  const BuildStep* build = build_runs ? nullptr : next_build(state);
  if (build != nullptr) actions.push_back({Action::Kind::kBuild, build->build.key});
  add_tests(state, &actions);
  if (!actions.empty()) return actions;

  // They run, or wait for a machine or a build.
  if (any_left(state, Class::kTests)) return actions;
  if (!state.suspicions_asked) return {{Action::Kind::kAskSuspicions, ""}};
  if (any_left(state, Class::kCoverage)) return actions;
  if (!build_runs) add_measuring(state, &actions);
  if (!actions.empty()) return actions;
  if (any_left(state, Class::kMeasures) || build_runs || any_session_runs(state)) return actions;
  if (!state.pairs_asked && any_pair_done(state)) return {{Action::Kind::kAskPairs, ""}};
  return {{Action::Kind::kFinish, ""}};
}

}  // namespace kiln::job
