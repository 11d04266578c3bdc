#include "controller/results/known_change.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "controller/results/stored_judge.h"
#include "controller/results/timestamps.h"
#include "lib/db/known_table.h"
#include "lib/known/match.h"
#include "lib/report/report.h"
#include "lib/verdict/known.h"

namespace kiln::results {
namespace {

constexpr int64_t kNoIdYet = -1;
constexpr int kTries = 5;  // when runs end or filters change meanwhile

known::Occurrence to_known(const db::KnownSeen& seen) {
  std::vector<const verdict::KernelReport*> reports;
  for (const verdict::KernelReport& report : seen.reports) reports.push_back(&report);
  return verdict::to_known(seen.what, seen.machine, seen.tags,
                           seen.result ? &*seen.result : nullptr, reports);
}

/// Without words: enough to see whether a filter can concern it at all.
known::Occurrence place_of(const db::KnownSeen& seen) {
  return verdict::to_known(seen.what, seen.machine, seen.tags, nullptr, {});
}

bool contains(const std::vector<int64_t>& ids, int64_t id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

/// Did the filter as it was have a part in the unit?
bool had_part(const db::KnownUnit& unit, int64_t id) {
  return contains(unit.known, id) ||
         std::any_of(unit.seen.begin(), unit.seen.end(),
                     [&](const db::KnownSeen& seen) { return contains(seen.what.known, id); });
}

}  // namespace

/// What a change means, before anything is written.
struct KnownChanges::Plan {
  v1::ChangeKnownReply reply;
  std::vector<known::Filter> filters;  ///< all in force after the change
  std::set<int64_t> runs;              ///< that need a new verdict
  int64_t stamp = 0;
};

namespace {

/// Units that the change can concern, with their words.
Result<std::vector<db::KnownUnit*>> concerned(const db::KnownTable& table, const KnownEdit& edit,
                                              const known::Matcher* after,
                                              std::vector<db::KnownUnit>* units) {
  std::vector<db::KnownUnit*> out;
  std::vector<db::KnownSeen*> words;
  for (db::KnownUnit& unit : *units) {
    const bool was = edit.before && had_part(unit, edit.before->id);
    const bool may_be =
        after != nullptr && known::holds(after->filter(), unit.ended) &&
        std::any_of(unit.seen.begin(), unit.seen.end(),
                    [&](const db::KnownSeen& seen) { return after->fits(place_of(seen)); });
    if (!was && !may_be) continue;
    out.push_back(&unit);
    for (db::KnownSeen& seen : unit.seen) words.push_back(&seen);
  }
  KILN_TRY(table.load_words(words));
  return out;
}

/// What of a unit the filters cover now.
struct Covered {
  std::vector<int64_t> by;  ///< empty = not wholly
  int matches = 0;          ///< occurrences that `id` has a part in
  bool parts_differ = false;
};

Covered cover_unit(const db::KnownUnit& unit, const std::vector<const known::Matcher*>& filters,
                   int64_t id) {
  Covered out;
  std::set<int64_t> by;
  bool all = !unit.seen.empty();
  for (const db::KnownSeen& seen : unit.seen) {
    const known::Cover cover = known::cover(filters, to_known(seen));
    all = all && cover.covered;
    by.insert(cover.by.begin(), cover.by.end());
    out.matches += contains(cover.by, id) ? 1 : 0;
    out.parts_differ = out.parts_differ || cover.by != seen.what.known;
  }
  if (all) out.by.assign(by.begin(), by.end());
  return out;
}

/// Tests of one finding that turn alike are one change.
void add_change(const db::KnownUnit& unit, bool now_known, v1::ChangeKnownReply* reply) {
  const std::string to = now_known ? "known" : unit.bare_class;
  v1::KnownChange* change = nullptr;
  for (v1::KnownChange& each : *reply->mutable_changes())
    if (each.run_id() == unit.run_id && each.finding() == unit.finding && each.to_class() == to)
      change = &each;
  if (change == nullptr) {
    change = reply->add_changes();
    change->set_run_id(unit.run_id);
    change->set_finding(unit.finding);
    change->set_from_class(unit.cls);
    change->set_to_class(to);
    change->set_summary(report::proto_string(unit.summary));
    change->set_only_patched(unit.only_patched);
  }
  if (!unit.test.empty()) change->add_tests(report::proto_string(unit.test));
}

/// The tests that the filter asked or asks for; none = any.
std::vector<std::string> tests_of(const KnownEdit& edit) {
  std::vector<std::string> tests;
  for (const auto& filter : {edit.before, edit.after}) {
    if (!filter) continue;
    if (filter->test.empty()) return {};
    tests.push_back(filter->test);
  }
  return tests;
}

std::vector<known::Filter> filters_after(std::vector<known::Filter> filters,
                                         const KnownEdit& edit) {
  if (edit.before)
    std::erase_if(filters, [&](const known::Filter& f) { return f.id == edit.before->id; });
  if (edit.after) filters.push_back(*edit.after);
  return filters;
}

}  // namespace

Result<KnownChanges::Plan> KnownChanges::plan(const KnownEdit& edit) const {
  const db::KnownTable table(*db_);
  Plan out;
  KILN_ASSIGN(out.stamp, table.stamp());
  KILN_ASSIGN(const auto before, table.list());
  out.filters = filters_after(before, edit);
  KILN_ASSIGN(auto units, table.units(tests_of(edit)));
  KILN_ASSIGN(const auto judged, table.judged());
  out.reply.set_runs(judged.first);
  out.reply.set_results(judged.second);
  if (edit.before) report::fill_filter(*edit.before, out.reply.mutable_before());
  if (edit.after) report::fill_filter(*edit.after, out.reply.mutable_after());

  const std::vector<known::Matcher> matchers = known::compile(out.filters);
  const known::Matcher* after = edit.after && !matchers.empty() ? &matchers.back() : nullptr;
  KILN_ASSIGN(const auto to_look_at, concerned(table, edit, after, &units));
  for (const db::KnownUnit* unit : to_look_at) {
    const Covered covered = cover_unit(*unit, known::holding(matchers, unit->ended),
                                       edit.after ? edit.after->id : kNoIdYet);
    out.reply.set_matches(out.reply.matches() + covered.matches);
    if (unit->only_patched) out.reply.set_only_patched(out.reply.only_patched() + covered.matches);
    if (covered.by != unit->known || covered.parts_differ) out.runs.insert(unit->run_id);
    if (covered.by.empty() != unit->known.empty())
      add_change(*unit, !covered.by.empty(), &out.reply);
  }
  // An edit of the words alone (reason, link) shows in the reports of the runs it covers.
  if (edit.before && edit.after)
    for (const db::KnownUnit* unit : to_look_at)
      if (contains(unit->known, edit.before->id)) out.runs.insert(unit->run_id);
  return out;
}

Result<v1::ChangeKnownReply> KnownChanges::preview(const KnownEdit& edit) const {
  if (edit.after) KILN_TRY(known::check(*edit.after));
  KnownEdit asked = edit;
  if (asked.after && asked.after->id == 0) asked.after->id = kNoIdYet;
  KILN_ASSIGN(Plan planned, plan(asked));
  if (edit.after) planned.reply.mutable_after()->set_id(edit.after->id);
  return std::move(planned.reply);
}

Result<v1::ChangeKnownReply> KnownChanges::apply(KnownEdit edit, const std::string& who) const {
  if (edit.after) KILN_TRY(known::check(*edit.after));
  if (edit.after && edit.after->id == 0) {
    KILN_ASSIGN(edit.after->id, db::KnownTable(*db_).reserve(*edit.after));
  }
  for (int attempt = 1;; ++attempt) {
    auto done = try_apply(edit, who);
    if (done || done.error().kind != ErrorKind::kConflict || attempt == kTries) return done;
  }
}

Result<v1::ChangeKnownReply> KnownChanges::try_apply(const KnownEdit& edit,
                                                     const std::string& who) const {
  KILN_ASSIGN(Plan planned, plan(edit));
  const int64_t id = edit.after ? edit.after->id : edit.before->id;
  const char* action = !edit.before ? "added" : !edit.after ? "removed" : "edited";
  const StoredJudge judge(*db_);
  std::vector<db::NewVerdict> verdicts;
  for (const int64_t run_id : planned.runs) {
    KILN_ASSIGN(JudgedRun judged,
                judge.judge_again(run_id, planned.filters, fmt::format("known {} {}", id, action),
                                  clock_->now()));
    verdicts.push_back({run_id, std::move(judged.row)});
  }
  db::KnownAuditRow audit;
  audit.filter_id = id;
  audit.time = clock_->now();
  audit.who = who;
  audit.action = action;
  audit.before = edit.before;
  audit.after = edit.after;
  audit.runs = static_cast<int>(verdicts.size());
  audit.findings = planned.reply.changes_size();
  KILN_TRY(db::KnownTable(*db_).change(audit, verdicts, planned.stamp));
  planned.reply.set_runs_judged(audit.runs);
  return std::move(planned.reply);
}

}  // namespace kiln::results
