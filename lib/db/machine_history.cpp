#include "lib/db/machine_history.h"

#include "lib/db/sql.h"

namespace kiln::db {

Result<std::vector<MachineSession>> MachineHistoryTable::sessions(const std::string& machine,
                                                                  int64_t before, int limit) const {
  using Rows = std::vector<MachineSession>;
  return sql::read(
      *database_, "list a machine's sessions", [&](SQLite::Database& db) -> Result<Rows> {
        Rows rows;
        sql::each(
            db,
            "SELECT s.id, s.run_id, r.job_name, s.purpose, s.variant, s.config, s.state, s.ending,"
            " s.error_class, s.error, s.started_ms, s.elapsed_seconds, s.restarts FROM sessions s"
            " JOIN runs r ON r.id = s.run_id WHERE s.machine = ?1 AND (?2 = 0 OR s.id < ?2)"
            " ORDER BY s.id DESC LIMIT ?3",
            [&](SQLite::Statement& row) {
              sql::Columns c(row);
              MachineSession& out = rows.emplace_back();
              out.id = c.integer();
              out.run_id = c.integer();
              out.job_name = c.text();
              out.purpose = c.text();
              out.variant = c.text();
              out.config = c.text();
              out.state = c.text();
              out.ending = c.text();
              out.error_class = c.text();
              out.error = c.text();
              if (const WallTime started = c.time(); started > WallTime{}) out.started = started;
              out.seconds = c.real();
              out.restarts = c.small();
            },
            machine, before, limit);
        return rows;
      });
}

Result<std::vector<MachineEndings>> MachineHistoryTable::endings(const std::string& machine,
                                                                 WallTime since) const {
  using Rows = std::vector<MachineEndings>;
  return sql::read(
      *database_, "count a machine's endings", [&](SQLite::Database& db) -> Result<Rows> {
        Rows rows;
        sql::each(
            db,
            "SELECT ending, error_class, count(*), sum(elapsed_seconds) FROM sessions"
            " WHERE machine = ?1 AND state = 'done' AND started_ms >= ?2"
            " GROUP BY ending, error_class ORDER BY count(*) DESC, ending, error_class",
            [&](SQLite::Statement& row) {
              sql::Columns c(row);
              MachineEndings& out = rows.emplace_back();
              out.ending = c.text();
              out.error_class = c.text();
              out.sessions = c.small();
              out.seconds = c.real();
            },
            machine, since);
        return rows;
      });
}

Result<std::vector<std::string>> MachineHistoryTable::canary_metrics(const std::string& machine,
                                                                     int boots) const {
  using Rows = std::vector<std::string>;
  return sql::read(*database_, "list a machine's A/A metrics",
                   [&](SQLite::Database& db) -> Result<Rows> {
                     Rows rows;
                     sql::each(
                         db,
                         "SELECT DISTINCT m.metric FROM (SELECT id FROM sessions WHERE machine = ?1"
                         " AND purpose = 'canary' AND state = 'done' ORDER BY id DESC LIMIT ?2) s"
                         " JOIN measurements m ON m.session_id = s.id ORDER BY m.metric",
                         [&](SQLite::Statement& row) { rows.push_back(sql::Columns(row).text()); },
                         machine, boots);
                     return rows;
                   });
}

}  // namespace kiln::db
