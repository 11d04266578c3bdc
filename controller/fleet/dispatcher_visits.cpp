/// Kernels that people have on the machines they hold.
#include <fmt/format.h>

#include <algorithm>

#include "controller/fleet/dispatcher.h"

namespace kiln::fleet {

Result<Hold> Dispatcher::hold_of(const std::string& machine) {
  auto state = state_.lock();
  const auto found = state->holds.find(machine);
  if (found == state->holds.end())
    return fail(Error(ErrorKind::kNotFound, fmt::format("nobody holds {}", machine))
                    .with_hint(fmt::format("kiln hold {} --reason '...' makes it yours", machine)));
  return found->second;
}

Result<Visit> Dispatcher::visit(const std::string& machine, const std::string& user,
                                v1::SessionOrder order, const std::string& kernel) {
  KILN_ASSIGN(const Hold hold, hold_of(machine));
  if (hold.user != user)
    return fail(ErrorKind::kConflict, fmt::format("{} is held by {} until {}", machine, hold.user,
                                                  to_rfc3339(hold.until)));
  Visit visit;
  visit.user = user;
  visit.kernel = kernel;
  {
    auto state = state_.lock();
    for (const lab::Held& held : state->queue.held())
      if (held.place == machine)
        return fail(Error(ErrorKind::kConflict,
                          fmt::format("a session of run {} still runs on {}", held.run, machine))
                        .with_hint("it is yours when that has ended"));
    visit.number = static_cast<int64_t>(state->queue.take_number());
    state->visits[machine] = visit;
  }
  order.set_session_id(-visit.number);
  order.set_lease_epoch(static_cast<uint64_t>(visit.number));
  order.set_machine(machine);
  order.set_stay(true);
  order.set_timeout_seconds(
      std::max(1.0, static_cast<double>((hold.until - clock_.now()).count()) / 1000));
  if (const Status sent = fleet_.start(order); !sent) {
    state_.lock()->visits.erase(machine);
    return fail(sent.error());
  }
  return visit;
}

void Dispatcher::visit_event(const v1::SessionEvent& event) {
  if (event.phase().empty()) return;  // a line of the console
  auto state = state_.lock();
  for (auto& [machine, visit] : state->visits) {
    if (visit.number != -event.session_id()) continue;
    if (event.phase() == "note") {
      visit.why = event.text();
    } else {
      visit.state = event.phase();
      visit.why = event.text();
    }
    wake(state);
  }
}

/// It counts for nothing and nobody, so it is acknowledged whatever is known of it.
void Dispatcher::visit_done(const v1::SessionDone& done) {
  const v1::Session& session = done.session();
  std::string at = session.machine();
  {
    auto state = state_.lock();
    for (auto& [machine, visit] : state->visits) {
      if (visit.number != -session.id()) continue;
      at = machine;
      visit.state = "ended";
      visit.why = session.error().empty() ? session.ending() : session.error();
    }
    wake(state);
  }
  fleet_.acknowledge(at, session.id());
}

/// What is still wanted of an agent's visits is taken out of `there`; the rest is to be cancelled.
void Dispatcher::visits_of_hello(State& state, const std::set<std::string>& machines,
                                 std::map<int64_t, const v1::HeldSession*>* there) {
  for (auto& [machine, visit] : state.visits) {
    if (!machines.contains(machine) || visit.state == "ended") continue;
    if (there->erase(-visit.number) > 0) continue;
    visit.state = "ended";
    visit.why = "its agent was started again";
  }
  std::erase_if(*there, [&](const auto& entry) {
    const v1::HeldSession& held = *entry.second;
    const auto hold = state.holds.find(held.machine());
    if (entry.first >= 0 || held.ended() || hold == state.holds.end()) return false;
    Visit& visit = state.visits[held.machine()];
    if (visit.number > -entry.first) return false;  // a later one has taken its place
    visit = {-entry.first, hold->second.user, "", "up",
             "booted before the controller was restarted"};
    return true;
  });
}

/// The machine goes off, and what its person has open to it closes.
void Dispatcher::end_visit(const std::string& machine, const std::string& why) {
  fleet_.tunnels().end_of(machine, why);
  int64_t number = 0;
  {
    auto state = state_.lock();
    const auto found = state->visits.find(machine);
    if (found == state->visits.end()) return;
    if (found->second.state != "ended") number = found->second.number;
    state->visits.erase(found);
  }
  if (number != 0) fleet_.cancel(machine, -number, why);
}

}  // namespace kiln::fleet
