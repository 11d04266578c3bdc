#include <fmt/format.h>

#include <algorithm>

#include "controller/results/session_rows.h"
#include "controller/results/timestamps.h"
#include "controller/scheduler/driver.h"
#include "controller/scheduler/health_check.h"
#include "controller/scheduler/orders.h"
#include "controller/scheduler/report_builder.h"
#include "lib/verdict/foreign.h"

namespace kiln::scheduler {
namespace {
constexpr Millis kAgentGrace{60'000};  // beyond the session's own bound
}  // namespace

void RunDriver::start_build(const std::string& key) {
  const BuildTarget* target = target_of(key);
  for (job::BuildStep& step : state_.builds)
    if (step.build.key == key) step.state = job::StepState::kRunning;
  const std::string cell = target->variant + "/" + target->config;
  publish("build", "building", cell, "building");
  // The thread before has ended: one build at a time, and its end came through the mailbox.
  build_thread_ = {};
  build_stop_ = {};
  build_thread_ = std::jthread([this, target = *target, cell, stop = build_stop_.get_token()] {
    const auto begun = deps_.clock->steady();
    auto last = begun;
    const auto progress = [&](const BuildProgress& now) {
      if (deps_.clock->steady() - last < Millis(300)) return;
      last = deps_.clock->steady();
      v1::RunEvent event;
      event.set_kind("step");
      event.set_cell(cell);
      event.set_state("building");
      event.set_text(now.line);
      event.set_done(now.done);
      event.set_total(now.total);
      deps_.hub->publish(input_.run_id, std::move(event));
    };
    auto record = deps_.build(target, stop, progress);
    const double seconds = std::chrono::duration<double>(deps_.clock->steady() - begun).count();
    post(BuildEnded{target.key, std::move(record), seconds});
  });
}

/// False when nothing started: the lease is to be given back.
bool RunDriver::start_session(const std::string& key, const std::string& machine, uint64_t lease) {
  job::SessionStep* step = step_of(key);
  const auto record = records_.find(step->session.build_key);
  v1::SessionOrder order =
      make_order({input_.prepared.get(), &step->session, &record->second, 0, lease, machine});
  const auto bound = Millis(static_cast<int64_t>(order.timeout_seconds() * 1000)) + kAgentGrace;
  emulated_[machine] = is_emulated(machine);
  auto id =
      deps_.store->open_session(input_.run_id, step->session, ++opened_[key],
                                {machine, emulated_[machine], lease, deps_.clock->now() + bound});
  if (!id) {
    infrastructure_error_ = render(id.error());
    begin_stopping();
    return false;
  }
  order.set_session_id(*id);
  results::set_timestamp(deps_.clock->now(), &began_[*id]);
  step->state = job::StepState::kRunning;
  ran_on_[key] = machine;
  if (job::measures(step->session)) measures_on_ = machine;
  running_[*id] = Running{key, machine, lease, deps_.clock->steady() + bound};
  (*session_cells_.lock())[*id] = order.cell();
  publish("session", fmt::format("{} starts on {}", step->session.purpose, machine), order.cell(),
          "starting", *id);
  if (const Status sent = deps_.lab->start(input_.run_id, lease, order); !sent)
    end_session_as_infrastructure(*id, sent.error().message);
  return true;
}

/// Called on an rpc thread: it publishes and posts.
void RunDriver::on_session_event(const v1::SessionEvent& session_event) {
  if (session_event.phase() == "results-wait") {
    post(ResultsWait{session_event.session_id(), session_event.text()});
    return;
  }
  v1::RunEvent event;
  event.set_session_id(session_event.session_id());
  if (!session_event.console_line().empty()) {
    event.set_kind("console");
    event.set_text(session_event.console_line());
    deps_.consoles->add(session_event.session_id(), session_event.console_line());
  } else {
    event.set_kind("test");
    event.set_cell((*session_cells_.lock())[session_event.session_id()]);
    event.set_state(session_event.phase());
    event.set_text(session_event.text());
    event.set_done(session_event.done());
    event.set_total(session_event.total());
  }
  deps_.hub->publish(input_.run_id, std::move(event));
}

/// The machine whose history counts: where the first session that measured (or tested) ended.
/// Machines of one job are alike; "" = none has yet.
std::string RunDriver::machine_of(bool measuring) const {
  for (const job::SessionStep& step : state_.sessions) {
    if (job::measures(step.session) != measuring) continue;
    const auto attempts = ended_.find(step.session.key);
    if (attempts != ended_.end() && !attempts->second.empty())
      return attempts->second.back().machine();
  }
  return "";
}

verdict::Input RunDriver::verdict_input() {
  verdict::Input input;
  input.job = input_.prepared->spec;
  input.config_wants_highmem = input_.prepared->config_highmem;
  for (const PhaseList& list : input_.prepared->lists) {
    for (const std::string& test : list.tests) {
      if (input.planned_phase.emplace(test, list.phase).second) input.planned_tests.push_back(test);
    }
  }
  for (const PatchInfo& patch : input_.prepared->patches)
    verdict::add_patch(patch.subject, patch.files, &input);
  for (const job::SessionStep& step : state_.sessions) {
    const auto attempts = ended_.find(step.session.key);
    if (attempts == ended_.end()) continue;
    for (const v1::Session& session : attempts->second) {
      input.sessions.push_back(to_row(session, step.session, is_emulated(session.machine())));
    }
  }
  for (const BuildTarget& target : input_.prepared->targets)
    if (const auto found = records_.find(target.key); found != records_.end())
      input.builds.push_back({target.variant, target.config, found->second});
  verdict::mark_foreign(&input);
  input.not_revertible = not_revertible_;
  input.history = verdict::tests_to_look_up(input);
  if (!input.history.empty() &&
      !deps_.store->look_up_history(input_.run_id, machine_of(false), &input.history))
    input.history.clear();
  input.canaries = verdict::canaries_to_look_up(input);
  if (!input.canaries.empty() &&
      !deps_.store->look_up_canaries(input_.run_id, machine_of(true), &input.canaries))
    input.canaries.clear();
  for (const verdict::SessionRow& session : input.sessions) {
    if (input.settings_before.contains(session.machine)) continue;
    auto settings = deps_.store->settings_before(input_.run_id, session.machine);
    input.settings_before[session.machine] = settings.value_or(std::vector<hygiene::Settings>());
  }
  input.interrupted = state_.stopping && infrastructure_error_.empty();
  input.infrastructure_error = infrastructure_error_;
  return input;
}

/// Sessions of an earlier life whose ends never came: each was run again, and none stays open.
void RunDriver::close_orphans() {
  for (const auto& [id, key] : orphans_) {
    v1::Session session;
    session.set_id(id);
    session.set_ending("infrastructure");
    session.set_error("its end never came; it was run again");
    // Left open it would be no more than untidy.
    (void)deps_.store->finish_session(input_.run_id, session);
  }
}

void RunDriver::finish(const std::stop_token& stop) {
  const bool interrupted = state_.stopping && infrastructure_error_.empty();
  // A spent budget or a broken host leaves a run that can go on, too: what it has is kept.
  const std::string state = interrupted ? "interrupted" : state_.stopping ? "failed" : "done";
  if (state == "done") close_orphans();
  ReportInput input;
  input.prepared = input_.prepared.get();
  input.plan = &input_.plan;
  input.run = input_.run;
  input.run.set_state(state);
  input.run.set_elapsed_seconds(elapsed());
  input.run.set_seed(input_.seed);
  input.run.set_error(infrastructure_error_);
  const auto now = deps_.clock->now().time_since_epoch();
  input.run.mutable_finished()->set_seconds(
      std::chrono::duration_cast<std::chrono::seconds>(now).count());
  input.records = &records_;
  verdict::Input judged = verdict_input();
  judged.statics = finish_statics();
  judged.reach = measure_reach(stop);
  input.verdict = verdict::judge(judged);
  if (decode_reports(input.verdict, stop)) {
    // What its lines tell of a report can change whose it is.
    reach::Reach reach = std::move(judged.reach);
    statics::Side statics = std::move(judged.statics);
    judged = verdict_input();
    judged.reach = std::move(reach);
    judged.statics = std::move(statics);
    input.verdict = verdict::judge(judged);
  }
  for (const job::SessionStep& step : state_.sessions)
    if (const auto attempts = ended_.find(step.session.key); attempts != ended_.end())
      for (const v1::Session& session : attempts->second) input.sessions.push_back(session);
  v1::RunReport report = build_report(input);
  say_refused(&report);
  if (!input_.check_machine.empty())
    judge_health(input_.check_machine, static_cast<int>(judged.planned_tests.size()), &report);
  if (const Status stored = deps_.store->finish_run(input_.run_id, state, report); !stored)
    publish("note", "the report could not be stored: " + render(stored.error()));
  publish("verdict", report.verdict().headline());
  publish("finished", state);
}

verdict::SessionRow to_row(const v1::Session& session, const job::PlannedSession& planned,
                           bool emulated) {
  db::StoredSession row = results::to_row(session);
  row.purpose = planned.purpose;
  row.variant = planned.variant;
  row.config = planned.config;
  row.pair = planned.pair;
  row.patched_first = planned.patched_first;
  row.only_tests = planned.only_tests;
  row.emulated = emulated;
  row.machine = session.machine();
  return db::to_verdict_row(std::move(row));
}

}  // namespace kiln::scheduler
