#include "controller/app/review.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "controller/results/known_change.h"
#include "controller/results/stored_judge.h"
#include "controller/results/timestamps.h"
#include "controller/scheduler/stored_job.h"
#include "lib/base/text.h"
#include "lib/db/build_table.h"
#include "lib/db/job_table.h"
#include "lib/db/known_table.h"
#include "lib/job/stored.h"
#include "lib/known/match.h"
#include "lib/report/report.h"

namespace kiln::controller {
namespace {

constexpr int kQuietRuns = 14;  // a filter without a match for so long is proposed for removal
constexpr int kMostAudit = 10'000;

void to_proto(const db::VerdictRow& row, v1::StoredVerdict* out) {
  results::set_timestamp(row.judged, out->mutable_judged());
  out->set_rules(row.rules);
  out->set_cause(row.cause);
  results::fill_verdict(row, out->mutable_verdict());
}

void to_proto(const db::KnownUseRow& row, int quiet_runs, WallTime now, v1::KnownUse* out) {
  report::fill_filter(row.filter, out->mutable_filter());
  out->set_expired(!known::holds(row.filter, now));
  out->set_last_run(row.last_run);
  if (row.last_match) results::set_timestamp(*row.last_match, out->mutable_last_match());
  out->set_runs_since(row.runs_since);
  out->set_findings(row.findings);
  out->set_propose_removal(!row.filter.removed && row.runs_since >= quiet_runs);
}

void to_proto(const db::KnownAuditRow& row, v1::KnownAudit* out) {
  out->set_id(row.id);
  out->set_filter_id(row.filter_id);
  results::set_timestamp(row.time, out->mutable_time());
  out->set_who(report::proto_string(row.who));
  out->set_action(row.action);
  if (row.before) report::fill_filter(*row.before, out->mutable_before());
  if (row.after) report::fill_filter(*row.after, out->mutable_after());
  out->set_runs(row.runs);
  out->set_findings(row.findings);
}

/// Before and after of a request. An edit keeps when the filter was made; who made it stays its
/// author unless the request names another.
Result<results::KnownEdit> edit_of(const db::KnownTable& table,
                                   const v1::ChangeKnownRequest& request, WallTime now) {
  results::KnownEdit edit;
  known::Filter after = report::to_filter(request.filter());
  if (after.id != 0) {
    KILN_ASSIGN(known::Filter before, table.get(after.id));
    if (before.removed)
      return fail(
          Error(ErrorKind::kConflict, fmt::format("known issue {} was removed already", before.id))
              .with_hint("kiln known add makes a new one"));
    after.created = before.created;
    if (after.author.empty()) after.author = before.author;
    edit.before = std::move(before);
  } else {
    if (request.remove())
      return fail(ErrorKind::kBadInput, "name the known issue that is to be removed");
    after.created = now;
    if (after.author.empty()) after.author = request.who();
  }
  if (!request.remove()) edit.after = std::move(after);
  return edit;
}

}  // namespace

Result<v1::JudgeRunReply> Review::judge_run(const v1::JudgeRunRequest& request) {
  KILN_ASSIGN(const int64_t id, parts_.store.resolve_run(request.run_id()));
  KILN_ASSIGN(const auto filters, db::KnownTable(parts_.database).list());
  KILN_ASSIGN(
      results::JudgedRun judged,
      results::StoredJudge(parts_.database).judge_again(id, filters, "judge", parts_.clock.now()));
  v1::JudgeRunReply reply;
  to_proto(judged.row, reply.mutable_now());
  db::VerdictTable verdicts(parts_.database);
  KILN_ASSIGN(const auto stored, verdicts.all(id));
  for (const db::VerdictRow& row : stored) to_proto(row, reply.add_stored());
  if (request.save()) KILN_TRY(verdicts.add(id, judged.row));
  *reply.mutable_report() = std::move(judged.report);
  KILN_TRY(parts_.store.add_sessions(id, reply.mutable_report()));
  return reply;
}

Result<v1::ListKnownReply> Review::list_known(const v1::ListKnownRequest& request) {
  KILN_ASSIGN(const auto uses, db::KnownTable(parts_.database).uses(request.with_removed()));
  const int quiet = request.quiet_runs() > 0 ? request.quiet_runs() : kQuietRuns;
  v1::ListKnownReply reply;
  for (const db::KnownUseRow& use : uses)
    to_proto(use, quiet, parts_.clock.now(), reply.add_filters());
  return reply;
}

Result<v1::ChangeKnownReply> Review::preview_known(const v1::ChangeKnownRequest& request) {
  KILN_ASSIGN(const results::KnownEdit edit,
              edit_of(db::KnownTable(parts_.database), request, parts_.clock.now()));
  return results::KnownChanges(parts_.database, parts_.clock).preview(edit);
}

Result<v1::ChangeKnownReply> Review::change_known(const v1::ChangeKnownRequest& request) {
  if (request.who().empty())
    return fail(ErrorKind::kBadInput, "a change of the known issues says who makes it");
  KILN_ASSIGN(results::KnownEdit edit,
              edit_of(db::KnownTable(parts_.database), request, parts_.clock.now()));
  return results::KnownChanges(parts_.database, parts_.clock).apply(std::move(edit), request.who());
}

Result<v1::AuditKnownReply> Review::audit_known(const v1::AuditKnownRequest& request) {
  const int limit = request.limit() > 0 ? std::min(request.limit(), kMostAudit) : 100;
  KILN_ASSIGN(const auto rows, db::KnownTable(parts_.database).audit(request.filter_id(), limit));
  v1::AuditKnownReply reply;
  for (const db::KnownAuditRow& row : rows) to_proto(row, reply.add_entries());
  return reply;
}

Result<scheduler::ReproInput> Review::repro_input(const v1::ReproRequest& request) {
  KILN_ASSIGN(const int64_t id, parts_.store.resolve_run(request.run_id()));
  scheduler::ReproInput input;
  KILN_ASSIGN(input.report, parts_.store.report(id));
  input.finding = request.finding();
  input.boots = request.boots();
  KILN_ASSIGN(const auto document, db::JobTable(parts_.database).get(id));
  if (!document)
    return fail(Error(ErrorKind::kNotFound,
                      fmt::format("run {} is of a Kiln that did not keep its job", id))
                    .with_hint("kiln run " + input.report.run().job_file() + " repeats all of it"));
  KILN_ASSIGN(input.job, job::stored_job(*document));
  const db::VerdictTable verdicts(parts_.database);
  KILN_ASSIGN(const auto findings, verdicts.findings(id));
  for (const db::FindingRow& row : findings)
    if (row.name == input.finding) input.subject = row.subject;
  KILN_ASSIGN(const auto occurrences, verdicts.occurrences(id));
  for (const verdict::Occurrence& seen : occurrences)
    if (seen.finding == input.finding) input.seen_in.insert(seen.config);
  KILN_ASSIGN(const auto builds, db::BuildTable(parts_.database).of_run(id));
  for (const db::RunBuildRow& build : builds) {
    // find_build() looks whether the artifacts are still there.
    KILN_ASSIGN(const auto found, parts_.store.find_build(build.record.key));
    if (found) input.kernels.push_back({build.variant, build.config, build.record.key});
  }
  input.history = parts_.store.history();
  return input;
}

Result<v1::ReproReply> Review::describe_repro(const v1::ReproRequest& request) {
  KILN_ASSIGN(const scheduler::ReproInput input, repro_input(request));
  return scheduler::describe_repro(input);
}

Result<v1::StartRunReply> Review::start_repro(const v1::ReproRequest& request,
                                              const std::string& user) {
  if (parts_.runs == nullptr) return fail(ErrorKind::kPermission, "this controller starts no runs");
  KILN_ASSIGN(const Quota::Ticket ticket, parts_.runs->admit(user));
  KILN_ASSIGN(RunAsk ask, repro_ask(request));
  ask.user = user;
  return parts_.runs->start(std::move(ask));
}

Result<RunAsk> Review::repro_ask(const v1::ReproRequest& request) {
  KILN_ASSIGN(const scheduler::ReproInput input, repro_input(request));
  RunAsk ask;
  KILN_ASSIGN(ask.prepared, scheduler::prepare_repro(input));
  ask.repro_of = fmt::format("{}/{}", input.report.run().id(), input.finding);
  ask.plan = [input](const scheduler::Prepared& of, uint64_t seed) -> Result<job::Plan> {
    return scheduler::plan_repro(input, of, seed);
  };
  return ask;
}

Result<RunAsk> Review::repro_again(const db::RunRow& row) {
  KILN_ASSIGN(const auto document, db::JobTable(parts_.database).get(row.id));
  if (!document) return fail(ErrorKind::kNotFound, "it ended before its job was stored");
  KILN_ASSIGN(const job::StoredJob stored, job::stored_job(*document));
  v1::ReproRequest request;
  const size_t slash = row.repro_of.find('/');
  request.set_run_id(std::strtoll(row.repro_of.c_str(), nullptr, 10));
  request.set_finding(slash == std::string::npos ? "" : row.repro_of.substr(slash + 1));
  request.set_boots(stored.spec.confirmations + 1);
  KILN_ASSIGN(RunAsk ask, repro_ask(request));
  if (ask.prepared.job_digest != row.job_digest)
    return fail(ErrorKind::kBadInput, "what it repeats has changed since");
  return ask;
}

}  // namespace kiln::controller
