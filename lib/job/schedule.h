#pragma once
/// What to do next in a run. Pure: the driver shows the state and does what comes out.
#include <set>
#include <string>
#include <vector>

#include "lib/job/plan.h"

namespace kiln::job {

enum class StepState { kWaiting, kRunning, kDone, kFailed };

struct BuildStep {
  PlanBuild build;
  StepState state = StepState::kWaiting;
  /// Prefix builds have no sessions; they wait until no cell's build is left.
  bool is_prefix = false;
};

struct SessionStep {
  PlannedSession session;
  StepState state = StepState::kWaiting;
  int attempts = 0;  ///< ended as infrastructure so far, this one included when it runs
};

struct RunState {
  std::vector<BuildStep> builds;      ///< in plan order
  std::vector<SessionStep> sessions;  ///< in plan order; confirmations are appended
  bool suspicions_asked = false;      ///< judge() was asked after the functional sessions
  bool pairs_asked = false;  ///< whether the figures need more pairs, after the last of them
  bool stopping = false;     ///< cancelled: start nothing
};

struct Action {
  enum class Kind { kBuild, kSession, kAskSuspicions, kAskPairs, kFinish };
  Kind kind = Kind::kFinish;
  std::string key;  ///< build key or session key
  bool operator==(const Action&) const = default;
};

/// A session is run again after an infrastructure ending, at most so many times in all.
constexpr int kMaxAttempts = 3;

/// What could be done now, the most wanted first; empty = wait for something that runs. kBuild and
/// kSession may start as soon as the lab has room for them (lib/lab/queue.h). kFinish comes alone,
/// once nothing runs and nothing can start. kAskSuspicions comes when the functional sessions (and
/// any confirmations) have ended and suspicions_asked is false; kAskPairs once all that measures
/// has ended and pairs_asked is false. Rules: one build at a time; functional, confirmation and
/// coverage sessions may run beside a build, coverage when none of the others is ready; sessions
/// that measure come last and one at a time, so that all of them meet the same machine.
std::vector<Action> next_actions(const RunState& state);

/// Does the run leave its builds' computer time for work that it does not wait for? Not while a
/// build runs or could.
bool has_spare_time(const RunState& state);

/// Does a session of this purpose measure performance?
bool measures_purpose(const std::string& purpose);
/// Does the session measure performance?
bool measures(const PlannedSession& session);

}  // namespace kiln::job
