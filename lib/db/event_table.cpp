#include "lib/db/event_table.h"

#include <algorithm>

#include "lib/db/sql.h"

namespace kiln::db {
namespace {

int64_t last(SQLite::Database& db, int64_t run_id) {
  int64_t seq = 0;
  sql::each(
      db, "SELECT coalesce(max(seq), 0) FROM events WHERE run_id = ?",
      [&](SQLite::Statement& row) { seq = row.getColumn(0).getInt64(); }, run_id);
  return seq;
}

int64_t insert(SQLite::Database& db, int64_t run_id, const EventRow& e) {
  const int64_t seq = e.seq > 0 ? e.seq : last(db, run_id) + 1;
  sql::execute(db,
               "INSERT INTO events (run_id, seq, time_ms, kind, text, cell, session_id, state,"
               " done, total, elapsed_seconds, remaining_seconds)"
               " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
               run_id, seq, e.time, e.kind, e.text, e.cell, e.session_id, e.state, e.done, e.total,
               e.elapsed_seconds, e.remaining_seconds);
  return seq;
}

}  // namespace

Result<int64_t> EventTable::append(int64_t run_id, const EventRow& e) {
  return sql::write(*database_, "store the event",
                    [&](SQLite::Database& db) -> Result<int64_t> { return insert(db, run_id, e); });
}

void EventTable::post(int64_t run_id, EventRow e) {
  sql::post(*database_,
            [run_id, e = std::move(e)](SQLite::Database& db) { insert(db, run_id, e); });
}

Result<std::vector<EventRow>> EventTable::from(int64_t run_id, int64_t from_seq, int limit) const {
  return sql::read(*database_, "read the events",
                   [&](SQLite::Database& db) -> Result<std::vector<EventRow>> {
                     std::vector<EventRow> events;
                     sql::each(
                         db,
                         "SELECT seq, time_ms, kind, text, cell, session_id, state, done, total,"
                         " elapsed_seconds, remaining_seconds FROM events"
                         " WHERE run_id = ? AND seq >= ? ORDER BY seq LIMIT ?",
                         [&](SQLite::Statement& row) {
                           sql::Columns c(row);
                           EventRow e;
                           e.seq = c.integer();
                           e.time = c.time();
                           e.kind = c.text();
                           e.text = c.text();
                           e.cell = c.text();
                           e.session_id = c.integer();
                           e.state = c.text();
                           e.done = c.small();
                           e.total = c.small();
                           e.elapsed_seconds = c.real();
                           e.remaining_seconds = c.real();
                           events.push_back(std::move(e));
                         },
                         run_id, from_seq, std::max(0, limit));
                     return events;
                   });
}

Result<int64_t> EventTable::last_seq(int64_t run_id) const {
  return sql::read(*database_, "read the events",
                   [&](SQLite::Database& db) -> Result<int64_t> { return last(db, run_id); });
}

}  // namespace kiln::db
