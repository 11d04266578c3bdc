#include "controller/app/findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "controller/results/timestamps.h"
#include "lib/access/role.h"
#include "lib/base/text.h"
#include "lib/base/where.h"

namespace kiln::controller {
namespace {

constexpr int kUsual = 200;
constexpr int kMost = 1000;
constexpr int64_t kLastSecond = 253'402'300'799;  ///< of the year 9999
constexpr size_t kMostReports = 20;               ///< that one list reads
constexpr size_t kMostWords = 2000;               ///< of a reason

v1::Decision to_proto(const db::DecisionRow& row) {
  v1::Decision out;
  out.set_id(row.id);
  results::set_timestamp(row.time, out.mutable_time());
  out.set_who(row.who);
  out.set_action(row.action);
  out.set_reason(row.reason);
  out.set_owner(row.owner);
  if (row.until) results::set_timestamp(*row.until, out.mutable_until());
  for (const db::FindingName& name : row.findings) {
    v1::FindingRef* ref = out.add_findings();
    ref->set_run_id(name.run_id);
    ref->set_finding(name.finding);
  }
  out.set_undone(row.undone);
  return out;
}

/// "qemu-1" of "qemu-1 (igt 1.28, ...)".
std::string machine_name(const std::string& words) {
  return words.substr(0, words.find(' '));
}

/// All that lists show; of a row of an older Kiln, what its columns have.
v1::Finding finding_of(const db::FindingRow& row) {
  v1::Finding finding;
  if (row.detail.empty() || !finding.ParseFromString(row.detail)) {
    finding.Clear();
    finding.set_id(row.name);
    finding.set_class_(row.cls);
    finding.set_test(row.test);
    finding.set_summary(row.summary);
  }
  return finding;
}

v1::FindingRow to_proto(const db::ListedFinding& listed, WallTime now) {
  v1::FindingRow out;
  out.set_run_id(listed.run_id);
  *out.mutable_finding() = finding_of(listed.row);
  out.set_job_name(listed.job_name);
  out.set_title(listed.title);
  out.set_machine(machine_name(listed.machine));
  out.set_schedule(listed.schedule);
  if (listed.finished) results::set_timestamp(*listed.finished, out.mutable_finished());
  const std::string state = db::state_of(listed.decisions, now);
  out.set_state(state == "open" && listed.row.cls == "known" ? "known" : state);
  std::set<std::string> seen;
  bool assigned = false;
  for (const db::DecisionRow& decision : listed.decisions) {
    if (decision.action == "assign" && !std::exchange(assigned, true))
      out.set_owner(decision.owner);
    if (decision.action == "seen") seen.insert(decision.who);
    if (decision.action != "seen" && !out.has_decision())
      *out.mutable_decision() = to_proto(decision);
  }
  for (const std::string& who : seen) out.add_seen_by(who);
  out.set_times_seen(listed.times_seen);
  if (listed.first_seen) results::set_timestamp(*listed.first_seen, out.mutable_first_seen());
  for (const std::string& cls : listed.strip) out.add_strip(cls);
  return out;
}

Result<db::FindingFilter::State> state_named(const std::string& word) {
  using State = db::FindingFilter::State;
  if (word.empty() || word == "open") return State::kOpen;
  if (word == "decided") return State::kDecided;
  if (word == "all") return State::kAll;
  return fail(Error(ErrorKind::kBadInput, "there is no such state of findings")
                  .with_hint("open, decided or all"));
}

Status check_action(const v1::DecideFindingsRequest& request, bool keeper, WallTime now) {
  const std::string& action = request.action();
  const bool anybody = action == "assign" || action == "seen";
  if (!anybody && action != "dismiss" && action != "reopen" && action != "snooze")
    return fail(Error(ErrorKind::kBadInput, "there is no such decision")
                    .with_hint("dismiss, reopen, assign, seen or snooze"));
  if (!anybody && !keeper)
    return fail(Error(ErrorKind::kPermission, fmt::format("{} takes the role keeper", action))
                    .with_hint("an admin of the lab can make a token with that role"));
  if (request.findings().empty() || request.findings_size() > kMost)
    return fail(ErrorKind::kBadInput, fmt::format("1 to {} findings at a time", kMost));
  if (request.reason().size() > kMostWords || request.request_id().size() > 200)
    return fail(ErrorKind::kBadInput, "the reason is too long");
  if (action == "dismiss" && trim(request.reason()).empty())
    return fail(ErrorKind::kBadInput, "a finding is dismissed for a reason");
  if (action == "assign" && !request.owner().empty() && request.owner() != "local")
    KILN_TRY(access::check_user_name(request.owner()));
  if (action == "snooze" &&
      (!request.has_until() || request.until().seconds() < 0 ||
       request.until().seconds() > kLastSecond || results::from_timestamp(request.until()) <= now))
    return fail(ErrorKind::kBadInput, "a finding is put off until some time to come");
  return {};
}

const std::vector<std::string>& filter_keys() {
  static const std::vector<std::string> keys = {"class", "config",  "test",  "job",
                                                "run",   "machine", "owner", "patch"};
  return keys;
}

/// "i386-highmem", "HIGHMEM on", as the dashboard calls them.
std::vector<std::string> config_words(const v1::Finding& finding) {
  std::set<std::string> words;
  for (const v1::CellCounts& counts : finding.counts()) {
    const std::string& config = counts.config();
    words.insert(config);
    if (config.find("nohighmem") != std::string::npos ||
        config.find("no-highmem") != std::string::npos)
      words.insert("HIGHMEM off");
    else if (config.find("highmem") != std::string::npos)
      words.insert("HIGHMEM on");
  }
  return {words.begin(), words.end()};
}

/// What the filter looks at: dashboards/src/lib/inbox.ts has the same.
Where::Row filter_row(const db::ListedFinding& listed) {
  const v1::Finding finding = finding_of(listed.row);
  const auto assigned =
      std::find_if(listed.decisions.begin(), listed.decisions.end(),
                   [](const db::DecisionRow& decision) { return decision.action == "assign"; });
  std::vector<std::string> tests = {finding.test()};
  tests.insert(tests.end(), finding.also().begin(), finding.also().end());
  return {{"class", {finding.class_()}},
          {"config", config_words(finding)},
          {"test", std::move(tests)},
          {"job", {listed.job_name}},
          {"run", {std::to_string(listed.run_id)}},
          {"machine", {machine_name(listed.machine)}},
          {"owner", {assigned == listed.decisions.end() ? "" : assigned->owner}},
          {"patch", {finding.patch()}},
          {"summary", {finding.summary()}}};
}

}  // namespace

Status Findings::fill_old(db::FindingList* list) const {
  std::map<int64_t, std::map<std::string, std::string>> details;  // by run, then name
  for (db::ListedFinding& listed : list->findings) {
    if (!listed.row.detail.empty()) continue;
    auto of_run = details.find(listed.run_id);
    if (of_run == details.end()) {
      if (details.size() >= kMostReports) continue;
      of_run = details.try_emplace(listed.run_id).first;
      KILN_ASSIGN(const auto verdict, verdicts_.newest(listed.run_id));
      v1::RunReport report;
      if (!verdict || !report.ParseFromString(verdict->report)) continue;
      for (v1::Finding& finding : *report.mutable_findings()) {
        for (v1::KernelReport& kernel : *finding.mutable_kernel()) {
          kernel.clear_text();
          kernel.clear_frames();
        }
        of_run->second[finding.id()] = finding.SerializeAsString();
      }
    }
    listed.row.detail = of_run->second[listed.row.name];
  }
  return {};
}

Result<v1::ListFindingsReply> Findings::list_findings(const v1::ListFindingsRequest& request) {
  db::FindingFilter filter;
  KILN_ASSIGN(filter.state, state_named(request.state()));
  KILN_ASSIGN(const Where where, Where::parse(request.where(), filter_keys()));
  if (!where.empty())
    filter.keep = [&where](const db::ListedFinding& each) {
      return where.matches(filter_row(each));
    };
  filter.run_id = request.run_id();
  filter.before_run = request.before_run();
  filter.limit = request.limit() <= 0 ? kUsual : std::min(request.limit(), kMost);
  const WallTime now = clock_.now();
  KILN_ASSIGN(db::FindingList list, table_.list(filter, now));
  KILN_TRY(fill_old(&list));
  v1::ListFindingsReply reply;
  for (const db::ListedFinding& listed : list.findings)
    *reply.add_findings() = to_proto(listed, now);
  reply.set_total(list.total);
  reply.set_more(list.total > static_cast<int>(list.findings.size()) || !list.looked_at_all);
  return reply;
}

Result<v1::DecideFindingsReply> Findings::decide_findings(const v1::DecideFindingsRequest& request,
                                                          const std::string& who, bool keeper) {
  KILN_TRY(check_action(request, keeper, clock_.now()));
  db::DecisionRow row;
  row.time = clock_.now();
  row.who = who;
  row.action = request.action();
  row.reason = std::string(trim(request.reason()));
  row.owner = request.action() == "assign" ? request.owner() : "";
  if (request.action() == "snooze") row.until = results::from_timestamp(request.until());
  row.request_id = request.request_id();
  for (const v1::FindingRef& ref : request.findings())
    row.findings.push_back({ref.run_id(), ref.finding()});
  KILN_ASSIGN(const db::DecisionRow stored, table_.decide(row));
  v1::DecideFindingsReply reply;
  *reply.mutable_decision() = to_proto(stored);
  return reply;
}

Result<v1::UndoDecisionReply> Findings::undo_decision(int64_t id, const std::string& who,
                                                      bool keeper) {
  KILN_ASSIGN(const db::DecisionRow decision, table_.decision(id));
  if (!keeper && decision.who != who)
    return fail(
        Error(ErrorKind::kPermission,
              fmt::format("decision {} is of {}: they or a keeper undo it", id, decision.who))
            .with_hint("an admin of the lab can make a token with the role keeper"));
  KILN_ASSIGN(const db::DecisionRow undone, table_.undo(id, who, clock_.now()));
  v1::UndoDecisionReply reply;
  *reply.mutable_decision() = to_proto(undone);
  return reply;
}

}  // namespace kiln::controller
