#include "lib/db/history_table.h"

#include <algorithm>

#include "lib/db/sql.h"

namespace kiln::db {
namespace {

/// All rows of a query, each read by `read`.
template <typename T, typename Read, typename... Args>
Result<std::vector<T>> all(const Database& database, const char* what, const char* text, Read read,
                           const Args&... args) {
  return sql::read(database, what, [&](SQLite::Database& db) -> Result<std::vector<T>> {
    std::vector<T> rows;
    sql::each(
        db, text,
        [&](SQLite::Statement& row) {
          sql::Columns columns(row);
          rows.push_back(read(columns));
        },
        args...);
    return rows;
  });
}

std::string text_of(sql::Columns& columns) {
  return columns.text();
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

Result<std::vector<TestTrouble>> HistoryTable::troubles(int64_t first_run,
                                                        const std::string& test) const {
  return all<TestTrouble>(
      *database_, "list what tests showed",
      "SELECT v.run_id, o.session_id, o.test, f.class FROM verdicts v"
      " JOIN occurrences o ON o.verdict_id = v.id"
      " JOIN findings f ON f.verdict_id = v.id AND f.name = o.finding"
      " WHERE v.run_id >= ?1 AND o.test <> '' AND (?2 = '' OR o.test GLOB ?2)"
      " ORDER BY v.run_id DESC, o.position",
      [](sql::Columns& c) {
        TestTrouble trouble;
        trouble.run_id = c.integer();
        trouble.session_id = c.integer();
        trouble.test = c.text();
        trouble.cls = c.text();
        return trouble;
      },
      first_run, test);
}

Result<std::vector<std::string>> HistoryTable::tests_of(int64_t run_id,
                                                        const std::string& test) const {
  return all<std::string>(
      *database_, "list the tests",
      "SELECT DISTINCT t.test FROM sessions s JOIN results t ON t.session_id = s.id"
      " WHERE s.run_id = ?1 AND (?2 = '' OR t.test GLOB ?2) ORDER BY t.test",
      text_of, run_id, test);
}

Result<std::vector<TestBoot>> HistoryTable::boots(const std::string& test,
                                                  int64_t first_run) const {
  return all<TestBoot>(
      *database_, "look at a test's history",
      "SELECT s.run_id, s.id, s.variant, s.config, t.outcome FROM results t"
      " JOIN sessions s ON s.id = t.session_id"
      " WHERE t.test = ?1 AND t.session_id >= coalesce((SELECT min(id) FROM sessions"
      " WHERE run_id >= ?2), 0) AND s.run_id >= ?2 AND s.ending IN ('tested', 'test-failed')",
      [](sql::Columns& c) {
        TestBoot boot;
        boot.run_id = c.integer();
        boot.session_id = c.integer();
        boot.variant = c.text();
        boot.config = c.text();
        boot.outcome = c.text();
        return boot;
      },
      test, first_run);
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
  KILN_ASSIGN(
      auto rows,
      all<MetricValue>(
          *database_, "look at a metric's history",
          "SELECT s.run_id, r.finished_ms, s.machine, s.config, s.variant, m.unit, m.value"
          " FROM measurements m JOIN sessions s ON s.id = m.session_id"
          " JOIN runs r ON r.id = s.run_id WHERE m.metric = ?1 AND m.value IS NOT NULL"
          " AND r.checks_machine = '' AND s.ending = 'tested' AND (?2 = '' OR s.machine = ?2)"
          " AND (?3 = '' OR s.config = ?3) AND (?4 = '' OR s.variant = ?4)"
          " ORDER BY m.session_id DESC LIMIT 20000",
          [](sql::Columns& c) {
            MetricValue value;
            value.run_id = c.integer();
            value.finished = c.optional_time();
            value.machine = c.text();
            value.config = c.text();
            value.variant = c.text();
            value.unit = c.text();
            value.value = c.real();
            return value;
          },
          filter.metric, filter.machine, filter.config, filter.variant));
  int runs = 0;
  int64_t last = 0;
  size_t keep = 0;
  while (keep < rows.size()) {
    if (rows[keep].run_id != last && ++runs > filter.runs) break;
    last = rows[keep++].run_id;
  }
  rows.resize(keep);
  std::reverse(rows.begin(), rows.end());
  return rows;
}

}  // namespace kiln::db
