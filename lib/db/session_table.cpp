#include "lib/db/session_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lib/db/session_details.h"
#include "lib/db/sql.h"

namespace kiln::db {
namespace {

constexpr const char* kFinishing = "store the session's results";
constexpr const char* kSelect =
    "SELECT id, run_id, key, attempt, purpose, variant, config, pair, patched_first, build_key,"
    " machine, emulated, started_ms, state, ending, error_class, error, elapsed_seconds, restarts,"
    " release, kernel_build_id, boot_id, config_digest, cmdline, high_total_kib, mem_total_kib,"
    " disk_free_kib, taint, proved, clock_offset_seconds, lease, until_ms FROM sessions ";

StoredSession read_session(SQLite::Statement& row) {
  sql::Columns c(row);
  StoredSession s;
  s.id = c.integer();
  s.run_id = c.integer();
  s.key = c.text();
  s.attempt = c.small();
  s.purpose = c.text();
  s.variant = c.text();
  s.config = c.text();
  s.pair = c.small();
  s.patched_first = c.flag();
  s.build_key = c.text();
  s.machine = c.text();
  s.emulated = c.flag();
  s.started = c.time();
  s.state = c.text();
  s.ending = c.text();
  s.error_class = c.text();
  s.error = c.text();
  s.elapsed_seconds = c.real();
  s.restarts = c.small();
  s.identity.release = c.text();
  s.identity.kernel_build_id = c.text();
  s.identity.boot_id = c.text();
  s.identity.config_digest = c.text();
  s.identity.cmdline = c.text();
  s.identity.high_total_kib = c.integer();
  s.identity.mem_total_kib = c.integer();
  s.identity.disk_free_kib = c.integer();
  s.identity.taint = c.integer();
  s.identity.proved = c.flag();
  s.identity.clock_offset_seconds = c.real();
  s.lease = static_cast<uint64_t>(c.integer());
  s.until = c.time();
  return s;
}

/// The state of a session, or "" when there is none.
std::string state_of(SQLite::Database& db, int64_t id) {
  std::string state;
  sql::each(
      db, "SELECT state FROM sessions WHERE id = ?",
      [&](SQLite::Statement& row) { state = row.getColumn(0).getString(); }, id);
  return state;
}

int64_t find_id(SQLite::Database& db, const StoredSession& s) {
  int64_t id = 0;
  sql::each(
      db, "SELECT id FROM sessions WHERE run_id = ? AND key = ? AND attempt = ?",
      [&](SQLite::Statement& row) { id = row.getColumn(0).getInt64(); }, s.run_id, s.key,
      s.attempt);
  return id;
}

/// The session that holds the machine, 0 = none.
int64_t holder_of(SQLite::Database& db, const std::string& machine) {
  int64_t id = 0;
  sql::each(
      db, "SELECT id FROM sessions WHERE machine = ? AND lease_open = 1",
      [&](SQLite::Statement& row) { id = row.getColumn(0).getInt64(); }, machine);
  return id;
}

tl::unexpected<Error> no_session(int64_t id) {
  return fail(ErrorKind::kNotFound, fmt::format("session {} does not exist", id));
}

double finite(double value) {
  return std::isfinite(value) ? value : 0;
}

Status end(SQLite::Database& db, const StoredSession& s) {
  const std::string state = state_of(db, s.id);
  if (state.empty()) return no_session(s.id);
  if (state == "done") return {};  // the message came twice
  const IdentityRow& i = s.identity;
  sql::execute(db,
               "UPDATE sessions SET state = 'done', lease_open = 0, ending = ?,"
               " error_class = ?, error = ?, elapsed_seconds = ?, restarts = ?,"
               " release = ?, kernel_build_id = ?, boot_id = ?, config_digest = ?,"
               " high_total_kib = ?, mem_total_kib = ?, disk_free_kib = ?, cmdline = ?,"
               " taint = ?, proved = ?, clock_offset_seconds = ? WHERE id = ?",
               s.ending, s.error_class, s.error, finite(s.elapsed_seconds), s.restarts, i.release,
               i.kernel_build_id, i.boot_id, i.config_digest, i.high_total_kib, i.mem_total_kib,
               i.disk_free_kib, i.cmdline, i.taint, i.proved, finite(i.clock_offset_seconds), s.id);
  insert_details(db, s);
  return {};
}

}  // namespace

Result<int64_t> SessionTable::open(const StoredSession& s) {
  return sql::write(*database_, "store the session", [&](SQLite::Database& db) -> Result<int64_t> {
    if (const int64_t known = find_id(db, s); known != 0) return known;
    if (const int64_t holder = holder_of(db, s.machine); s.lease > 0 && holder != 0)
      return fail(ErrorKind::kConflict, fmt::format("session {} holds {}", holder, s.machine));
    sql::execute(
        db,
        "INSERT INTO sessions (run_id, key, attempt, purpose, variant, config, pair,"
        " patched_first, build_key, machine, emulated, state, ending, error_class, error,"
        " started_ms, elapsed_seconds, restarts, release, kernel_build_id, boot_id,"
        " config_digest, high_total_kib, mem_total_kib, disk_free_kib, cmdline, taint,"
        " proved, clock_offset_seconds, lease, lease_open, until_ms) VALUES (?, ?, ?, ?, ?,"
        " ?, ?, ?, ?, ?, ?, 'running', '', '', '', ?, 0, 0, '', '', '', '', 0, 0, 0, '',"
        " 0, 0, 0, ?, ?, ?)",
        s.run_id, s.key, s.attempt, s.purpose, s.variant, s.config, s.pair, s.patched_first,
        s.build_key, s.machine, s.emulated, s.started, static_cast<int64_t>(s.lease), s.lease > 0,
        s.until);
    const int64_t id = db.getLastInsertRowid();
    sql::Inserter tests(db,
                        "INSERT INTO session_tests (session_id, position, test) VALUES (?, ?, ?)");
    int position = 0;
    for (const std::string& test : s.only_tests) tests.add(id, position++, test);
    sql::Inserter tags(db, "INSERT OR IGNORE INTO session_tags (session_id, tag) VALUES (?, ?)");
    for (const std::string& tag : s.tags) tags.add(id, tag);
    return id;
  });
}

Status SessionTable::finish(const StoredSession& s) {
  return sql::write(*database_, kFinishing,
                    [&](SQLite::Database& db) -> Status { return end(db, s); });
}

void SessionTable::finish_later(StoredSession s, std::function<void(Status)> then) {
  sql::write_later(
      *database_, kFinishing, [s = std::move(s)](SQLite::Database& db) { return end(db, s); },
      std::move(then));
}

Result<std::vector<StoredSession>> SessionTable::of_run(int64_t run_id) const {
  return sql::read(*database_, "read the run's sessions",
                   [&](SQLite::Database& db) -> Result<std::vector<StoredSession>> {
                     std::vector<StoredSession> sessions;
                     sql::each(
                         db, (std::string(kSelect) + "WHERE run_id = ? ORDER BY id").c_str(),
                         [&](SQLite::Statement& row) { sessions.push_back(read_session(row)); },
                         run_id);
                     for (StoredSession& session : sessions) load_details(db, &session);
                     return sessions;
                   });
}

Result<StoredSession> SessionTable::get(int64_t session_id) const {
  return sql::read(*database_, "read the session",
                   [&](SQLite::Database& db) -> Result<StoredSession> {
                     std::optional<StoredSession> found;
                     sql::each(
                         db, (std::string(kSelect) + "WHERE id = ?").c_str(),
                         [&](SQLite::Statement& row) { found = read_session(row); }, session_id);
                     if (!found) return no_session(session_id);
                     load_details(db, &*found);
                     return std::move(*found);
                   });
}

Status SessionTable::look_up_history(int64_t run_id, const std::string& machine,
                                     verdict::TestHistory* test) const {
  test->failures = 0;
  test->runs = 0;
  return sql::read(*database_, "read the test's history", [&](SQLite::Database& db) -> Status {
    sql::each(
        db,
        "SELECT r.outcome NOT IN ('pass', 'skip', 'notrun') FROM results r"
        " JOIN sessions s ON s.id = r.session_id"
        " WHERE r.test = ? AND s.config = ? AND s.machine = ? AND s.variant = 'baseline'"
        " AND s.purpose IN ('functional', 'confirmation') AND s.state = 'done' AND s.run_id < ?"
        " ORDER BY r.session_id DESC LIMIT ?",
        [&](SQLite::Statement& row) {
          ++test->runs;
          test->failures += row.getColumn(0).getInt();
        },
        test->test, test->config, machine, run_id, verdict::kMostHistoryRuns);
    return {};
  });
}

Result<std::vector<int64_t>> SessionTable::good_boots(const std::string& machine, int limit) const {
  return sql::read(
      *database_, "look for boots that the machine did well",
      [&](SQLite::Database& db) -> Result<std::vector<int64_t>> {
        std::vector<int64_t> ids;
        sql::each(
            db,
            "SELECT id FROM sessions WHERE machine = ? AND variant = 'baseline'"
            " AND purpose = 'functional' AND state = 'done' AND ending = 'tested'"
            " AND restarts = 0 AND proved = 1 ORDER BY id DESC LIMIT ?",
            [&](SQLite::Statement& row) { ids.push_back(row.getColumn(0).getInt64()); }, machine,
            limit);
        return ids;
      });
}

Status SessionTable::look_up_canaries(int64_t run_id, const std::string& machine,
                                      verdict::CanaryHistory* metric) const {
  metric->boots.clear();
  return sql::read(*database_, "read the machine's A/A pairs", [&](SQLite::Database& db) -> Status {
    sql::each(
        db,
        // A bench that prints a figure several times counts by its mean.
        // An emulated machine's conditions are no reason to leave a boot out (verdict/unfit.h).
        "SELECT s.run_id, s.pair, AVG(m.value), c.governor, c.turbo, c.clocksource, c.throttled,"
        " c.celsius, c.other_load, c.stolen_percent FROM measurements m"
        " JOIN sessions s ON s.id = m.session_id"
        " LEFT JOIN session_conditions c ON c.session_id = s.id AND s.emulated = 0"
        " WHERE m.metric = ? AND m.value IS NOT NULL AND s.machine = ? AND s.purpose = 'canary'"
        " AND s.state = 'done' AND s.ending IN ('tested', 'test-failed') AND s.run_id < ?"
        " GROUP BY s.id ORDER BY s.id DESC LIMIT ?",
        [&](SQLite::Statement& row) {
          sql::Columns c(row);
          verdict::CanaryBoot boot;
          boot.run_id = c.integer();
          boot.pair = c.small();
          boot.value = c.real();
          boot.conditions = read_conditions(c);
          metric->boots.push_back(boot);
        },
        metric->metric, machine, run_id, 2 * verdict::kMostCanaryPairs);
    std::reverse(metric->boots.begin(), metric->boots.end());
    return {};
  });
}

Result<std::vector<hygiene::Settings>> SessionTable::settings_before(
    int64_t run_id, const std::string& machine) const {
  return sql::read(*database_, "read how the machine was set",
                   [&](SQLite::Database& db) -> Result<std::vector<hygiene::Settings>> {
                     std::vector<hygiene::Settings> out;
                     sql::each(
                         db,
                         "SELECT c.governor, c.turbo, c.clocksource FROM sessions s"
                         " JOIN session_conditions c ON c.session_id = s.id"
                         " WHERE s.machine = ? AND s.variant = 'baseline' AND s.run_id < ?"
                         " ORDER BY s.id DESC LIMIT ?",
                         [&](SQLite::Statement& row) {
                           sql::Columns c(row);
                           hygiene::Settings& one = out.emplace_back();
                           one.governor = c.text();
                           one.turbo = c.text();
                           one.clocksource = c.text();
                         },
                         machine, run_id, verdict::kMostSettings);
                     std::reverse(out.begin(), out.end());
                     return out;
                   });
}

verdict::SessionRow to_verdict_row(StoredSession session) {
  verdict::SessionRow row;
  row.id = session.id;
  row.purpose = std::move(session.purpose);
  row.variant = std::move(session.variant);
  row.config = std::move(session.config);
  row.ending = std::move(session.ending);
  row.error = std::move(session.error);
  row.machine = std::move(session.machine);
  row.tags = std::move(session.tags);
  row.pair = session.pair;
  row.patched_first = session.patched_first;
  row.emulated = session.emulated;
  row.conditions = std::move(session.conditions);
  row.only_tests = std::move(session.only_tests);
  row.results = std::move(session.results);
  row.measurements = std::move(session.measurements);
  row.kernel = std::move(session.kernel);
  return row;
}

}  // namespace kiln::db
