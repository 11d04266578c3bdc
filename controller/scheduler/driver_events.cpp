#include <fmt/format.h>

#include "controller/scheduler/driver.h"
#include "lib/base/text.h"

namespace kiln::scheduler {

double RunDriver::elapsed() const {
  return input_.elapsed_before +
         std::chrono::duration<double>(deps_.clock->steady() - started_).count();
}

/// Seconds of the time budget, of this process alone: a run that goes on after its budget was spent
/// gets it anew. Time in which it waits for others is not counted.
double RunDriver::budget_left() const {
  return static_cast<double>(input_.prepared->spec.time_budget.count()) / 1000.0 - worked_;
}

double RunDriver::estimate_of(const job::PlannedSession& session) const {
  for (const job::PlanSessions& total : input_.plan.totals)
    if (total.purpose == session.purpose) return total.estimated_seconds_each;
  return job::first_guess_seconds("session-" + session.purpose);
}

/// What waits, by the plan's estimates; steps that run count half.
double RunDriver::remaining() const {
  double total = 0;
  for (const job::BuildStep& step : state_.builds) {
    if (step.state == job::StepState::kWaiting) total += step.build.estimated_seconds;
    if (step.state == job::StepState::kRunning) total += step.build.estimated_seconds / 2;
  }
  for (const job::SessionStep& step : state_.sessions) {
    if (step.state == job::StepState::kWaiting) total += estimate_of(step.session);
    if (step.state == job::StepState::kRunning) total += estimate_of(step.session) / 2;
  }
  return total;
}

void RunDriver::publish(const std::string& kind, const std::string& text, const std::string& cell,
                        const std::string& state, int64_t session_id) {
  v1::RunEvent event;
  event.set_kind(kind);
  event.set_text(to_valid_utf8(text));
  event.set_cell(cell);
  event.set_state(state);
  event.set_session_id(session_id);
  event.set_elapsed_seconds(elapsed());
  event.set_remaining_seconds(state_.stopping ? 0 : remaining());
  deps_.hub->publish(input_.run_id, std::move(event));
}

/// Steps done and in all, and the phase's words ("" = chosen from what is left).
void RunDriver::publish_phase(const std::string& text) {
  int done = 0;
  bool builds_left = false;
  bool tests_left = false;
  for (const job::BuildStep& step : state_.builds) {
    const bool over = step.state == job::StepState::kDone || step.state == job::StepState::kFailed;
    done += over ? 1 : 0;
    builds_left = builds_left || !over;
  }
  for (const job::SessionStep& step : state_.sessions) {
    const bool over = step.state == job::StepState::kDone || step.state == job::StepState::kFailed;
    done += over ? 1 : 0;
    tests_left = tests_left || (!over && !job::measures(step.session));
  }
  v1::RunEvent event;
  event.set_kind("phase");
  event.set_text(!text.empty() ? text
                 : builds_left ? "building and testing"
                 : tests_left  ? "testing"
                               : "measuring");
  event.set_done(done);
  event.set_total(static_cast<int>(state_.builds.size() + state_.sessions.size()));
  event.set_elapsed_seconds(elapsed());
  event.set_remaining_seconds(remaining());
  deps_.hub->publish(input_.run_id, std::move(event));
}

}  // namespace kiln::scheduler
