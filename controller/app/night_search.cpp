#include "controller/app/night_search.h"

#include <fmt/format.h>

#include <filesystem>

#include "lib/db/schedule_table.h"
#include "lib/nights/search.h"

namespace kiln::controller {
namespace {

/// Only what is worse without any series is the commits' doing; a test that no longer runs has no
/// failure to look for.
nights::Tests worse_of(const v1::LastGoodNight& night) {
  nights::Tests out;
  for (const auto* tests : {&night.regressed(), &night.worse()})
    for (const v1::NightTest& test : *tests)
      if (test.variant() == "baseline") out.emplace(test.test(), test.config());
  return out;
}

/// What the night before said already, where it was held against the same good night.
Result<nights::Tests> told_before(db::Database& database, results::DbRunStore& store,
                                  int64_t run_id, int64_t good_run) {
  const db::ScheduleTable schedules(database);
  KILN_ASSIGN(const auto schedule, schedules.of_run(run_id));
  if (!schedule) return nights::Tests();
  KILN_ASSIGN(const auto rows, schedules.nights(schedule->id, run_id, 1));
  if (rows.empty()) return nights::Tests();
  KILN_ASSIGN(const v1::RunReport before, store.report(rows.front().run_id, false));
  if (before.last_good_night().run_id() != good_run) return nights::Tests();
  return worse_of(before.last_good_night());
}

}  // namespace

Result<std::string> search_commits(db::Database& database, results::DbRunStore& store,
                                   Backend& backend, const RunEnd& night) {
  KILN_ASSIGN(const v1::RunReport report, store.report(night.run_id, false));
  const v1::LastGoodNight& since = report.last_good_night();
  nights::SearchFacts facts;
  facts.worse = worse_of(since);
  if (since.run_id() == 0 || facts.worse.empty()) return std::string();
  KILN_ASSIGN(const auto good, store.job(since.run_id()));
  KILN_ASSIGN(const auto now, store.job(night.run_id));
  if (good && now) {
    std::error_code error;
    if (std::filesystem::is_directory(now->spec.source.git, error))
      facts.repository = now->spec.source.git;
    facts.has_series = now->spec.series.kind != job::SeriesSpec::Kind::kNone;
    facts.good_commit = good->source_commit;
    facts.commit = now->source_commit;
  }
  KILN_ASSIGN(facts.told, told_before(database, store, night.run_id, since.run_id()));
  if (const auto why_not = nights::why_not_search(facts)) return *why_not;
  scheduler::JobSource source{night.job_file};
  source.commits = scheduler::CommitRange{facts.repository, facts.good_commit, facts.commit};
  for (const auto& [test, config] : facts.worse)
    if (source.tests.empty() || source.tests.back() != test) source.tests.push_back(test);
  KILN_ASSIGN(const int64_t run,
              backend.start_planned(source, night.key + "/commits", "schedule " + night.schedule,
                                    lab::Priority::kFollowUp));
  return fmt::format("run {} looks for the commit", run);
}

}  // namespace kiln::controller
