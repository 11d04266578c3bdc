#include "lib/db/history_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "lib/db/rows.h"

namespace kiln::db {

using sql::all;
using sql::text_of;

namespace {

std::string json_list(const std::vector<int64_t>& ids) {
  return fmt::format("[{}]", fmt::join(ids, ","));
}

constexpr int64_t kDense = 4;  // ids of a range to one that is wanted
constexpr const char* kWhat = "look at a test's history";

std::vector<int64_t> ids_of(const std::vector<TestBoot>& sessions) {
  std::vector<int64_t> ids;
  for (const TestBoot& session : sessions) ids.push_back(session.session_id);
  return ids;
}

}  // namespace

Result<std::vector<HistoryRun>> HistoryTable::runs(const std::string& job,
                                                   const std::string& machine, int limit) const {
  return all<HistoryRun>(
      *database_, "list the runs",
      "SELECT r.id, r.job_name, r.finished_ms, v.results_planned, v.results_got FROM runs r"
      " JOIN verdicts v ON v.id = (SELECT max(id) FROM verdicts WHERE run_id = r.id)"
      " WHERE r.checks_machine = '' AND r.state = 'done' AND (?1 = '' OR r.job_name GLOB ?1)"
      " AND (?2 = '' OR r.machine GLOB ?2) ORDER BY r.id DESC LIMIT ?3",
      [](sql::Columns& c) {
        HistoryRun run;
        run.id = c.integer();
        run.job_name = c.text();
        run.finished = c.optional_time();
        run.results_planned = c.small();
        run.results_got = c.small();
        return run;
      },
      job, machine, limit);
}

Result<std::vector<TestTrouble>> HistoryTable::troubles(const std::vector<int64_t>& runs,
                                                        const std::string& test) const {
  return all<TestTrouble>(
      *database_, "list what tests showed",
      "SELECT v.run_id, o.session_id, o.test, f.class FROM json_each(?1) r"
      " JOIN verdicts v ON v.run_id = r.value JOIN occurrences o ON o.verdict_id = v.id"
      " JOIN findings f ON f.verdict_id = v.id AND f.name = o.finding"
      " WHERE o.test <> '' AND (?2 = '' OR o.test GLOB ?2)"
      " ORDER BY v.run_id DESC, o.position",
      [](sql::Columns& c) {
        TestTrouble trouble;
        trouble.run_id = c.integer();
        trouble.session_id = c.integer();
        trouble.test = c.text();
        trouble.cls = c.text();
        return trouble;
      },
      json_list(runs), test);
}

Result<std::vector<std::string>> HistoryTable::tests_of(int64_t run_id,
                                                        const std::string& test) const {
  return all<std::string>(
      *database_, "list the tests",
      "SELECT DISTINCT t.test FROM sessions s JOIN results t ON t.session_id = s.id"
      " WHERE s.run_id = ?1 AND (?2 = '' OR t.test GLOB ?2) ORDER BY t.test",
      text_of, run_id, test);
}

Result<std::vector<TestBoot>> HistoryTable::sessions(const std::vector<int64_t>& runs) const {
  return all<TestBoot>(
      *database_, "look at the runs' boots",
      "SELECT s.run_id, s.id, s.variant, s.config FROM json_each(?) r JOIN sessions s"
      " ON s.run_id = r.value WHERE s.ending IN ('tested', 'test-failed')"
      " AND EXISTS (SELECT 1 FROM results t WHERE t.session_id = s.id) ORDER BY s.id",
      [](sql::Columns& c) {
        TestBoot boot;
        boot.run_id = c.integer();
        boot.session_id = c.integer();
        boot.variant = c.text();
        boot.config = c.text();
        return boot;
      },
      json_list(runs));
}

Result<std::vector<TestBoot>> HistoryTable::boots(const std::string& test,
                                                  const std::vector<TestBoot>& sessions) const {
  if (sessions.empty()) return std::vector<TestBoot>();
  const int64_t first = sessions.front().session_id;
  const int64_t last = sessions.back().session_id;
  // Where most of a range is wanted, the index is read along; of few in a long one, each is looked
  // up.
  const bool dense = last - first < kDense * static_cast<int64_t>(sessions.size());
  return sql::read(*database_, kWhat, [&](SQLite::Database& db) -> Result<std::vector<TestBoot>> {
    std::vector<TestBoot> out;
    out.reserve(sessions.size());
    auto at = sessions.begin();
    const auto take = [&](SQLite::Statement& row) {
      const int64_t id = row.getColumn(0).getInt64();
      while (at != sessions.end() && at->session_id < id) ++at;
      if (at == sessions.end() || at->session_id != id) return;
      out.push_back(*at);
      out.back().outcome = row.getColumn(1).getString();
    };
    if (dense) {
      sql::each(db,
                "SELECT session_id, outcome FROM results WHERE test = ?1"
                " AND session_id BETWEEN ?2 AND ?3 ORDER BY session_id",
                take, test, first, last);
    } else {
      sql::each(db,
                "SELECT session_id, outcome FROM results WHERE test = ?1"
                " AND session_id IN (SELECT value FROM json_each(?2)) ORDER BY session_id",
                take, test, json_list(ids_of(sessions)));
    }
    return out;
  });
}

/// Steps from one name to the next by the index: it need not be read whole.
Result<std::vector<std::string>> HistoryTable::metrics() const {
  return all<std::string>(
      *database_, "list the metrics",
      "WITH RECURSIVE names (name) AS (SELECT min(metric) FROM measurements UNION ALL"
      " SELECT (SELECT min(metric) FROM measurements WHERE metric > name) FROM names"
      " WHERE name IS NOT NULL) SELECT name FROM names WHERE name IS NOT NULL LIMIT 10000",
      text_of);
}

Result<std::vector<MetricValue>> HistoryTable::values(const MetricFilter& filter) const {
  return sql::read(
      *database_, "look at a metric's history",
      [&](SQLite::Database& db) -> Result<std::vector<MetricValue>> {
        Connection::Prepared rows(
            db,
            "SELECT s.run_id, r.finished_ms, s.machine, s.config, s.variant, m.unit, m.value"
            " FROM measurements m JOIN sessions s ON s.id = m.session_id"
            " JOIN runs r ON r.id = s.run_id WHERE m.metric = ?1 AND m.value IS NOT NULL"
            " AND r.checks_machine = '' AND s.ending = 'tested' AND (?2 = '' OR s.machine = ?2)"
            " AND (?3 = '' OR s.config = ?3) AND (?4 = '' OR s.variant = ?4)"
            " ORDER BY m.session_id DESC LIMIT 20000");
        sql::bind_all(*rows, filter.metric, filter.machine, filter.config, filter.variant);
        std::vector<MetricValue> values;
        int runs = 0;
        // Newest first, and no further than it is asked for: there may be years of them.
        while (rows->executeStep()) {
          sql::Columns c(*rows);
          MetricValue value;
          value.run_id = c.integer();
          if (values.empty() || value.run_id != values.back().run_id)
            if (++runs > filter.runs) break;
          value.finished = c.optional_time();
          value.machine = c.text();
          value.config = c.text();
          value.variant = c.text();
          value.unit = c.text();
          value.value = c.real();
          values.push_back(std::move(value));
        }
        std::reverse(values.begin(), values.end());
        return values;
      });
}

}  // namespace kiln::db
