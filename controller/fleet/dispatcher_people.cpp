/// What people see of machines and do with them, and what evidence says of them.
#include <fmt/format.h>

#include <algorithm>

#include "controller/fleet/dispatcher.h"

namespace kiln::fleet {

std::vector<MachineView> Dispatcher::views() {
  const MachineList connected = fleet_.machines();
  auto state = state_.lock();
  std::map<std::string, MachineView> views;
  for (const auto& [name, standing] : state->standings) {
    MachineView& view = views[name];
    view.info.set_name(name);
    view.standing = standing;
    view.word = standing.intent != "in-service" ? standing.intent : "away";
    view.why = standing.intent != "in-service" ? standing.intent_why : "its agent is not connected";
  }
  for (const Machine& machine : *connected) {
    MachineView& view = views[machine.info.name()];
    view.info = machine.info;
    view.standing.machine = machine.info.name();
    view.standing.agent = machine.agent;
    view.connected = true;
    view.word = word_of(*state, machine, &view.why);
  }
  for (const lab::Held& held : state->queue.held()) {
    const auto view = views.find(held.place);
    if (view == views.end()) continue;
    view->second.held = held;
    if (view->second.word == "ready") {
      view->second.word = "busy";
      view->second.why = fmt::format("run {}, {}", held.run, held.key);
    }
  }
  for (const auto& [machine, hold] : state->holds) views[machine].hold = hold;
  for (const auto& [machine, visit] : state->visits)
    if (const auto view = views.find(machine); view != views.end()) view->second.visit = visit;
  std::vector<MachineView> out;
  for (auto& [name, view] : views) out.push_back(std::move(view));
  return out;
}

std::vector<Quarantined> Dispatcher::quarantined() {
  std::vector<Quarantined> out;
  {
    auto state = state_.lock();
    for (const auto& [name, standing] : state->standings) {
      if (standing.health != "quarantined" || standing.intent != "in-service") continue;
      out.push_back({name, standing.changed, state->holds.contains(name), false});
    }
  }
  for (Quarantined& each : out) each.connected = is_connected(each.machine);
  return out;
}

bool Dispatcher::is_connected(const std::string& machine) const {
  return fleet_.machine(machine).has_value();
}

void Dispatcher::pause(const std::string& why) {
  auto state = state_.lock();
  state->paused = why;
  wake(state);
}

std::string Dispatcher::paused() {
  return state_.lock()->paused;
}

std::vector<lab::Waiting> Dispatcher::waiting() {
  return state_.lock()->queue.waiting();
}

std::vector<lab::Held> Dispatcher::held() {
  return state_.lock()->queue.held();
}

Result<Hold> Dispatcher::hold(const std::string& machine, const std::string& user,
                              const std::string& reason, WallTime until) {
  Hold hold;
  hold.machine = machine;
  hold.user = user;
  hold.reason = reason;
  hold.from = clock_.now();
  hold.until = until;
  if (!is_connected(machine))
    return fail(Error(ErrorKind::kNotFound, "no connected machine is called " + machine)
                    .with_hint("kiln machines lists them"));
  {
    auto state = state_.lock();
    if (const auto other = state->holds.find(machine); other != state->holds.end())
      return fail(ErrorKind::kConflict,
                  fmt::format("{} is held by {} until {}", machine, other->second.user,
                              to_rfc3339(other->second.until)));
    hold.lease = state->queue.take_number();
    state->holds[machine] = hold;  // at once, so that nothing starts there meanwhile
    wake(state, machine);
  }
  if (const Status stored = store_.add_hold(hold); !stored) {
    auto state = state_.lock();
    state->holds.erase(machine);
    wake(state, machine);
    return fail(stored.error());
  }
  return hold;
}

Status Dispatcher::release_hold(const std::string& machine, const std::string& by) {
  uint64_t lease = 0;
  {
    auto state = state_.lock();
    const auto found = state->holds.find(machine);
    if (found == state->holds.end())
      return fail(ErrorKind::kNotFound, fmt::format("nobody holds {}", machine));
    lease = found->second.lease;
  }
  KILN_TRY(store_.end_hold(lease, by));
  end_visit(machine, "given back by " + by);
  auto state = state_.lock();
  state->holds.erase(machine);
  wake(state, machine);
  return {};
}

Status Dispatcher::set_intent(const std::string& machine, const std::string& intent,
                              const std::string& why) {
  Standing standing;
  const bool connected = is_connected(machine);
  {
    auto state = state_.lock();
    if (!connected && !state->standings.contains(machine))
      return fail(Error(ErrorKind::kNotFound, "no machine is called " + machine)
                      .with_hint("kiln machines lists them"));
    standing = standing_of(*state, machine);
  }
  standing.intent = intent;
  standing.intent_why = why;
  standing.changed = clock_.now();
  KILN_TRY(store_.put_standing(standing));
  auto state = state_.lock();
  state->standings[machine] = standing;
  wake(state, machine);
  return {};
}

Status Dispatcher::set_health(const std::string& machine, const std::string& health,
                              const std::string& why) {
  Standing standing;
  {
    auto state = state_.lock();
    standing = standing_of(*state, machine);
  }
  standing.health = health;
  standing.health_why = why;
  if (health == "good") standing.errors_in_a_row = 0;
  standing.changed = clock_.now();
  KILN_TRY(store_.put_standing(standing));
  auto state = state_.lock();
  state->standings[machine] = standing;
  wake(state, machine);
  return {};
}

/// Errors of the infrastructure in a row make a machine suspect, then quarantined; a session that
/// tested shows that it works.
void Dispatcher::tell_ending(const std::string& machine, const std::string& ending,
                             const std::string& error_class, const std::string& error) {
  if (options_.on_error && !error_class.empty()) options_.on_error(error_class);
  if (ending == "cancelled" || error_class == "INFRA_AGENT") return;  // says nothing of the machine
  Standing standing;
  {
    auto state = state_.lock();
    standing = standing_of(*state, machine);
  }
  const Standing before = standing;
  if (ending != "infrastructure") {
    standing.errors_in_a_row = 0;
    if (standing.health == "suspect") standing.health = "good";
    if (standing.health == "good") standing.health_why.clear();
  } else {
    ++standing.errors_in_a_row;
    const bool too_many =
        options_.quarantine_after > 0 && standing.errors_in_a_row >= options_.quarantine_after;
    standing.health = too_many ? "quarantined" : "suspect";
    standing.health_why = fmt::format("{} sessions in a row ended without a result, the last: {}",
                                      standing.errors_in_a_row, error);
  }
  if (standing.health == before.health && standing.errors_in_a_row == before.errors_in_a_row)
    return;
  standing.changed = clock_.now();
  (void)store_.put_standing(standing);  // learned again from the next endings
  auto state = state_.lock();
  state->standings[machine] = standing;
  wake(state, machine);
}

}  // namespace kiln::fleet
