#include "lib/db/lease_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "lib/db/sql.h"

namespace kiln::db {

Result<std::vector<LeaseRow>> LeaseTable::open() const {
  return sql::read(
      *database_, "read the leases", [](SQLite::Database& db) -> Result<std::vector<LeaseRow>> {
        std::vector<LeaseRow> rows;
        sql::each(db,
                  "SELECT s.lease, s.id, s.run_id, s.key, s.machine, r.user, s.purpose, s.until_ms"
                  " FROM sessions s JOIN runs r ON r.id = s.run_id WHERE s.lease_open = 1"
                  " ORDER BY s.lease",
                  [&](SQLite::Statement& row) {
                    sql::Columns c(row);
                    LeaseRow lease;
                    lease.lease = static_cast<uint64_t>(c.integer());
                    lease.session_id = c.integer();
                    lease.run_id = c.integer();
                    lease.key = c.text();
                    lease.machine = c.text();
                    lease.user = c.text();
                    lease.purpose = c.text();
                    lease.until = c.time();
                    rows.push_back(std::move(lease));
                  });
        return rows;
      });
}

Result<uint64_t> LeaseTable::newest() const {
  return sql::read(*database_, "read the leases", [](SQLite::Database& db) -> Result<uint64_t> {
    return static_cast<uint64_t>(
        db.execAndGet("SELECT max(coalesce((SELECT max(lease) FROM sessions WHERE lease > 0), 0),"
                      " coalesce((SELECT max(lease) FROM holds), 0),"
                      " coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE name ="
                      " 'lease_floor'), 0))")
            .getInt64());
  });
}

Status LeaseTable::end(int64_t session_id) {
  return sql::write(*database_, "end the lease", [&](SQLite::Database& db) -> Status {
    sql::execute(db, "UPDATE sessions SET lease_open = 0 WHERE id = ?", session_id);
    return {};
  });
}

Status LeaseTable::add_hold(const HoldRow& h) {
  return sql::write(*database_, "store the hold", [&](SQLite::Database& db) -> Status {
    std::string holder;
    sql::each(
        db, "SELECT user FROM holds WHERE machine = ? AND ended_ms IS NULL",
        [&](SQLite::Statement& row) { holder = row.getColumn(0).getString(); }, h.machine);
    if (!holder.empty())
      return fail(ErrorKind::kConflict, fmt::format("{} is held by {}", h.machine, holder));
    sql::execute(db,
                 "INSERT INTO holds (lease, machine, user, reason, from_ms, until_ms, ended_by)"
                 " VALUES (?, ?, ?, ?, ?, ?, '')",
                 static_cast<int64_t>(h.lease), h.machine, h.user, h.reason, h.from, h.until);
    return {};
  });
}

Status LeaseTable::extend_hold(uint64_t lease, WallTime until) {
  return sql::write(*database_, "extend the hold", [&](SQLite::Database& db) -> Status {
    sql::execute(db, "UPDATE holds SET until_ms = ? WHERE lease = ? AND ended_ms IS NULL", until,
                 static_cast<int64_t>(lease));
    return {};
  });
}

Status LeaseTable::end_hold(uint64_t lease, const std::string& by, WallTime now) {
  return sql::write(*database_, "end the hold", [&](SQLite::Database& db) -> Status {
    sql::execute(db,
                 "UPDATE holds SET ended_ms = ?, ended_by = ? WHERE lease = ? AND ended_ms IS NULL",
                 now, by, static_cast<int64_t>(lease));
    return {};
  });
}

Result<std::vector<HoldRow>> LeaseTable::holds() const {
  return sql::read(*database_, "read the holds",
                   [](SQLite::Database& db) -> Result<std::vector<HoldRow>> {
                     std::vector<HoldRow> rows;
                     sql::each(db,
                               "SELECT lease, machine, user, reason, from_ms, until_ms FROM holds"
                               " WHERE ended_ms IS NULL ORDER BY machine",
                               [&](SQLite::Statement& row) {
                                 sql::Columns c(row);
                                 HoldRow hold;
                                 hold.lease = static_cast<uint64_t>(c.integer());
                                 hold.machine = c.text();
                                 hold.user = c.text();
                                 hold.reason = c.text();
                                 hold.from = c.time();
                                 hold.until = c.time();
                                 rows.push_back(std::move(hold));
                               });
                     return rows;
                   });
}

Status LeaseTable::add_duplicate(const DuplicateRow& d) {
  return sql::write(*database_, "store the second end", [&](SQLite::Database& db) -> Status {
    sql::execute(db,
                 "INSERT INTO duplicate_sessions (session_id, lease, machine, reason, received_ms,"
                 " done) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                 d.session_id, static_cast<int64_t>(d.lease), d.machine, d.reason, d.received,
                 sql::Blob{d.done});
    return {};
  });
}

Result<std::vector<DuplicateRow>> LeaseTable::duplicates(int limit) const {
  return sql::read(*database_, "read the second ends",
                   [&](SQLite::Database& db) -> Result<std::vector<DuplicateRow>> {
                     std::vector<DuplicateRow> rows;
                     sql::each(
                         db,
                         "SELECT session_id, lease, machine, reason, received_ms, done"
                         " FROM duplicate_sessions ORDER BY id DESC LIMIT ?",
                         [&](SQLite::Statement& row) {
                           sql::Columns c(row);
                           DuplicateRow duplicate;
                           duplicate.session_id = c.integer();
                           duplicate.lease = static_cast<uint64_t>(c.integer());
                           duplicate.machine = c.text();
                           duplicate.reason = c.text();
                           duplicate.received = c.time();
                           duplicate.done = c.text();
                           rows.push_back(std::move(duplicate));
                         },
                         std::max(0, limit));
                     return rows;
                   });
}

}  // namespace kiln::db
