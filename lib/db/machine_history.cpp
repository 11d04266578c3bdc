#include "lib/db/machine_history.h"

#include "lib/db/rows.h"

namespace kiln::db {
namespace {

MachineSession read_session(sql::Columns& c) {
  MachineSession out;
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
  return out;
}

MachineEndings read_endings(sql::Columns& c) {
  MachineEndings out;
  out.ending = c.text();
  out.error_class = c.text();
  out.sessions = c.small();
  out.seconds = c.real();
  return out;
}

}  // namespace

Result<std::vector<MachineSession>> MachineHistoryTable::sessions(const std::string& machine,
                                                                  int64_t before, int limit) const {
  return sql::all<MachineSession>(
      *database_, "list a machine's sessions",
      "SELECT s.id, s.run_id, r.job_name, s.purpose, s.variant, s.config, s.state, s.ending,"
      " s.error_class, s.error, s.started_ms, s.elapsed_seconds, s.restarts FROM sessions s"
      " JOIN runs r ON r.id = s.run_id WHERE s.machine = ?1 AND (?2 = 0 OR s.id < ?2)"
      " ORDER BY s.id DESC LIMIT ?3",
      read_session, machine, before, limit);
}

Result<std::vector<MachineEndings>> MachineHistoryTable::endings(const std::string& machine,
                                                                 WallTime since) const {
  return sql::all<MachineEndings>(
      *database_, "count a machine's endings",
      "SELECT ending, error_class, count(*), sum(elapsed_seconds) FROM sessions"
      " WHERE machine = ?1 AND state = 'done' AND started_ms >= ?2"
      " GROUP BY ending, error_class ORDER BY count(*) DESC, ending, error_class",
      read_endings, machine, since);
}

Result<std::vector<std::string>> MachineHistoryTable::canary_metrics(const std::string& machine,
                                                                     int boots) const {
  return sql::all<std::string>(
      *database_, "list a machine's A/A metrics",
      "SELECT DISTINCT m.metric FROM (SELECT id FROM sessions WHERE machine = ?1"
      " AND purpose = 'canary' AND state = 'done' ORDER BY id DESC LIMIT ?2) s"
      " JOIN measurements m ON m.session_id = s.id ORDER BY m.metric",
      sql::text_of, machine, boots);
}

}  // namespace kiln::db
