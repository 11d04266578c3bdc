#include "lib/db/schedule_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "lib/db/sql.h"

namespace kiln::db {
namespace {

constexpr const char* kSchedule =
    "SELECT id, name, cron, zone, job_file, jitter_ms, missed, max_late_ms, overlap, unchanged,"
    " since_ms, paused_ms, added_ms, added_by, removed_ms FROM schedules ";
constexpr const char* kFiring =
    "SELECT schedule_id, key, planned_ms, by_hand, state, decided_ms, run_id, count, reason"
    " FROM firings ";

ScheduleRow read_schedule(SQLite::Statement& row) {
  sql::Columns c(row);
  ScheduleRow s;
  s.id = c.integer();
  s.name = c.text();
  s.cron = c.text();
  s.zone = c.text();
  s.job_file = c.text();
  s.jitter = c.duration();
  s.missed = c.text();
  s.max_late = c.duration();
  s.overlap = c.text();
  s.unchanged = c.text();
  s.since = c.time();
  s.paused = c.optional_time();
  s.added = c.time();
  s.added_by = c.text();
  s.removed = c.optional_time();
  return s;
}

FiringRow read_firing(SQLite::Statement& row) {
  sql::Columns c(row);
  FiringRow f;
  f.schedule_id = c.integer();
  f.key = c.text();
  f.planned = c.time();
  f.by_hand = c.flag();
  f.state = c.text();
  f.decided = c.time();
  f.run_id = c.integer();
  f.count = c.small();
  f.reason = c.text();
  return f;
}

/// All rows of a query that begins with `select`.
template <typename Row, typename... Args>
std::vector<Row> rows_of(SQLite::Database& db, const char* select, const char* rest,
                         Row (*read)(SQLite::Statement&), const Args&... args) {
  std::vector<Row> rows;
  sql::each(
      db, (std::string(select) + rest).c_str(),
      [&](SQLite::Statement& row) { rows.push_back(read(row)); }, args...);
  return rows;
}

tl::unexpected<Error> no_schedule(const std::string& name) {
  return fail(Error(ErrorKind::kNotFound, fmt::format("there is no schedule `{}`", name))
                  .with_hint("kiln schedule list shows them"));
}

std::optional<ScheduleRow> in_force(SQLite::Database& db, const std::string& name) {
  auto rows = rows_of(db, kSchedule, "WHERE name = ? AND removed_ms IS NULL", read_schedule, name);
  return rows.empty() ? std::nullopt : std::optional(std::move(rows.front()));
}

bool asks_the_same(const ScheduleRow& a, const ScheduleRow& b) {
  return a.cron == b.cron && a.zone == b.zone && a.job_file == b.job_file && a.jitter == b.jitter &&
         a.missed == b.missed && a.max_late == b.max_late && a.overlap == b.overlap &&
         a.unchanged == b.unchanged;
}

}  // namespace

Result<int64_t> ScheduleTable::add(const ScheduleRow& s) {
  return sql::write(*database_, "store the schedule", [&](SQLite::Database& db) -> Result<int64_t> {
    if (const auto old = in_force(db, s.name)) {
      if (asks_the_same(*old, s)) return old->id;
      return fail(
          Error(ErrorKind::kConflict, fmt::format("there is another schedule `{}` already", s.name))
              .with_hint(fmt::format("kiln schedule remove {} makes room", s.name)));
    }
    sql::execute(db,
                 "INSERT INTO schedules (name, cron, zone, job_file, jitter_ms, missed,"
                 " max_late_ms, overlap, unchanged, since_ms, paused_ms, added_ms, added_by,"
                 " removed_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                 s.name, s.cron, s.zone, s.job_file, s.jitter, s.missed, s.max_late, s.overlap,
                 s.unchanged, s.since, s.paused, s.added, s.added_by, s.removed);
    return db.getLastInsertRowid();
  });
}

Result<std::vector<ScheduleRow>> ScheduleTable::list(bool with_removed) const {
  return sql::read(*database_, "read the schedules",
                   [&](SQLite::Database& db) -> Result<std::vector<ScheduleRow>> {
                     return rows_of(db, kSchedule,
                                    "WHERE ? OR removed_ms IS NULL ORDER BY name, id",
                                    read_schedule, with_removed);
                   });
}

Result<ScheduleRow> ScheduleTable::get(const std::string& name, bool removed) const {
  return sql::read(*database_, "read the schedule",
                   [&](SQLite::Database& db) -> Result<ScheduleRow> {
                     auto rows = rows_of(db, kSchedule,
                                         "WHERE name = ? AND (? OR removed_ms IS NULL)"
                                         " ORDER BY removed_ms IS NULL DESC, id DESC LIMIT 1",
                                         read_schedule, name, removed);
                     if (rows.empty()) return no_schedule(name);
                     return std::move(rows.front());
                   });
}

Status ScheduleTable::pause(const std::string& name, WallTime when) {
  return sql::write(*database_, "pause the schedule", [&](SQLite::Database& db) -> Status {
    if (!in_force(db, name)) return no_schedule(name);
    sql::execute(db,
                 "UPDATE schedules SET paused_ms = ? WHERE name = ? AND removed_ms IS NULL"
                 " AND paused_ms IS NULL",
                 when, name);
    return {};
  });
}

Status ScheduleTable::resume(const std::string& name, WallTime when) {
  return sql::write(*database_, "resume the schedule", [&](SQLite::Database& db) -> Status {
    if (!in_force(db, name)) return no_schedule(name);
    sql::execute(db,
                 "UPDATE schedules SET paused_ms = NULL, since_ms = ? WHERE name = ?"
                 " AND removed_ms IS NULL AND paused_ms IS NOT NULL",
                 when, name);
    return {};
  });
}

Status ScheduleTable::remove(const std::string& name, WallTime when) {
  return sql::write(*database_, "remove the schedule", [&](SQLite::Database& db) -> Status {
    const int changed = sql::execute(
        db, "UPDATE schedules SET removed_ms = ? WHERE name = ? AND removed_ms IS NULL", when,
        name);
    if (changed > 0) return {};
    const auto removed = rows_of(db, kSchedule, "WHERE name = ?", read_schedule, name);
    if (removed.empty()) return no_schedule(name);
    return {};
  });
}

Result<bool> ScheduleTable::put(const FiringRow& f) {
  return sql::write(*database_, "store the firing", [&](SQLite::Database& db) -> Result<bool> {
    // `starting` again renews its reason: why it could not start yet.
    const int changed = sql::execute(
        db,
        "INSERT INTO firings (schedule_id, key, planned_ms, by_hand, state, decided_ms, run_id,"
        " count, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (schedule_id, key) DO UPDATE SET state = excluded.state,"
        " decided_ms = iif(state = excluded.state, decided_ms, excluded.decided_ms),"
        " run_id = max(run_id, excluded.run_id),"
        " reason = excluded.reason"
        " WHERE (state = 'waiting' AND excluded.state IN ('starting', 'skipped'))"
        " OR (state = 'starting' AND excluded.state IN ('started', 'skipped', 'failed'))"
        " OR (state = 'starting' AND excluded.state = 'starting'"
        "     AND reason <> excluded.reason)"
        " OR (state = 'started' AND excluded.state = 'ended')",
        f.schedule_id, f.key, f.planned, f.by_hand, f.state, f.decided, f.run_id, f.count,
        f.reason);
    return changed > 0;
  });
}

Result<std::optional<WallTime>> ScheduleTable::decided(int64_t schedule_id, WallTime now) const {
  return sql::read(
      *database_, "read the firings", [&](SQLite::Database& db) -> Result<std::optional<WallTime>> {
        std::optional<WallTime> newest;
        sql::each(
            db,
            "SELECT max(planned_ms) FROM firings WHERE schedule_id = ?"
            " AND by_hand = 0 AND planned_ms <= ?",
            [&](SQLite::Statement& row) { newest = sql::Columns(row).optional_time(); },
            schedule_id, now);
        return newest;
      });
}

Result<std::vector<FiringRow>> ScheduleTable::open() const {
  return sql::read(*database_, "read the firings",
                   [&](SQLite::Database& db) -> Result<std::vector<FiringRow>> {
                     return rows_of(db, kFiring,
                                    "WHERE state IN ('waiting', 'starting', 'started')"
                                    " ORDER BY schedule_id, planned_ms, key",
                                    read_firing);
                   });
}

Result<std::optional<FiringRow>> ScheduleTable::find(int64_t schedule_id,
                                                     const std::string& key) const {
  return sql::read(*database_, "read the firing",
                   [&](SQLite::Database& db) -> Result<std::optional<FiringRow>> {
                     auto rows = rows_of(db, kFiring, "WHERE schedule_id = ? AND key = ?",
                                         read_firing, schedule_id, key);
                     return rows.empty() ? std::nullopt : std::optional(std::move(rows.front()));
                   });
}

Result<std::vector<FiringRow>> ScheduleTable::firings(int64_t schedule_id, int limit) const {
  return sql::read(*database_, "read the firings",
                   [&](SQLite::Database& db) -> Result<std::vector<FiringRow>> {
                     return rows_of(db, kFiring,
                                    "WHERE schedule_id = ? ORDER BY planned_ms DESC, key DESC"
                                    " LIMIT ?",
                                    read_firing, schedule_id, std::max(0, limit));
                   });
}

Result<std::optional<ScheduleRow>> ScheduleTable::of_run(int64_t run_id) const {
  return sql::read(*database_, "read the run's schedule",
                   [&](SQLite::Database& db) -> Result<std::optional<ScheduleRow>> {
                     auto rows =
                         rows_of(db, kSchedule,
                                 "WHERE id = (SELECT schedule_id FROM firings WHERE run_id = ?1"
                                 " AND run_id > 0"
                                 " ORDER BY planned_ms DESC LIMIT 1)",
                                 read_schedule, run_id);
                     return rows.empty() ? std::nullopt : std::optional(std::move(rows.front()));
                   });
}

Result<std::vector<NightRow>> ScheduleTable::nights(int64_t schedule_id, int64_t before,
                                                    int limit) const {
  return sql::read(
      *database_, "read the nights", [&](SQLite::Database& db) -> Result<std::vector<NightRow>> {
        std::vector<NightRow> nights;
        sql::each(
            db,
            "SELECT r.id, r.state, r.source_tree, r.job_digest, coalesce(v.result, ''),"
            " coalesce(v.results_planned, 0), coalesce(v.results_got, 0), max(f.planned_ms)"
            " FROM firings f JOIN runs r ON r.id = f.run_id LEFT JOIN verdicts v ON v.id ="
            " (SELECT max(w.id) FROM verdicts w WHERE w.run_id = r.id)"
            " WHERE f.schedule_id = ?1 AND (?2 = 0 OR r.id < ?2) GROUP BY r.id"
            " ORDER BY r.id DESC LIMIT ?3",
            [&](SQLite::Statement& row) {
              sql::Columns c(row);
              NightRow night;
              night.run_id = c.integer();
              night.run_state = c.text();
              night.source_tree = c.text();
              night.job_digest = c.text();
              night.result = c.text();
              night.results_planned = c.small();
              night.results_got = c.small();
              night.planned = c.time();
              nights.push_back(std::move(night));
            },
            schedule_id, before, std::max(0, limit));
        return nights;
      });
}

}  // namespace kiln::db
