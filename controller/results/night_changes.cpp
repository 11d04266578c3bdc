#include "controller/results/night_changes.h"

#include <optional>

#include "lib/db/schedule_table.h"
#include "lib/db/session_table.h"
#include "lib/db/verdict_table.h"
#include "lib/nights/night.h"
#include "lib/report/report.h"
#include "lib/verdict/night_change.h"

namespace kiln::results {
namespace {

constexpr int kNightsBack = 400;  // more than a year of them

using Tests = google::protobuf::RepeatedPtrField<v1::NightTest>;

void fill(const std::vector<verdict::NightTest>& from, Tests* to) {
  for (const verdict::NightTest& one : from) {
    v1::NightTest* out = to->Add();
    out->set_test(report::proto_string(one.test));
    out->set_config(report::proto_string(one.config));
    out->set_variant(one.variant);
    out->set_before(report::proto_string(one.before));
    out->set_now(report::proto_string(one.now));
  }
}

/// How many tests were worse that night than in the good one before it, as its report has it.
Result<int> worse_then(const db::VerdictTable& verdicts, int64_t run_id) {
  KILN_ASSIGN(const auto verdict, verdicts.newest(run_id));
  v1::RunReport report;
  if (!verdict || !report.ParseFromString(verdict->report)) return 0;
  const v1::LastGoodNight& night = report.last_good_night();
  return night.regressed_size() + night.worse_size() + night.lost_size();
}

struct GoodNight {
  db::NightRow row;
  int nights_since = 0;
};

Result<std::optional<GoodNight>> last_good(db::Database& database, int64_t schedule_id,
                                           int64_t before) {
  const db::VerdictTable verdicts(database);
  KILN_ASSIGN(const auto rows,
              db::ScheduleTable(database).nights(schedule_id, before, kNightsBack));
  for (size_t i = 0; i < rows.size(); ++i) {
    nights::Night night{rows[i].run_id,
                        {rows[i].source_tree, rows[i].job_digest},
                        rows[i].run_state == "done",
                        rows[i].result,
                        rows[i].results_planned,
                        rows[i].results_got,
                        0};
    if (!nights::is_good(night)) continue;  // its report need not be read
    KILN_ASSIGN(night.regressed, worse_then(verdicts, night.run_id));
    if (nights::is_good(night)) return std::optional(GoodNight{rows[i], static_cast<int>(i) + 1});
  }
  return std::optional<GoodNight>();
}

}  // namespace

Status add_last_good_night(db::Database& database, const db::RunRow& run,
                           const verdict::Input& input, v1::RunReport* report) {
  report->clear_last_good_night();
  KILN_ASSIGN(const auto schedule, db::ScheduleTable(database).of_run(run.id));
  if (!schedule) return {};
  v1::LastGoodNight* out = report->mutable_last_good_night();
  out->set_schedule(schedule->name);
  out->set_source_tree_now(report::proto_string(run.source_tree));
  KILN_ASSIGN(const auto good, last_good(database, schedule->id, run.id));
  if (!good) return {};
  const db::SessionTable sessions(database);
  KILN_ASSIGN(const auto then, sessions.for_verdict(good->row.run_id));
  // What was bad before the good night, too, comes and goes.
  std::vector<verdict::TestHistory> history = verdict::night_tests_to_look_up(input, then);
  const std::string machine = then.empty() ? "" : then.front().machine;
  for (verdict::TestHistory& test : history)
    KILN_TRY(sessions.look_up_history(good->row.run_id, machine, &test));
  const verdict::NightChange change = verdict::compare_nights(input, then, history);
  out->set_run_id(good->row.run_id);
  out->set_source_tree(report::proto_string(good->row.source_tree));
  out->set_nights_since(good->nights_since);
  fill(change.regressed, out->mutable_regressed());
  fill(change.fixed, out->mutable_fixed());
  fill(change.worse, out->mutable_worse());
  fill(change.better, out->mutable_better());
  fill(change.lost, out->mutable_lost());
  return {};
}

}  // namespace kiln::results
