/// Boots that the plan did not have: what differs is confirmed, what regressed is bisected, figures
/// that are not decided get more pairs.
#include <fmt/format.h>

#include <algorithm>

#include "controller/scheduler/driver.h"

namespace kiln::scheduler {
namespace {

/// Each round adds at least one boot; the verdict's own bounds end it earlier.
constexpr int kMaxFollowUpRounds = 40;
/// A boot may take longer than those before it, and the run must end within its budget.
constexpr double kBudgetReserve = 1.25;

std::string and_more(const std::vector<std::string>& tests) {
  std::string text = tests.front();
  if (tests.size() > 1) text += fmt::format(" and {} more", tests.size() - 1);
  return text;
}

}  // namespace

/// Asked again after each round, until the verdict needs nothing more: a difference is run again on
/// both sides before it gets a name, and what got the name "regression" is bisected.
void RunDriver::ask_follow_ups(const std::stop_token& stop) {
  state_.suspicions_asked = true;
  if (follow_up_round_ >= kMaxFollowUpRounds) return;
  ++follow_up_round_;
  const verdict::Input input = verdict_input();
  if (ask_confirmations(input) || ask_bisection(input, stop)) state_.suspicions_asked = false;
  publish_phase("");
}

/// Asked at each look at the figures, once all that measures has ended.
void RunDriver::ask_pairs() {
  state_.pairs_asked = true;
  const auto further = verdict::further_pairs(verdict_input(), pair_budget());
  int first = 0;
  int last = 0;
  for (const verdict::FurtherPairs& one : further) {
    publish("suspect", fmt::format("undecided: {} with {} after {} pairs; going on to {}",
                                   and_more(one.open), one.config, one.from - 1, one.to));
    first = first == 0 ? one.from : std::min(first, one.from);
    last = std::max(last, one.to);
  }
  // Pairs of one number lie side by side, as in the plan, so that configs meet the same machine.
  for (int pair = first; pair <= last; ++pair) {
    for (const verdict::FurtherPairs& one : further) {
      if (pair < one.from || pair > one.to) continue;
      for (job::PlannedSession& session :
           job::further_pair(input_.plan, one.config, pair, input_.seed)) {
        if (step_of(session.key) != nullptr) continue;
        job::SessionStep step;
        step.session = std::move(session);
        state_.sessions.push_back(std::move(step));
        state_.pairs_asked = false;
      }
    }
  }
  publish_phase("");
}

verdict::PairBudget RunDriver::pair_budget() const {
  double seconds = 0;
  int boots = 0;
  for (const job::SessionStep& step : state_.sessions) {
    if (step.session.purpose != "performance") continue;
    const auto attempts = ended_.find(step.session.key);
    if (attempts == ended_.end() || attempts->second.empty()) continue;
    seconds += attempts->second.back().elapsed_seconds();
    ++boots;
  }
  return {budget_left(), boots == 0 ? 0 : kBudgetReserve * 2 * seconds / boots};
}

bool RunDriver::ask_confirmations(const verdict::Input& input) {
  bool any = false;
  for (const verdict::Suspicion& suspicion : verdict::suspicions(input)) {
    const auto more =
        job::confirmation_sessions(input_.plan, suspicion.config, suspicion.boots_each,
                                   follow_up_round_, suspicion.tests, input_.seed);
    for (const job::PlannedSession& session : more) {
      if (step_of(session.key) != nullptr) continue;
      job::SessionStep step;
      step.session = session;
      state_.sessions.push_back(std::move(step));
      any = true;
    }
    publish(
        "suspect",
        fmt::format("suspected: {} differ{} with {}; confirming on {} more boot{} a side",
                    and_more(suspicion.tests), suspicion.tests.size() == 1 ? "s" : "",
                    suspicion.config, suspicion.boots_each, suspicion.boots_each == 1 ? "" : "s"));
  }
  return any;
}

bool RunDriver::ask_bisection(const verdict::Input& input, const std::stop_token& stop) {
  bool any = false;
  for (const verdict::BisectionBoot& boot : verdict::bisection_boots(input)) {
    const BuildTarget* target = target_for_bisection(boot, stop);
    if (target == nullptr) continue;
    job::SessionStep step;
    step.session = job::bisection_session(boot.config, boot.variant, target->key, follow_up_round_,
                                          boot.tests);
    if (step_of(step.session.key) != nullptr) continue;
    state_.sessions.push_back(std::move(step));
    publish("suspect", fmt::format("which patch: {} with {} in {}", and_more(boot.tests),
                                   boot.variant, boot.config));
    any = true;
  }
  return any;
}

/// Prefixes of patches are in the plan; those of commits, and the series without its culprit, are
/// made ready here. nullptr: it cannot be had, which of the latter the next verdict_input() says.
const BuildTarget* RunDriver::target_for_bisection(const verdict::BisectionBoot& boot,
                                                   const std::stop_token& stop) {
  for (const BuildTarget& target : input_.prepared->targets)
    if (target.variant == boot.variant && target.config == boot.config) return &target;
  const int patch = job::patch_left_out(boot.variant);
  if (!deps_.make_part) return nullptr;
  publish_phase("making " + boot.variant);
  auto made = deps_.make_part(boot.variant, boot.config, stop);
  if (patch == 0 && (!made || !*made)) {
    publish("note", made ? fmt::format("{} cannot be made", boot.variant) : made.error().message);
    return nullptr;
  }
  if (!made || !*made) {
    not_revertible_.push_back(patch);
    if (made) (void)deps_.store->put_not_revertible(input_.run_id, patch);
    publish("note", made ? fmt::format("the series does not apply without patch {}", patch)
                         : made.error().message);
    return nullptr;
  }
  // Builds that are under way read the old one.
  auto more = std::make_shared<Prepared>(*input_.prepared);
  more->targets.push_back(**made);
  input_.prepared = std::move(more);
  const BuildTarget* target = &input_.prepared->targets.back();
  const bool known = std::any_of(state_.builds.begin(), state_.builds.end(),
                                 [&](const auto& step) { return step.build.key == target->key; });
  if (known) return target;
  job::BuildStep step;
  step.build.cell = boot.variant + "/" + boot.config;
  step.build.key = target->key;
  step.build.after_key = target->base_key;
  step.build.state = "incremental";
  step.is_prefix = true;
  if (auto found = deps_.store->find_build(target->key); found && *found) {
    records_[target->key] = **found;
    step.state = job::StepState::kDone;
    (void)deps_.store->put_build(input_.run_id, boot.variant, boot.config, **found);
  }
  state_.builds.push_back(std::move(step));
  return target;
}

}  // namespace kiln::scheduler
