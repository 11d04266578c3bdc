#include "controller/results/stored_judge.h"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <map>
#include <set>

#include "controller/results/night_changes.h"
#include "lib/db/build_table.h"
#include "lib/db/job_table.h"
#include "lib/db/kernel_report_table.h"
#include "lib/db/session_table.h"
#include "lib/job/stored.h"
#include "lib/report/reach_fields.h"
#include "lib/report/report.h"
#include "lib/report/static_fields.h"
#include "lib/series/versions.h"
#include "lib/verdict/foreign.h"
#include "lib/verdict/known.h"
#include "lib/verdict/predecessor.h"
#include "lib/verdict/rules.h"

namespace kiln::results {
namespace {

void add_plan(const job::StoredJob& job, verdict::Input* input) {
  input->job = job.spec;
  input->config_wants_highmem = job.config_highmem;
  for (const job::StoredList& list : job.lists)
    for (const std::string& test : list.tests)
      if (input->planned_phase.emplace(test, list.phase).second)
        input->planned_tests.push_back(test);
  for (const job::StoredPatch& patch : job.series.patches)
    verdict::add_patch(patch.subject, patch.files, input);
}

/// Machines of one job are alike; where there are several, the first by name tells.
std::string first_machine(const std::vector<verdict::SessionRow>& sessions) {
  std::set<std::string> names;
  for (const verdict::SessionRow& session : sessions) names.insert(session.machine);
  return names.empty() ? "" : *names.begin();
}

/// One finding's command, where there is something to repeat.
void add_commands(v1::RunReport* report) {
  for (v1::Finding& finding : *report->mutable_findings()) {
    const bool repeatable =
        !finding.test().empty() || !finding.kernel().empty() || finding.class_() == "regression";
    if (repeatable && finding.class_() != "infrastructure")
      finding.set_reproduce(fmt::format("kiln repro {}/{}", report->run().id(), finding.id()));
  }
}

std::vector<int64_t> known_by(const verdict::Finding& finding, const verdict::Output& output) {
  std::set<int64_t> ids;
  if (finding.cls != "known") return {};
  for (const verdict::Occurrence& seen : output.occurrences)
    if (seen.finding == finding.id) ids.insert(seen.known.begin(), seen.known.end());
  return {ids.begin(), ids.end()};
}

/// The same bytes for the same message: maps have no order of their own.
std::string serialized(const google::protobuf::Message& message) {
  std::string out;
  google::protobuf::io::StringOutputStream stream(&out);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&coded);
  coded.Trim();
  return out;
}

/// The findings for lists, by name: without the long texts, which the report has.
std::map<std::string, std::string> details_of(const v1::RunReport& report) {
  std::map<std::string, std::string> details;
  for (v1::Finding finding : report.findings()) {
    for (v1::KernelReport& kernel : *finding.mutable_kernel()) {
      kernel.clear_text();
      kernel.clear_frames();
    }
    details[finding.id()] = serialized(finding);
  }
  return details;
}

/// What lists and filters look at.
void add_findings(const verdict::Output& output, const v1::RunReport& report, db::VerdictRow* row) {
  std::map<std::string, std::string> details = details_of(report);
  std::map<int64_t, db::KnownHit> hits;
  for (const verdict::Finding& finding : output.findings) {
    row->findings.push_back({finding.id, finding.cls, finding.bare_cls, finding.test,
                             finding.subject, known_by(finding, output), finding.only_patched,
                             finding.summary, std::move(details[finding.id])});
    for (const int64_t id : row->findings.back().known) ++hits[id].findings;
  }
  for (const verdict::Occurrence& seen : output.occurrences)
    for (const int64_t id : seen.known) ++hits[id].occurrences;
  for (auto& [id, hit] : hits) {
    hit.filter_id = id;
    row->hits.push_back(hit);
  }
  row->occurrences = output.occurrences;
}

series::Version to_version(const db::SeriesRow& row) {
  series::Version version{row.title_key, row.author_key, row.message_id,
                          row.version,   row.answers,    {}};
  for (const db::PatchRow& patch : row.patches)
    version.patches.push_back({patch.subject, patch.patch_id});
  return version;
}

/// The stored findings, as far as versions are compared.
Result<std::vector<verdict::Breakage>> stored_breakages(db::Database& db, int64_t run_id) {
  const db::VerdictTable verdicts(db);
  KILN_ASSIGN(const auto rows, verdicts.findings(run_id));
  KILN_ASSIGN(const auto occurrences, verdicts.occurrences(run_id));
  std::vector<verdict::Finding> findings;
  for (const db::FindingRow& row : rows) {
    verdict::Finding finding;
    finding.id = row.name;
    finding.cls = row.cls;
    finding.test = row.test;
    finding.subject = row.subject;
    findings.push_back(std::move(finding));
  }
  return verdict::breakages(findings, occurrences);
}

/// Did the test give a result with the series?
bool ran(const std::vector<verdict::SessionRow>& sessions, const verdict::Breakage& one) {
  return std::any_of(sessions.begin(), sessions.end(), [&](const verdict::SessionRow& session) {
    return session.variant == "patched" && session.config == one.config &&
           std::any_of(session.results.begin(), session.results.end(),
                       [&](const verdict::ResultRow& row) { return row.test == one.subject; });
  });
}

}  // namespace

Result<verdict::Input> StoredJudge::input(const db::RunRow& run, const v1::RunReport& base,
                                          const std::vector<known::Filter>& filters,
                                          WallTime now) const {
  const db::JobTable jobs(*db_);
  KILN_ASSIGN(const auto document, jobs.get(run.id));
  if (!document)
    return fail(
        Error(ErrorKind::kNotFound,
              fmt::format("run {} is of a Kiln that did not keep its job", run.id))
            .with_hint("it cannot be judged again; kiln report shows what was judged then"));
  KILN_ASSIGN(const job::StoredJob job, job::stored_job(*document));
  verdict::Input input;
  add_plan(job, &input);
  const db::SessionTable sessions(*db_);
  KILN_ASSIGN(input.sessions, sessions.for_verdict(run.id));
  verdict::mark_foreign(&input);
  KILN_ASSIGN(const auto builds, db::BuildTable(*db_).of_run(run.id));
  for (const db::RunBuildRow& build : builds)
    input.builds.push_back({build.variant, build.config, build.record});
  KILN_ASSIGN(input.not_revertible, jobs.not_revertible(run.id));
  input.reach = report::reach_of(base);
  input.statics = report::statics_of(base);
  input.interrupted = run.error.empty() && (run.state == "interrupted" || run.state == "running");
  input.infrastructure_error = run.error;
  input.known = filters;
  input.ended = run.finished.value_or(now);
  input.history = verdict::tests_to_look_up(input);
  const std::string machine = first_machine(input.sessions);
  for (verdict::TestHistory& test : input.history)
    KILN_TRY(sessions.look_up_history(run.id, machine, &test));
  input.canaries = verdict::canaries_to_look_up(input);
  for (verdict::CanaryHistory& metric : input.canaries)
    KILN_TRY(sessions.look_up_canaries(run.id, machine, &metric));
  for (const verdict::SessionRow& session : input.sessions)
    if (!input.settings_before.contains(session.machine)) {
      KILN_ASSIGN(input.settings_before[session.machine],
                  sessions.settings_before(run.id, session.machine));
    }
  const db::KernelReportTable reports(*db_);
  for (const std::string& signature : verdict::reports_to_look_up(input)) {
    KILN_ASSIGN(const int boots, reports.boots_before(run.id, machine, signature));
    if (boots > 0) input.old_reports.push_back({signature, boots});
  }
  return input;
}

Result<JudgedRun> StoredJudge::judge(const db::RunRow& run, v1::RunReport base,
                                     const std::vector<known::Filter>& filters,
                                     const std::string& cause, WallTime now) const {
  KILN_ASSIGN(const verdict::Input rows, input(run, base, filters, now));
  const verdict::Output output = verdict::judge(rows);
  JudgedRun out;
  out.report = std::move(base);
  out.report.clear_sessions();
  report::fill(output, &out.report);
  add_commands(&out.report);
  if (run.repro_of.empty()) {
    KILN_TRY(add_predecessor(run.id, rows, output, &out.report));
    KILN_TRY(add_last_good_night(*db_, run, rows, &out.report));
  }
  out.row = to_verdict_row(out.report, cause, now);
  add_findings(output, out.report, &out.row);
  return out;
}

Result<JudgedRun> StoredJudge::judge_again(int64_t run_id,
                                           const std::vector<known::Filter>& filters,
                                           const std::string& cause, WallTime now) const {
  KILN_ASSIGN(const db::RunRow run, db::RunTable(*db_).get(run_id));
  KILN_ASSIGN(const auto stored, db::VerdictTable(*db_).newest(run_id));
  if (!stored)
    return fail(Error(ErrorKind::kNotFound, fmt::format("run {} has no verdict yet", run_id))
                    .with_hint("it is judged when it ends"));
  v1::RunReport base;
  if (!base.ParseFromString(stored->report))
    return fail(ErrorKind::kInternal,
                fmt::format("the stored report of run {} is damaged", run_id));
  if (stored->result == "refused")
    return fail(ErrorKind::kBadInput,
                fmt::format("run {} was refused: there is nothing to judge", run_id));
  if (!run.checks_machine.empty())
    return fail(ErrorKind::kBadInput, fmt::format("run {} checks {}: there is no series to judge",
                                                  run_id, run.checks_machine));
  return judge(run, std::move(base), filters, cause, now);
}

/// The nearest earlier version of the series that was judged, in the configs that both have.
Status StoredJudge::add_predecessor(int64_t run_id, const verdict::Input& input,
                                    const verdict::Output& output, v1::RunReport* report) const {
  report->clear_predecessor();
  const db::JobTable jobs(*db_);
  KILN_ASSIGN(const auto series, jobs.series(run_id));
  if (!series) return {};
  KILN_ASSIGN(const auto relatives, jobs.relatives(*series));
  std::vector<series::Version> older;
  for (const db::SeriesRow& row : relatives) older.push_back(to_version(row));
  const series::Version newer = to_version(*series);
  const auto at = series::predecessor(newer, older);
  if (!at) return {};
  const int64_t before_id = relatives[*at].run_id;
  KILN_ASSIGN(const auto before, stored_breakages(*db_, before_id));
  // Its rows are read only when something is broken now that was not then.
  std::optional<Result<std::vector<verdict::SessionRow>>> rows_then;
  const auto ran_then = [&](const verdict::Breakage& one) {
    if (!rows_then) rows_then = db::SessionTable(*db_).for_verdict(before_id);
    return *rows_then && ran(**rows_then, one);
  };
  const auto ran_now = [&](const verdict::Breakage& one) { return ran(input.sessions, one); };
  const verdict::VersionChange change = verdict::compare_versions(
      before, verdict::breakages(output.findings, output.occurrences), ran_then, ran_now);
  v1::Predecessor* out = report->mutable_predecessor();
  out->set_run_id(before_id);
  out->set_version(older[*at].version);
  out->set_why(series::link_of(newer, older[*at]));
  for (const std::string& line : change.fixed) out->add_fixed(report::proto_string(line));
  for (const std::string& line : change.broke) out->add_broke(report::proto_string(line));
  for (const std::string& line : change.still) out->add_still(report::proto_string(line));
  for (const std::string& line : series::changed_patches(newer, older[*at]))
    out->add_changed_patches(report::proto_string(line));
  return {};
}

db::VerdictRow to_verdict_row(const v1::RunReport& report, const std::string& cause,
                              WallTime judged) {
  const v1::Verdict& verdict = report.verdict();
  db::VerdictRow row;
  row.result = verdict.result();
  row.exit_code = verdict.exit_code();
  row.headline = verdict.headline();
  row.results_planned = verdict.results_planned();
  row.results_got = verdict.results_got();
  row.regressions = verdict.regressions();
  row.fixes = verdict.fixes();
  row.warnings = verdict.warnings();
  row.flaky = verdict.flaky();
  row.lost = verdict.lost();
  row.known = verdict.known();
  row.judged = judged;
  row.rules = verdict::kRulesVersion;
  row.cause = cause;
  row.report = serialized(report);
  return row;
}

void fill_verdict(const db::VerdictRow& row, v1::Verdict* verdict) {
  verdict->set_result(row.result);
  verdict->set_exit_code(row.exit_code);
  verdict->set_headline(row.headline);
  verdict->set_results_planned(row.results_planned);
  verdict->set_results_got(row.results_got);
  verdict->set_regressions(row.regressions);
  verdict->set_fixes(row.fixes);
  verdict->set_warnings(row.warnings);
  verdict->set_flaky(row.flaky);
  verdict->set_lost(row.lost);
  verdict->set_known(row.known);
}

}  // namespace kiln::results
