#include "controller/results/db_run_store.h"

#include <fmt/format.h>

#include "controller/results/session_rows.h"
#include "controller/results/stored_judge.h"
#include "controller/results/timestamps.h"
#include "lib/base/text.h"
#include "lib/db/build_table.h"
#include "lib/db/duration_table.h"
#include "lib/db/event_table.h"
#include "lib/db/job_table.h"
#include "lib/db/kernel_report_table.h"
#include "lib/db/known_table.h"
#include "lib/db/lease_table.h"
#include "lib/db/retention_table.h"
#include "lib/db/session_table.h"
#include "lib/series/versions.h"

namespace kiln::results {
namespace {

void to_proto(const db::RunRow& row, v1::Run* run) {
  run->set_id(row.id);
  run->set_job_name(row.job_name);
  run->set_title(row.title);
  run->set_job_file(row.job_file);
  run->set_state(row.state);
  set_timestamp(row.started, run->mutable_started());
  if (row.finished) set_timestamp(*row.finished, run->mutable_finished());
  run->set_elapsed_seconds(row.elapsed_seconds);
  run->set_source(row.source);
  run->set_source_tree(row.source_tree);
  run->set_kiln_version(row.kiln_version);
  run->set_toolchain(row.toolchain);
  run->set_machine(row.machine);
  run->set_igt_version(row.igt_version);
  run->set_error(row.error);
  run->set_seed(row.seed);
  run->set_repro_of(row.repro_of);
  run->set_checks_machine(row.checks_machine);
}

}  // namespace

Result<std::optional<kernel::BuildRecord>> DbRunStore::find_build(const std::string& key) {
  KILN_ASSIGN(auto found, db::BuildTable(db_).find(key));
  if (!found || found->state != "built") return std::optional<kernel::BuildRecord>();
  // A record whose artifacts are gone is no build; those that are there will be relied on.
  for (const std::string* digest : {&found->image_digest, &found->modules_digest,
                                    &found->bench_digest, &found->coverage_digest})
    if (!digest->empty() && !blobs_.claim(*digest)) return std::optional<kernel::BuildRecord>();
  return found;
}

Status DbRunStore::put_build(int64_t run_id, const std::string& variant, const std::string& config,
                             const kernel::BuildRecord& record) {
  if (record.state == "failed" && counters_.build_failed) counters_.build_failed();
  return db::BuildTable(db_).record_for_run(run_id, {variant, config, false, record}, clock_.now());
}

Result<int64_t> DbRunStore::open_session(int64_t run_id, const job::PlannedSession& planned,
                                         int attempt, const SessionPlace& place) {
  db::StoredSession row;
  row.run_id = run_id;
  row.key = planned.key;
  row.attempt = attempt;
  row.purpose = planned.purpose;
  row.variant = planned.variant;
  row.config = planned.config;
  row.pair = planned.pair;
  row.patched_first = planned.patched_first;
  row.build_key = planned.build_key;
  row.only_tests = planned.only_tests;
  row.machine = place.machine;
  row.emulated = place.emulated;
  row.lease = place.lease;
  row.until = place.until;
  if (tags_of_) row.tags = tags_of_(place.machine);
  row.started = clock_.now();
  return db::SessionTable(db_).open(row);
}

Status DbRunStore::finish_session(int64_t run_id, const v1::Session& session) {
  db::StoredSession row = to_row(session);
  row.run_id = run_id;
  KILN_TRY(db::SessionTable(db_).finish(row));
  if (counters_.session_ended) counters_.session_ended(session);
  return {};
}

Result<std::optional<WallTime>> DbRunStore::cleared(int64_t run_id) {
  return db::RetentionTable(db_).cleared(run_id);
}

void DbRunStore::finish_session_later(int64_t run_id, const v1::Session& session,
                                      std::function<void(Status)> then) {
  db::StoredSession row = to_row(session);
  row.run_id = run_id;
  db::SessionTable(db_).finish_later(std::move(row),
                                     [this, session, then = std::move(then)](const Status& stored) {
                                       if (stored && counters_.session_ended)
                                         counters_.session_ended(session);
                                       then(stored);
                                     });
}

Status DbRunStore::put_duplicate(const v1::SessionDone& done, const std::string& reason) {
  db::DuplicateRow row;
  row.session_id = done.session().id();
  row.lease = done.lease_epoch();
  row.machine = done.session().machine();
  row.reason = reason;
  row.received = clock_.now();
  row.done = done.SerializeAsString();
  return db::LeaseTable(db_).add_duplicate(row);
}

Result<std::vector<StoredSession>> DbRunStore::sessions(int64_t run_id) {
  KILN_ASSIGN(const auto rows, db::SessionTable(db_).of_run(run_id));
  std::vector<StoredSession> out;
  for (const db::StoredSession& row : rows) {
    StoredSession stored;
    stored.id = row.id;
    stored.key = row.key;
    stored.attempt = row.attempt;
    stored.state = row.state;
    stored.planned = {row.key,  row.purpose,       row.variant,   row.config,
                      row.pair, row.patched_first, row.build_key, row.only_tests};
    stored.session = to_session(row);
    out.push_back(std::move(stored));
  }
  return out;
}

Status DbRunStore::look_up_history(int64_t run_id, const std::string& machine,
                                   std::vector<verdict::TestHistory>* tests) {
  const db::SessionTable sessions(db_);
  for (verdict::TestHistory& test : *tests)
    KILN_TRY(sessions.look_up_history(run_id, machine, &test));
  return {};
}

Status DbRunStore::look_up_canaries(int64_t run_id, const std::string& machine,
                                    std::vector<verdict::CanaryHistory>* metrics) {
  const db::SessionTable sessions(db_);
  for (verdict::CanaryHistory& metric : *metrics)
    KILN_TRY(sessions.look_up_canaries(run_id, machine, &metric));
  return {};
}

Result<std::vector<hygiene::Settings>> DbRunStore::settings_before(int64_t run_id,
                                                                   const std::string& machine) {
  return db::SessionTable(db_).settings_before(run_id, machine);
}

Status DbRunStore::put_decoded(int64_t session_id, int position,
                               const std::vector<dmesg::Frame>& frames,
                               const std::string& subsystem) {
  return db::KernelReportTable(db_).set_decoded(session_id, position, frames, subsystem);
}

Status DbRunStore::put_not_revertible(int64_t run_id, int patch) {
  return db::JobTable(db_).set_not_revertible(run_id, patch);
}

Status DbRunStore::finish_run(int64_t run_id, const std::string& state,
                              const v1::RunReport& report) {
  db::RunTable runs(db_);
  KILN_ASSIGN(db::RunRow row, runs.get(run_id));
  row.state = state;
  row.finished = clock_.now();
  row.elapsed_seconds = report.run().elapsed_seconds();
  row.error = report.run().error();
  row.machine = report.run().machine();
  row.igt_version = report.run().igt_version();
  v1::RunReport base = report;
  base.clear_sessions();  // they are in their own tables
  KILN_ASSIGN(const auto filters, db::KnownTable(db_).list());
  // From the rows and with the known issues, as everybody may judge it again. Without rows to go by
  // (a run that was refused, a job that an older Kiln began), and where no series is judged (a
  // check of a machine), the driver's word holds.
  if (report.verdict().result() != "refused" && row.checks_machine.empty()) {
    auto judged = StoredJudge(db_).judge(row, base, filters, "run", clock_.now());
    if (judged) return runs.finish(row, judged->row);
    if (judged.error().kind != ErrorKind::kNotFound) return fail(std::move(judged).error());
  }
  return runs.finish(row, to_verdict_row(base, "run", clock_.now()));
}

void DbRunStore::add_duration(const std::string& kind, const std::string& source, double seconds) {
  db::DurationTable(db_).post(kind, source, seconds, clock_.now());
  if (counters_.took) counters_.took(kind, seconds);
}

Status DbRunStore::interrupt_abandoned() {
  KILN_ASSIGN(const int abandoned, db::RunTable(db_).interrupt_abandoned());
  (void)abandoned;
  return {};
}

Result<std::optional<db::RunRow>> DbRunStore::find_started(const std::string& start_key) {
  return db::RunTable(db_).find_started(start_key);
}

Result<std::vector<db::RunRow>> DbRunStore::running() {
  return db::RunTable(db_).running();
}

Result<std::optional<db::RunRow>> DbRunStore::find_unfinished(const std::string& job_digest) {
  return db::RunTable(db_).find_unfinished(job_digest);
}

Result<int64_t> DbRunStore::create_run(const db::RunRow& run, const job::Plan& plan) {
  std::vector<db::CellRow> cells;
  for (const job::PlanCell& cell : plan.cells)
    cells.push_back({cell.variant, cell.config, cell.build_key, cell.same_as});
  KILN_ASSIGN(const int64_t id, db::RunTable(db_).create(run, cells));
  if (counters_.run_started) counters_.run_started(run.priority);
  return id;
}

Status DbRunStore::put_job(int64_t run_id, const job::StoredJob& job) {
  std::optional<db::SeriesRow> series;
  // Commits are no version of anybody's series.
  if (!job.series.patches.empty() && job.spec.series.kind != job::SeriesSpec::Kind::kCommits) {
    series.emplace();
    series->run_id = run_id;
    series->title = job.series.title;
    series->title_key = series::title_key(job.series.title);
    series->author_key = series::author_key(job.series.author);
    series->message_id = job.series.message_id;
    series->version = job.series.version;
    series->answers = job.series.answers;
    for (const job::StoredPatch& patch : job.series.patches)
      series->patches.push_back({patch.subject, patch.patch_id});
  }
  return db::JobTable(db_).put(run_id, job::to_json(job), series);
}

Result<std::optional<job::StoredJob>> DbRunStore::job(int64_t run_id) {
  KILN_ASSIGN(const auto document, db::JobTable(db_).get(run_id));
  if (!document) return std::optional<job::StoredJob>();
  KILN_ASSIGN(job::StoredJob stored, job::stored_job(*document));
  return std::optional(std::move(stored));
}

Status DbRunStore::run_goes_on(const db::RunRow& run) {
  return db::RunTable(db_).set_state(run.id, "running", run.elapsed_seconds);
}

Result<db::RunRow> DbRunStore::run(int64_t run_id) {
  return db::RunTable(db_).get(run_id);
}

Result<int64_t> DbRunStore::resolve_run(int64_t run_id) {
  db::RunTable runs(db_);
  if (run_id > 0) {
    KILN_ASSIGN(const db::RunRow row, runs.get(run_id));
    return row.id;
  }
  KILN_ASSIGN(const int64_t newest, runs.newest());
  if (newest == 0)
    return fail(
        Error(ErrorKind::kNotFound, "there is no run yet").with_hint("kiln run JOB makes one"));
  return newest;
}

Result<v1::ListRunsReply> DbRunStore::list_runs(int limit, int64_t before) {
  KILN_ASSIGN(const auto rows, db::RunTable(db_).list(limit, before));
  v1::ListRunsReply reply;
  for (const db::RunSummaryRow& row : rows) {
    v1::RunSummary* run = reply.add_runs();
    to_proto(row.run, run->mutable_run());
    if (row.verdict) fill_verdict(*row.verdict, run->mutable_verdict());
  }
  return reply;
}

Result<v1::RunReport> DbRunStore::report(int64_t run_id, bool with_sessions) {
  db::RunTable runs(db_);
  KILN_ASSIGN(const db::RunRow row, runs.get(run_id));
  KILN_ASSIGN(const auto verdict, db::VerdictTable(db_).newest(run_id));
  v1::RunReport report;
  if (verdict && !report.ParseFromString(verdict->report))
    return fail(ErrorKind::kInternal,
                fmt::format("the stored report of run {} is damaged", run_id));
  const bool going_on = !verdict || row.state == "running";
  if (going_on || !with_sessions) report.clear_sessions();
  if (with_sessions && report.sessions().empty()) KILN_TRY(add_sessions(run_id, &report));
  if (going_on) {
    to_proto(row, report.mutable_run());
    report.mutable_verdict()->set_result("interrupted");
    report.mutable_verdict()->set_exit_code(130);
    report.mutable_verdict()->set_headline("So far: the run has not ended.");
  }
  KILN_TRY(add_keeping(run_id, report.mutable_run()));
  return report;
}

/// What may have changed since the report was stored.
Status DbRunStore::add_keeping(int64_t run_id, v1::Run* run) {
  const db::RetentionTable table(db_);
  KILN_ASSIGN(const auto cleared, table.cleared(run_id));
  KILN_ASSIGN(const auto kept, table.kept(run_id));
  run->clear_artifacts_cleared();
  if (cleared) set_timestamp(*cleared, run->mutable_artifacts_cleared());
  run->set_kept_by(kept ? kept->by : "");
  run->set_kept_why(kept ? kept->why : "");
  return {};
}

Status DbRunStore::add_sessions(int64_t run_id, v1::RunReport* report) {
  KILN_ASSIGN(auto stored, sessions(run_id));
  for (StoredSession& each : stored) *report->add_sessions() = std::move(each.session);
  return {};
}

Result<std::string> DbRunStore::user_of(int64_t run_id) {
  KILN_ASSIGN(const db::RunRow row, db::RunTable(db_).get(run_id));
  return row.user;
}

Result<int> DbRunStore::count_running(const std::string& user) {
  return db::RunTable(db_).count_running(user);
}

void DbRunStore::append_event(int64_t run_id, const v1::RunEvent& event) {
  db::EventRow row;
  row.seq = event.seq();
  row.time = from_timestamp(event.time());
  row.kind = event.kind();
  row.text = to_valid_utf8(event.text());
  row.cell = event.cell();
  row.session_id = event.session_id();
  row.state = event.state();
  row.done = event.done();
  row.total = event.total();
  row.elapsed_seconds = event.elapsed_seconds();
  row.remaining_seconds = event.remaining_seconds();
  // The run itself does not depend on its story.
  db::EventTable(db_).post(run_id, std::move(row));
}

Result<std::vector<v1::RunEvent>> DbRunStore::events(int64_t run_id, int64_t after) {
  std::vector<v1::RunEvent> out;
  while (true) {
    KILN_ASSIGN(const auto rows, db::EventTable(db_).from(run_id, after + 1));
    if (rows.empty()) return out;
    for (const db::EventRow& row : rows) {
      v1::RunEvent event;
      event.set_seq(row.seq);
      set_timestamp(row.time, event.mutable_time());
      event.set_kind(row.kind);
      event.set_text(row.text);
      event.set_cell(row.cell);
      event.set_session_id(row.session_id);
      event.set_state(row.state);
      event.set_done(row.done);
      event.set_total(row.total);
      event.set_elapsed_seconds(row.elapsed_seconds);
      event.set_remaining_seconds(row.remaining_seconds);
      out.push_back(std::move(event));
      after = row.seq;
    }
  }
}

Result<int64_t> DbRunStore::last_event(int64_t run_id) {
  return db::EventTable(db_).last_seq(run_id);
}

job::History DbRunStore::history() {
  auto history = db::DurationTable(db_).history();
  return history ? *history : job::History{};
}

}  // namespace kiln::results
