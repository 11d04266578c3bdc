#include "controller/scheduler/driver.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace kiln::scheduler {
namespace {

constexpr Millis kPoll{500};  // of the mailbox: bounds are checked that often
constexpr Millis kLongest = std::chrono::hours(24 * 7);  // a session's bound, whatever a row says

/// N of "confirmation/CONFIG/roundN/..." or "bisection/CONFIG/roundN/...": rounds go on where an
/// earlier life of the run stopped.
int round_of(const std::string& key) {
  const size_t at = key.find("/round");
  return at == std::string::npos ? 1 : std::max(1, std::atoi(key.c_str() + at + 6));
}

bool is_follow_up(const job::PlannedSession& session) {
  return session.purpose == "confirmation" || session.purpose == "bisection";
}

bool fits(const fleet::Machine& machine, const job::MachineSpec& wanted) {
  const auto& tags = machine.info.tags();
  return std::all_of(wanted.tags.begin(), wanted.tags.end(), [&](const std::string& tag) {
    return std::find(tags.begin(), tags.end(), tag) != tags.end();
  });
}

}  // namespace

RunDriver::RunDriver(DriverDeps deps, DriverInput input)
    : deps_(std::move(deps)), input_(std::move(input)), started_(deps_.clock->steady()) {}

RunDriver::~RunDriver() {
  deps_.lab->leave(input_.run_id);
  build_stop_.request_stop();
}

void RunDriver::post_to(Sync<Mail>& to, Message message) {
  auto mail = to.lock();
  mail->messages.push_back(std::move(message));
  mail.notify_all();
}

std::deque<RunDriver::Message> RunDriver::wait_messages(Millis timeout) {
  auto mail = mail_->lock();
  mail.wait_until(std::chrono::steady_clock::now() + timeout,
                  [&] { return !mail->messages.empty(); });
  return std::exchange(mail->messages, {});
}

void RunDriver::listen() {
  fleet::RunListener listener;
  listener.granted = [this](const lab::Grant& grant) { post(grant); };
  listener.recalled = [this](const std::string& /*key*/) { post(Recalled{}); };
  listener.machines_changed = [this] { post(MachinesChanged{}); };
  listener.session_event = [this](const v1::SessionEvent& event) { on_session_event(event); };
  listener.session_done = [this](v1::SessionDone done) { post(std::move(done)); };
  listener.session_lost = [this](int64_t id) { post(Lost{id}); };
  deps_.lab->join(input_.run_id, input_.user, std::move(listener));
}

void RunDriver::run(std::stop_token stop, std::stop_token leave) {
  listen();
  const std::stop_callback wake(stop, [this] { post(MachinesChanged{}); });
  const std::stop_callback wake_to_leave(leave, [this] { post(MachinesChanged{}); });
  load();
  loop(stop, leave);
  if (leave.stop_requested()) build_stop_.request_stop();
  build_thread_ = {};
  deps_.lab->leave(input_.run_id);
  if (leave.stop_requested()) {
    pause_statics();
    return;
  }
  finish(stop);
}

/// What the store already holds of this run: finished builds and sessions are not repeated.
void RunDriver::load() {
  for (const job::PlanBuild& build : input_.plan.builds) {
    job::BuildStep step;
    step.build = build;
    const BuildTarget* target = target_of(build.key);
    step.is_prefix = target != nullptr && target->is_prefix;
    if (auto found = deps_.store->find_build(build.key); found && *found) {
      records_[build.key] = **found;
      step.state = job::StepState::kDone;
    }
    state_.builds.push_back(std::move(step));
  }
  // A cell that shares a build still belongs to the run.
  for (const BuildTarget& target : input_.prepared->targets)
    if (const auto found = records_.find(target.key); found != records_.end())
      (void)deps_.store->put_build(input_.run_id, target.variant, target.config, found->second);

  for (const job::PlannedSession& session : input_.plan.sessions) {
    job::SessionStep step;
    step.session = session;
    state_.sessions.push_back(std::move(step));
    if (is_follow_up(session)) follow_up_round_ = std::max(follow_up_round_, round_of(session.key));
  }
  auto stored = deps_.store->sessions(input_.run_id);
  if (!stored) {
    infrastructure_error_ = render(stored.error());
    state_.stopping = true;
    return;
  }
  for (results::StoredSession& old : *stored) {
    const bool follow_up = is_follow_up(old.planned);
    const bool further_pair = old.planned.purpose == "performance";
    // A boot whose kernel is none of the plan's is asked for anew when it did not end.
    const bool can_run = old.state == "done" || target_of(old.planned.build_key) != nullptr;
    if (step_of(old.key) == nullptr && (follow_up || further_pair) && can_run) {
      job::SessionStep step;
      step.session = old.planned;
      state_.sessions.push_back(std::move(step));
    }
    if (follow_up) follow_up_round_ = std::max(follow_up_round_, round_of(old.key));
    job::SessionStep* step = step_of(old.key);
    opened_[old.key] = std::max(opened_[old.key], old.attempt);
    if (!old.session.machine().empty()) ran_on_[old.key] = old.session.machine();
    if (old.state != "done") began_[old.id] = old.session.started();
    if (step != nullptr && old.state != "done") adopt_or_expect(old, step);
    if (step == nullptr || old.state != "done" || old.session.ending() == "cancelled") continue;
    ended_[old.key].push_back(old.session);
    // Tries that ended as infrastructure in an earlier life are kept, and not counted: going on is
    // a new chance for whatever was mended meanwhile.
    if (old.session.ending() != "infrastructure") step->state = job::StepState::kDone;
  }
}

/// A session that an earlier process started: it holds its machine still, or its end may come.
void RunDriver::adopt_or_expect(const results::StoredSession& old, job::SessionStep* step) {
  const auto lease = deps_.lab->attach(input_.run_id, old.id);
  if (!lease || step->state == job::StepState::kRunning) {
    orphans_[old.id] = old.key;
    deps_.lab->expect(input_.run_id, old.id);
    return;
  }
  step->state = job::StepState::kRunning;
  const Millis left = std::clamp(Millis(lease->until - deps_.clock->now()), Millis(0), kLongest);
  running_[old.id] = Running{old.key, lease->machine, lease->number, deps_.clock->steady() + left};
  const std::string cell = old.planned.variant + "/" + old.planned.config;
  (*session_cells_.lock())[old.id] = cell;
  publish("session", fmt::format("{} goes on on {}", old.planned.purpose, lease->machine), cell,
          "testing", old.id);
}

void RunDriver::loop(const std::stop_token& stop, const std::stop_token& leave) {
  counted_ = deps_.clock->steady();
  take_machines();
  publish_phase("starting");
  while (!leave.stop_requested()) {
    if (stop.stop_requested() && !state_.stopping) begin_stopping();
    const std::vector<job::Action> actions = job::next_actions(state_);
    const bool over = actions.size() == 1 && actions[0].kind == job::Action::Kind::kFinish;
    if (over && storing_.empty() && !statics_are_open()) return;
    if (ask(actions, stop)) continue;
    tell_wants(actions);
    if (release_ended()) tell_wants(actions);
    for (Message& message : wait_messages(kPoll)) handle(std::move(message));
    count_work();
    check_bounds();
  }
}

/// Whether a question was asked: what is to be done next may have changed by its answer.
bool RunDriver::ask(const std::vector<job::Action>& actions, const std::stop_token& stop) {
  for (const job::Action& action : actions) {
    if (action.kind == job::Action::Kind::kAskSuspicions) ask_follow_ups(stop);
    if (action.kind == job::Action::Kind::kAskPairs) ask_pairs();
    if (action.kind == job::Action::Kind::kAskSuspicions ||
        action.kind == job::Action::Kind::kAskPairs)
      return true;
  }
  return false;
}

/// Time in which something of the run was worked on: what it waits for others is not its own.
void RunDriver::count_work() {
  const auto now = deps_.clock->steady();
  if (!running_.empty() || build_lease_ != 0)
    worked_ += std::chrono::duration<double>(now - counted_).count();
  counted_ = now;
}

void RunDriver::handle(Message message) {
  if (auto* ended = std::get_if<BuildEnded>(&message)) handle_build(std::move(*ended));
  if (auto* done = std::get_if<v1::SessionDone>(&message)) handle_session(*done);
  if (auto* waiting = std::get_if<ResultsWait>(&message)) handle_results_wait(*waiting);
  if (auto* grant = std::get_if<lab::Grant>(&message)) handle_grant(*grant);
  if (const auto* lost = std::get_if<Lost>(&message))
    end_session_as_infrastructure(lost->session_id, "its agent knows nothing of it any more");
  if (const auto* stored = std::get_if<Stored>(&message)) handle_stored(*stored);
  if (std::holds_alternative<Recalled>(message)) pause_statics();
  if (std::holds_alternative<MachinesChanged>(message)) take_machines();
}

void RunDriver::handle_build(BuildEnded ended) {
  ended_leases_.push_back(std::exchange(build_lease_, 0));
  const BuildTarget* target = target_of(ended.key);
  const std::string cell = target->variant + "/" + target->config;
  job::BuildStep* step = nullptr;
  for (job::BuildStep& candidate : state_.builds)
    if (candidate.build.key == ended.key) step = &candidate;
  if (!ended.record) {
    step->state = job::StepState::kFailed;
    if (ended.record.error().kind != ErrorKind::kCancelled) {
      publish("build", "could not be built: " + ended.record.error().message, cell, "failed");
      infrastructure_error_ = render(ended.record.error());
      begin_stopping();
    } else {
      step->state = job::StepState::kWaiting;
    }
    return;
  }
  const kernel::BuildRecord& record = *ended.record;
  for (const BuildTarget& each : input_.prepared->targets) {
    if (each.key != ended.key) continue;
    if (const Status stored =
            deps_.store->put_build(input_.run_id, each.variant, each.config, record);
        !stored) {
      infrastructure_error_ = render(stored.error());
      begin_stopping();
    }
  }
  records_[ended.key] = record;
  const bool built = record.state == "built";
  step->state = built ? job::StepState::kDone : job::StepState::kFailed;
  if (built)
    deps_.store->add_duration(record.incremental ? "build-incremental" : "build-full",
                              "build " + ended.key, ended.seconds);
  const std::string took = human_duration(Millis(static_cast<int64_t>(ended.seconds * 1000)));
  publish("build",
          built ? fmt::format("built in {}{}", took, record.incremental ? " (incremental)" : "")
                : "does not build: " + record.error,
          cell, built ? "done" : "failed");
  publish_phase("");
}

void RunDriver::handle_session(const v1::SessionDone& done) {
  const v1::Session& reported = done.session();
  const auto known = running_.find(reported.id());
  const bool fenced = known != running_.end() && done.lease_epoch() != 0 &&
                      done.lease_epoch() != known->second.lease;
  if (fenced || (known == running_.end() && !adopt(reported))) {
    // A second copy, or of a life that has been repeated since: the agent may forget it.
    const Status kept = deps_.store->put_duplicate(
        done, fenced ? fmt::format("its lease {} was over", done.lease_epoch())
                     : "another end of the session counts, or it was run again");
    if (kept) deps_.lab->acknowledge(reported.machine(), reported.id());
    return;
  }
  const auto running = running_.find(reported.id());
  job::SessionStep* step = step_of(running->second.key);
  v1::Session session = reported;
  session.set_purpose(step->session.purpose);
  session.set_variant(step->session.variant);
  session.set_config(step->session.config);
  session.set_pair(step->session.pair);
  session.set_attempt(step->attempts + 1);
  session.set_machine(running->second.machine);
  session.set_error_class(done.error_class());
  *session.mutable_started() = began_[session.id()];
  began_.erase(session.id());
  store_end(session, done.error_class());
  // The next session's row comes after this one's end, so that its machine need not wait for the
  // disk twice.
  if (running->second.lease != 0) ended_leases_.push_back(running->second.lease);
  running_.erase(running);

  const std::string cell = session.variant() + "/" + session.config();
  const std::string took =
      human_duration(Millis(static_cast<int64_t>(session.elapsed_seconds() * 1000)));
  if (session.ending() == "cancelled") {
    step->state = job::StepState::kWaiting;
    publish("session", session.purpose() + " was stopped", cell, "done", session.id());
    return;
  }
  ended_[step->session.key].push_back(session);
  if (session.ending() == "infrastructure") {
    ++step->attempts;
    const bool again = step->attempts < job::kMaxAttempts;
    step->state = again ? job::StepState::kWaiting : job::StepState::kFailed;
    publish("session",
            fmt::format("{} ended without a result ({}){}", session.purpose(), session.error(),
                        again ? "; it is run again" : "; given up"),
            cell, "done", session.id());
    return;
  }
  step->state = job::StepState::kDone;
  deps_.store->add_duration("session-" + session.purpose(), fmt::format("session {}", session.id()),
                            session.elapsed_seconds());
  std::map<std::string, int> counts;
  for (const v1::Result& result : session.results()) ++counts[result.outcome()];
  std::string text = fmt::format("{} {} in {}", session.purpose(), session.ending(), took);
  for (const auto& [outcome, count] : counts) text += fmt::format(", {} {}", count, outcome);
  if (session.measurements_size() > 0)
    text += fmt::format(", {} figures", session.measurements_size());
  if (!session.error().empty()) text += ": " + session.error();
  publish("session", text, cell, "done", session.id());
  publish_phase("");
}

void RunDriver::store_end(const v1::Session& session, const std::string& error_class) {
  const int64_t id = session.id();
  storing_[id] = {session.machine(), session.ending(), error_class, session.error()};
  deps_.store->finish_session_later(input_.run_id, session, [mail = mail_, id](Status status) {
    post_to(*mail, Stored{id, std::move(status)});
  });
}

/// Only now may the agent forget it.
void RunDriver::handle_stored(const Stored& stored) {
  const auto found = storing_.find(stored.session_id);
  if (found == storing_.end()) return;
  const Ending end = std::move(found->second);
  storing_.erase(found);
  deps_.consoles->drop(stored.session_id);
  if (!stored.status) {
    if (infrastructure_error_.empty()) infrastructure_error_ = render(stored.status.error());
    begin_stopping();
    return;
  }
  deps_.lab->acknowledge(end.machine, stored.session_id);
  deps_.lab->tell_ending(end.machine, end.ending, end.error_class, end.error);
}

/// The session stays open in the store: its agent keeps the results, and hands them over when the
/// run goes on.
void RunDriver::handle_results_wait(const ResultsWait& waiting) {
  const auto running = running_.find(waiting.session_id);
  if (running == running_.end()) return;
  if (infrastructure_error_.empty())
    infrastructure_error_ = fmt::format(
        "the results of session {} cannot be stored: {}\n  the machine's agent keeps them; free "
        "some space and start the same command again",
        waiting.session_id, waiting.why);
  if (job::SessionStep* step = step_of(running->second.key)) step->state = job::StepState::kWaiting;
  orphans_[waiting.session_id] = running->second.key;  // should they come all the same
  deps_.lab->expect(input_.run_id, waiting.session_id);
  ended_leases_.push_back(running->second.lease);
  running_.erase(running);
  begin_stopping();
}

/// A session that an earlier process of this run started and that ended while nobody listened: the
/// agent kept its result, and it counts unless the session is being repeated already.
bool RunDriver::adopt(const v1::Session& reported) {
  const auto orphan = orphans_.find(reported.id());
  if (orphan == orphans_.end()) return false;
  job::SessionStep* step = step_of(orphan->second);
  if (step == nullptr || step->state != job::StepState::kWaiting) return false;
  running_[reported.id()] = Running{orphan->second, reported.machine(), 0, deps_.clock->steady()};
  orphans_.erase(orphan);
  return true;
}

/// Which connected machines fit the job, and what that means for it.
void RunDriver::take_machines() {
  some_fitting_.clear();
  lacking_.clear();
  std::string broken;
  const Error* lack = nullptr;
  const fleet::MachineList machines = deps_.lab->machines();
  for (const fleet::Machine& machine : *machines) {
    const std::string& name = machine.info.name();
    if (!fits(machine, input_.prepared->spec.machine)) continue;
    if (!input_.check_machine.empty() && name != input_.check_machine) continue;
    if (!machine.info.broken().empty()) {
      broken = machine.info.broken();
      continue;
    }
    if (const auto igt = machine.info.facts().find("igt"); igt != machine.info.facts().end())
      input_.run.set_igt_version(igt->second);
    if (const Error* missing = lack_of(machine.info)) {
      lack = missing;
      lacking_.insert(name);
      continue;
    }
    if (some_fitting_.empty()) some_fitting_ = name;
    tell_preparation(machine.info);
  }
  if (some_fitting_.empty() && lack != nullptr) refuse(*lack);
  if (some_fitting_.empty() && !broken.empty() && !state_.stopping &&
      deps_.no_machine.count() > 0) {
    infrastructure_error_ = broken;
    begin_stopping();
  }
  const bool missed = no_machine_since_ != std::chrono::steady_clock::time_point{};
  if (!some_fitting_.empty()) no_machine_since_ = {};
  if (some_fitting_.empty() && !missed) no_machine_since_ = deps_.clock->steady();
}

/// Whether a machine can do the run's work as it is now.
bool RunDriver::may_use(const std::string& name) {
  const auto machine = deps_.lab->machine(name);
  if (!machine || !fits(*machine, input_.prepared->spec.machine)) return false;
  if (!input_.check_machine.empty() && name != input_.check_machine) return false;
  if (!machine->info.broken().empty()) return false;
  if (lack_of(machine->info) == nullptr) return true;
  lacking_.insert(name);
  return false;
}

/// One that is not known is taken for an emulated one, whose wall clock decides nothing.
bool RunDriver::is_emulated(const std::string& name) const {
  if (const auto known = emulated_.find(name); known != emulated_.end()) return known->second;
  const auto machine = deps_.lab->machine(name);
  return !machine || machine->info.emulated();
}

void RunDriver::check_bounds() {
  const auto now = deps_.clock->steady();
  std::vector<int64_t> late;
  for (const auto& [id, running] : running_)
    if (now > running.deadline) late.push_back(id);
  for (const int64_t id : late) {
    deps_.lab->cancel(running_.at(id).machine, id, "its time is over");
    end_session_as_infrastructure(id, "the agent did not report within the session's bound");
  }
  if (state_.stopping) return;
  if (no_machine_since_ != std::chrono::steady_clock::time_point{} &&
      deps_.no_machine.count() > 0 && now - no_machine_since_ > deps_.no_machine) {
    infrastructure_error_ = "no connected machine fits the job's tags";
    begin_stopping();
  }
  if (budget_left() < 0) {
    infrastructure_error_ = fmt::format(
        "the time budget of {} is spent; the same command goes on, `time_budget` raises it",
        human_duration(input_.prepared->spec.time_budget));
    begin_stopping();
  }
}

void RunDriver::begin_stopping() {
  if (state_.stopping) return;
  state_.stopping = true;
  build_stop_.request_stop();
  statics_thread_.request_stop();
  for (auto& [id, running] : running_) {
    deps_.lab->cancel(running.machine, id, "the run is stopping");
    running.deadline = std::min(running.deadline, deps_.clock->steady() + Millis(4000));
  }
}

void RunDriver::end_session_as_infrastructure(int64_t session_id, const std::string& why) {
  const auto running = running_.find(session_id);
  if (running == running_.end()) return;
  v1::SessionDone done;
  done.mutable_session()->set_id(session_id);
  done.mutable_session()->set_ending(state_.stopping ? "cancelled" : "infrastructure");
  done.mutable_session()->set_error(why);
  done.set_error_class("INFRA_AGENT");
  handle_session(done);
}

const BuildTarget* RunDriver::target_of(const std::string& key) const {
  for (const BuildTarget& target : input_.prepared->targets)
    if (target.key == key) return &target;
  return nullptr;
}

job::SessionStep* RunDriver::step_of(const std::string& key) {
  for (size_t i = steps_.size(); i < state_.sessions.size(); ++i)
    steps_.emplace(state_.sessions[i].session.key, i);
  const auto found = steps_.find(key);
  return found == steps_.end() ? nullptr : &state_.sessions[found->second];
}

}  // namespace kiln::scheduler
