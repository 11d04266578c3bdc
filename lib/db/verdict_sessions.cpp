/// The finished sessions of a run as the verdict wants them: only what it looks at, read in one go,
/// since a run may have 100,000 results.
#include "lib/db/kernel_report_table.h"
#include "lib/db/session_details.h"
#include "lib/db/session_table.h"
#include "lib/db/sql.h"

namespace kiln::db {
namespace {

std::vector<verdict::SessionRow> read_sessions(SQLite::Database& db, int64_t run_id) {
  std::vector<verdict::SessionRow> rows;
  sql::each(
      db,
      "SELECT id, purpose, variant, config, ending, error, machine, pair, patched_first, emulated"
      " FROM sessions WHERE run_id = ? AND state = 'done' AND ending <> 'cancelled' ORDER BY id",
      [&](SQLite::Statement& row) {
        sql::Columns c(row);
        verdict::SessionRow& session = rows.emplace_back();
        session.id = c.integer();
        session.purpose = c.text();
        session.variant = c.text();
        session.config = c.text();
        session.ending = c.text();
        session.error = c.text();
        session.machine = c.text();
        session.pair = c.small();
        session.patched_first = c.flag();
        session.emulated = c.flag();
      },
      run_id);
  return rows;
}

/// One statement for all sessions; calls row(session, columns) for each of theirs.
template <typename Row>
void each_of(SQLite::Database& db, const char* text, std::vector<verdict::SessionRow>* sessions,
             Row row) {
  SQLite::Statement statement(db, text);
  for (verdict::SessionRow& session : *sessions) {
    statement.reset();
    sql::bind(statement, 1, session.id);
    while (statement.executeStep()) {
      sql::Columns columns(statement);
      row(session, columns);
    }
  }
}

void read_details(SQLite::Database& db, std::vector<verdict::SessionRow>* sessions) {
  each_of(db, "SELECT test FROM session_tests WHERE session_id = ? ORDER BY position", sessions,
          [](verdict::SessionRow& s, sql::Columns& c) { s.only_tests.push_back(c.text()); });
  each_of(db, "SELECT tag FROM session_tags WHERE session_id = ? ORDER BY tag", sessions,
          [](verdict::SessionRow& s, sql::Columns& c) { s.tags.push_back(c.text()); });
  each_of(db, kSelectConditions, sessions,
          [](verdict::SessionRow& s, sql::Columns& c) { s.conditions = read_conditions(c); });
  each_of(db, kSelectResults, sessions,
          [](verdict::SessionRow& s, sql::Columns& c) { s.results.push_back(read_result(c)); });
  each_of(db, kSelectMeasurements, sessions, [](verdict::SessionRow& s, sql::Columns& c) {
    s.measurements.push_back(read_measurement(c));
  });
  for (verdict::SessionRow& session : *sessions)
    session.kernel = load_kernel_reports(db, session.id);
}

}  // namespace

Result<std::vector<verdict::SessionRow>> SessionTable::for_verdict(int64_t run_id) const {
  return sql::read(*database_, "read the run's results",
                   [&](SQLite::Database& db) -> Result<std::vector<verdict::SessionRow>> {
                     std::vector<verdict::SessionRow> sessions = read_sessions(db, run_id);
                     read_details(db, &sessions);
                     return sessions;
                   });
}

}  // namespace kiln::db
