#include "controller/fleet/dispatcher.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace kiln::fleet {
namespace {

constexpr Millis kTick{1000};  // holds end and work ages without an event
constexpr size_t kMaxParked = 256;
constexpr const char* kBuildPlace = "builds";
constexpr const char* kSparePlace = "spare time";

/// Of a quarantined machine: open to what checks it, and to nothing else.
lab::Place place_to_check(const Machine& machine) {
  lab::Place place;
  place.name = machine.info.name();
  place.host = machine.info.host();
  place.tags = {lab::kCheckTag};
  return place;
}

lab::Place place_of(const Machine& machine, bool open) {
  lab::Place place;
  place.name = machine.info.name();
  place.host = machine.info.host();
  place.kind = kind_of(machine.info);
  place.tags.insert(machine.info.tags().begin(), machine.info.tags().end());
  place.open = open;
  return place;
}

}  // namespace

std::string kind_of(const v1::MachineInfo& machine) {
  // One image and one emulator make emulated machines of a host alike; hardware never is.
  return machine.emulated() ? "emulated on " + machine.host() : "";
}

Dispatcher::Dispatcher(Fleet& fleet, LeaseStore& store, const Clock& clock,
                       DispatcherOptions options)
    : fleet_(fleet), store_(store), clock_(clock), options_(std::move(options)) {
  {
    auto state = state_.lock();
    for (int i = 1; i <= options_.build_places; ++i)
      state->queue.put_place({fmt::format("{} {}", kBuildPlace, i),
                              "",
                              options_.builds_here ? options_.home : "",
                              {lab::kBuildTag},
                              true});
    state->queue.put_place({kSparePlace, "", options_.home, {lab::kSpareTag}, true});
  }
  Listener listener;
  listener.hello = [this](const std::string& agent, const v1::Hello& hello) {
    on_hello(agent, hello);
  };
  listener.machines_changed = [this] {
    auto state = state_.lock();
    state->fleet_changed = true;
    wake(state);
  };
  listener.session_event = [this](v1::SessionEvent event) { on_event(std::move(event)); };
  listener.session_done = [this](v1::SessionDone done) { on_done(std::move(done)); };
  listener.foreign_done = [this](const std::string& agent, v1::SessionDone done) {
    on_foreign_done(agent, std::move(done));
  };
  listener.warn = options_.warn;
  fleet_.set_listener(std::move(listener));
  thread_ = std::jthread([this](const std::stop_token& stop) { loop(stop); });
}

Dispatcher::~Dispatcher() {
  fleet_.set_listener({});
  thread_.request_stop();
  state_.lock().notify_all();
}

Status Dispatcher::load() {
  KILN_ASSIGN(const auto leases, store_.leases());
  KILN_ASSIGN(const uint64_t newest, store_.newest_lease());
  KILN_ASSIGN(const auto holds, store_.holds());
  KILN_ASSIGN(const auto standings, store_.standings());
  auto state = state_.lock();
  state->queue.skip_to(newest);
  for (const Lease& lease : leases) {
    state->queue.restore(
        {lease.number, lease.run_id, lease.user, lease.key, lease.machine, lease.alone});
    add_session(*state, lease.session_id, {lease.run_id, lease, true});
  }
  for (const Hold& hold : holds) state->holds[hold.machine] = hold;
  for (const Standing& standing : standings) state->standings[standing.machine] = standing;
  state->fleet_changed = true;
  wake(state);
  return {};
}

void Dispatcher::wake(Locked& state, const std::string& machine) {
  if (!machine.empty()) state->machines_changed.insert(machine);
  state->changed = true;
  state.notify_all();
}

void Dispatcher::add_session(State& state, int64_t id, Session session) {
  state.by_lease[session.lease.number] = id;
  state.sessions[id] = std::move(session);
}

void Dispatcher::forget_session(State& state, uint64_t lease) {
  const auto session = state.by_lease.find(lease);
  if (session == state.by_lease.end()) return;
  state.sessions.erase(session->second);
  state.by_lease.erase(session);
}

void Dispatcher::end_unclaimed() {
  std::vector<Session> left;
  {
    auto state = state_.lock();
    for (const auto& [id, session] : state->sessions)
      if (!state->runs.contains(session.run)) left.push_back(session);
  }
  for (const Session& session : left)
    cancel(session.lease.machine, session.lease.session_id, "its run has ended");
}

void Dispatcher::join(int64_t run, const std::string& user, RunListener listener) {
  auto state = state_.lock();
  state->runs[run] = {user, std::make_shared<RunListener>(std::move(listener))};
}

void Dispatcher::leave(int64_t run) {
  auto state = state_.lock();
  state->runs.erase(run);
  // A session goes with its lease, so these are all.
  for (const uint64_t lease : state->queue.leases_of(run)) forget_session(*state, lease);
  state->queue.forget_run(run);
  std::erase_if(state->expected, [&](const auto& entry) { return entry.second == run; });
  wake(state);
}

void Dispatcher::want(int64_t run, const std::vector<lab::Want>& wants) {
  auto state = state_.lock();
  const auto found = state->runs.find(run);
  if (found == state->runs.end()) return;
  state->queue.set_wants(run, found->second.user, wants, clock_.now());
  wake(state);
}

Status Dispatcher::start(int64_t run, uint64_t lease, const v1::SessionOrder& order) {
  {
    Session session;
    session.run = run;
    session.lease.number = lease;
    session.lease.session_id = order.session_id();
    session.lease.run_id = run;
    session.lease.machine = order.machine();
    session.sent = true;
    add_session(*state_.lock(), order.session_id(), std::move(session));
  }
  return fleet_.start(order);
}

std::optional<Lease> Dispatcher::attach(int64_t run, int64_t session_id) {
  auto state = state_.lock();
  const auto found = state->sessions.find(session_id);
  if (found == state->sessions.end() || found->second.run != run) return std::nullopt;
  return found->second.lease;
}

void Dispatcher::expect(int64_t run, int64_t session_id) {
  std::shared_ptr<RunListener> listener;
  v1::SessionDone done;
  {
    auto state = state_.lock();
    state->expected[session_id] = run;
    const auto parked = state->parked.find(session_id);
    if (parked == state->parked.end()) return;
    done = std::move(parked->second);
    state->parked.erase(parked);
    listener = listener_of(*state, session_id);
  }
  if (listener && listener->session_done) listener->session_done(std::move(done));
}

void Dispatcher::release(uint64_t lease) {
  auto state = state_.lock();
  forget_session(*state, lease);
  state->queue.release(lease);
  wake(state);
}

void Dispatcher::cancel(const std::string& machine, int64_t session_id, const std::string& why) {
  fleet_.cancel(machine, session_id, why);
}

void Dispatcher::acknowledge(const std::string& machine, int64_t session_id) {
  fleet_.acknowledge(machine, session_id);
}

std::set<std::string> Dispatcher::artifacts_in_memory() {
  std::set<std::string> digests;
  const auto add = [&](const v1::SessionDone& done) {
    for (const auto& [name, digest] : done.session().artifacts()) digests.insert(digest);
  };
  auto state = state_.lock();
  for (const v1::SessionDone& done : state->unclaimed) add(done);
  for (const auto& [id, done] : state->parked) add(done);
  return digests;
}

// What agents report.

std::shared_ptr<RunListener> Dispatcher::listener_of(const State& state, int64_t session_id) {
  int64_t run = 0;
  if (const auto session = state.sessions.find(session_id); session != state.sessions.end())
    run = session->second.run;
  else if (const auto expected = state.expected.find(session_id); expected != state.expected.end())
    run = expected->second;
  const auto found = state.runs.find(run);
  return found == state.runs.end() ? nullptr : found->second.listener;
}

void Dispatcher::on_event(v1::SessionEvent event) {
  if (event.session_id() < 0) return visit_event(event);
  const auto listener = listener_of(*state_.lock(), event.session_id());
  if (listener && listener->session_event) listener->session_event(std::move(event));
}

void Dispatcher::on_done(v1::SessionDone done) {
  if (done.session().id() < 0) return visit_done(done);
  std::shared_ptr<RunListener> listener;
  {
    auto state = state_.lock();
    listener = listener_of(*state, done.session().id());
    if (!listener) {
      state->unclaimed.push_back(std::move(done));
      wake(state);
      return;
    }
  }
  if (listener->session_done) listener->session_done(std::move(done));
}

/// Nobody else may end a session than the agent that has its machine; what another one tells is
/// kept, and does not count.
void Dispatcher::on_foreign_done(const std::string& agent, v1::SessionDone done) {
  auto state = state_.lock();
  if (state->foreign.size() >= kMaxParked) return;  // the agent says it again
  state->foreign.emplace_back(agent, std::move(done));
  wake(state);
}

void Dispatcher::take_foreign(const std::deque<std::pair<std::string, v1::SessionDone>>& foreign) {
  for (const auto& [agent, done] : foreign)
    if (done.session().id() < 0 ||
        store_.put_duplicate(done, fmt::format("agent {} does not have the machine", agent)))
      fleet_.acknowledge_to(agent, done.session().id());
}

/// An agent that comes (back) tells what it works on: what it does not know of is lost, what is no
/// longer wanted is told to stop.
void Dispatcher::on_hello(const std::string& agent, const v1::Hello& hello) {
  std::map<int64_t, const v1::HeldSession*> there;
  for (const v1::HeldSession& held : hello.sessions()) there[held.session_id()] = &held;
  std::set<std::string> machines;
  std::vector<std::pair<std::shared_ptr<RunListener>, int64_t>> lost;
  std::vector<std::pair<std::string, int64_t>> unwanted;
  {
    auto state = state_.lock();
    for (const v1::MachineInfo& machine : hello.machines()) {
      machines.insert(machine.name());
      state->queue.skip_to(machine.highest_epoch());
      standing_of(*state, machine.name()).agent = agent;
    }
    visits_of_hello(*state, machines, &there);
    for (auto& [id, session] : state->sessions) {
      if (!machines.contains(session.lease.machine) || !session.sent) continue;
      const auto known = there.find(id);
      if (known != there.end() && !known->second->ended()) continue;
      const auto run = state->runs.find(session.run);
      const auto listener = run == state->runs.end() ? nullptr : run->second.listener;
      if (known == there.end()) lost.emplace_back(listener, id);
    }
    for (const auto& [id, held] : there)
      if (!held->ended() && !state->sessions.contains(id))
        unwanted.emplace_back(held->machine(), id);
  }
  for (const auto& [listener, id] : lost) {
    if (listener && listener->session_lost) {
      listener->session_lost(id);
      continue;
    }
    // Nobody drives its run now; the machine is free all the same.
    v1::SessionDone none;
    none.mutable_session()->set_id(id);
    on_done(std::move(none));
  }
  for (const auto& [machine, id] : unwanted) fleet_.cancel(machine, id, "nobody waits for it");
}

/// On the dispatcher's thread.
void Dispatcher::take_unclaimed(std::deque<v1::SessionDone> unclaimed) {
  for (v1::SessionDone& done : unclaimed) {
    const int64_t id = done.session().id();
    uint64_t lease = 0;
    std::shared_ptr<RunListener> listener;
    {
      auto state = state_.lock();
      listener = listener_of(*state, id);  // it may have joined meanwhile
      if (const auto found = state->sessions.find(id); found != state->sessions.end())
        lease = found->second.lease.number;
    }
    const bool is_end = !done.session().ending().empty();  // else: its agent knows nothing of it
    if (listener) {
      if (is_end && listener->session_done) listener->session_done(std::move(done));
      if (!is_end && listener->session_lost) listener->session_lost(id);
      continue;
    }
    if (lease != 0 && store_.end_lease(id)) release(lease);
    if (!is_end) continue;
    const auto taken = store_.take_unclaimed(done);
    if (taken && *taken) {
      fleet_.acknowledge(done.session().machine(), id);
    } else if (auto state = state_.lock(); state->parked.size() < kMaxParked) {
      state->parked[id] = std::move(done);  // else its agent says it again
    }
  }
}

// Deciding.

Standing& Dispatcher::standing_of(State& state, const std::string& machine) {
  Standing& standing = state.standings[machine];
  standing.machine = machine;
  return standing;
}

std::string Dispatcher::word_of(const State& state, const Machine& machine,
                                std::string* why) const {
  const std::string& name = machine.info.name();
  if (const auto found = state.standings.find(name); found != state.standings.end()) {
    *why = found->second.intent_why;
    if (found->second.intent != "in-service") return found->second.intent;
    *why = found->second.health_why;
    if (found->second.health == "quarantined") return found->second.health;
  }
  if (const auto hold = state.holds.find(name); hold != state.holds.end()) {
    *why = fmt::format("{}: {}", hold->second.user, hold->second.reason);
    return "held";
  }
  *why = machine.info.broken();
  if (!why->empty()) return "broken";
  *why = machine.info.preparing();
  if (!why->empty()) return "preparing";
  return "ready";
}

void Dispatcher::update_place(State& state, const Machine& machine) {
  std::string why;
  const std::string word = word_of(state, machine, &why);
  const bool to_check = word == "quarantined" && !state.holds.contains(machine.info.name());
  state.queue.put_place(to_check ? place_to_check(machine) : place_of(machine, word == "ready"));
}

/// After the fleet has changed all of them, else those whose standing has.
void Dispatcher::update_places(State& state) {
  const std::set<std::string> changed = std::exchange(state.machines_changed, {});
  if (!std::exchange(state.fleet_changed, false)) {
    for (const std::string& name : changed)
      if (const auto machine = fleet_.machine(name)) update_place(state, *machine);
    return;
  }
  state.runs_wait = true;
  std::set<std::string> now;
  const MachineList machines = fleet_.machines();
  for (const Machine& machine : *machines) {
    now.insert(machine.info.name());
    update_place(state, machine);
  }
  for (const std::string& name : state.known_places)
    if (!now.contains(name)) state.queue.remove_place(name);
  state.known_places = std::move(now);
}

/// Each run looks at each machine then: where both are many, not at every single change.
bool Dispatcher::runs_are_to_be_told(State& state) {
  const auto pause = Millis(state.runs.size() * state.known_places.size() / 1000);
  const auto now = std::chrono::steady_clock::now();
  if (!state.runs_wait || now < state.runs_told + pause) return false;
  state.runs_wait = false;
  state.runs_told = now;
  return true;
}

void Dispatcher::expire_holds(State& state, std::vector<Hold>* expired) {
  const WallTime now = clock_.now();
  for (const auto& [machine, hold] : state.holds)
    if (hold.until <= now) expired->push_back(hold);
  for (const Hold& hold : *expired) {
    state.holds.erase(hold.machine);
    state.machines_changed.insert(hold.machine);
  }
}

void Dispatcher::loop(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    lab::Decision decision;
    std::deque<v1::SessionDone> unclaimed;
    std::deque<std::pair<std::string, v1::SessionDone>> foreign;
    std::vector<Hold> expired;
    std::map<int64_t, std::shared_ptr<RunListener>> listeners;
    bool tell_runs = false;
    bool changed = false;
    {
      auto state = state_.lock();
      state.wait_until(std::chrono::steady_clock::now() + kTick,
                       [&] { return stop.stop_requested() || state->changed; });
      expire_holds(*state, &expired);
      update_places(*state);
      tell_runs = runs_are_to_be_told(*state);
      changed = std::exchange(state->changed, false) || !expired.empty();
      unclaimed = std::exchange(state->unclaimed, {});
      foreign = std::exchange(state->foreign, {});
      if (state->paused.empty()) decision = state->queue.decide(clock_.now());
      if (tell_runs) {
        for (const auto& [id, run] : state->runs) listeners[id] = run.listener;
      } else {
        for (const lab::Grant& grant : decision.grants)
          if (const auto run = state->runs.find(grant.run); run != state->runs.end())
            listeners[grant.run] = run->second.listener;
        for (const lab::Recall& recall : decision.recalls)
          if (const auto run = state->runs.find(recall.run); run != state->runs.end())
            listeners[recall.run] = run->second.listener;
      }
    }
    if (changed && options_.on_change) options_.on_change();
    if (tell_runs)
      for (const auto& [id, listener] : listeners)
        if (listener->machines_changed) listener->machines_changed();
    for (const lab::Grant& grant : decision.grants) {
      if (options_.on_grant) options_.on_grant(grant, clock_.now() - grant.since);
      const auto to = listeners.find(grant.run);
      if (to != listeners.end() && to->second->granted)
        to->second->granted(grant);
      else
        release(grant.lease);
    }
    for (const lab::Recall& recall : decision.recalls)
      if (const auto to = listeners.find(recall.run); to != listeners.end() && to->second->recalled)
        to->second->recalled(recall.key);
    for (const Hold& hold : expired) {
      (void)store_.end_hold(hold.lease, "its time");
      end_visit(hold.machine, "the hold's time is over");
    }
    take_unclaimed(std::move(unclaimed));
    take_foreign(foreign);
  }
}

}  // namespace kiln::fleet
