#include "lib/db/retention_table.h"

#include <fmt/format.h>

#include "lib/db/sql.h"

namespace kiln::db {
namespace {

/// Runs that have their artifacts; ?1 is a JSON list of runs that are taken as cleared.
constexpr const char* kAlive =
    "WITH alive AS (SELECT id FROM runs WHERE (cleared_ms IS NULL OR state IN ('running',"
    " 'interrupted')) AND id NOT IN (SELECT value FROM json_each(?1))) ";

std::string json_list(const std::set<int64_t>& ids) {
  std::string out = "[";
  for (const int64_t id : ids) out += (out.size() > 1 ? "," : "") + std::to_string(id);
  return out + "]";
}

std::vector<keep::RunFacts> read_facts(SQLite::Database& db) {
  std::vector<keep::RunFacts> out;
  sql::each(db,
            "SELECT r.id, r.job_name, r.state IN ('done', 'failed'),"
            " coalesce(r.finished_ms, r.started_ms), coalesce(v.regressions + v.lost > 0, 0),"
            " r.kept_ms IS NOT NULL FROM runs r LEFT JOIN verdicts v ON v.id ="
            " (SELECT max(id) FROM verdicts WHERE run_id = r.id)"
            " WHERE r.cleared_ms IS NULL ORDER BY r.id",
            [&](SQLite::Statement& row) {
              sql::Columns c(row);
              keep::RunFacts run;
              run.id = c.integer();
              run.job = c.text();
              run.ended = c.flag();
              run.finished = c.time();
              run.open_findings = c.flag();
              run.kept_by_hand = c.flag();
              out.push_back(std::move(run));
            });
  return out;
}

template <typename T, typename Read>
Result<std::set<T>> collect(const Database& database, const std::string& text,
                            const std::set<int64_t>& as_cleared, Read read) {
  return sql::read(database, "list what is in use",
                   [&](SQLite::Database& db) -> Result<std::set<T>> {
                     std::set<T> found;
                     sql::each(
                         db, (kAlive + text).c_str(),
                         [&](SQLite::Statement& row) { found.insert(read(row.getColumn(0))); },
                         json_list(as_cleared));
                     return found;
                   });
}

Error no_run(int64_t id) {
  return Error(ErrorKind::kNotFound, fmt::format("run {} does not exist", id))
      .with_hint("kiln runs lists them");
}

std::optional<WallTime> cleared_time(SQLite::Database& db, int64_t run_id) {
  std::optional<WallTime> cleared;
  sql::each(
      db, "SELECT cleared_ms FROM runs WHERE id = ?",
      [&](SQLite::Statement& row) { cleared = sql::Columns(row).optional_time(); }, run_id);
  return cleared;
}

/// `more` narrows it down, with `id` when that is not 0.
std::vector<KeptRow> kept_rows(SQLite::Database& db, const std::string& more, int64_t id) {
  std::vector<KeptRow> rows;
  const auto add = [&](SQLite::Statement& row) {
    sql::Columns c(row);
    KeptRow& kept = rows.emplace_back();
    kept.run_id = c.integer();
    kept.job_name = c.text();
    kept.title = c.text();
    kept.since = c.time();
    kept.by = c.text();
    kept.why = c.text();
  };
  const std::string query =
      "SELECT id, job_name, title, kept_ms, kept_by, kept_why FROM runs WHERE kept_ms IS NOT NULL" +
      more + " ORDER BY id DESC";
  if (id == 0)
    sql::each(db, query.c_str(), add);
  else
    sql::each(db, query.c_str(), add, id);
  return rows;
}

}  // namespace

Result<std::vector<keep::RunFacts>> RetentionTable::facts() const {
  return sql::read(
      *database_, "look at what is kept",
      [](SQLite::Database& db) -> Result<std::vector<keep::RunFacts>> { return read_facts(db); });
}

Result<std::set<int64_t>> RetentionTable::clear(const keep::Rules& rules, WallTime now) {
  return sql::write(
      *database_, "let runs go", [&](SQLite::Database& db) -> Result<std::set<int64_t>> {
        std::set<int64_t> gone;
        for (const keep::Fate& fate : keep::decide(read_facts(db), rules, now))
          if (!fate.kept) gone.insert(fate.id);
        sql::execute(db,
                     "UPDATE runs SET cleared_ms = ? WHERE id IN (SELECT value FROM json_each(?))",
                     now, json_list(gone));
        return gone;
      });
}

Result<std::optional<WallTime>> RetentionTable::cleared(int64_t run_id) const {
  return sql::read(*database_, "look at the run",
                   [&](SQLite::Database& db) -> Result<std::optional<WallTime>> {
                     return cleared_time(db, run_id);
                   });
}

Status RetentionTable::keep(const KeptRow& row) {
  return sql::write(*database_, "keep the run", [&](SQLite::Database& db) -> Status {
    const int changed = sql::execute(db,
                                     "UPDATE runs SET kept_ms = ?, kept_by = ?, kept_why = ?"
                                     " WHERE id = ? AND cleared_ms IS NULL",
                                     row.since, row.by, row.why, row.run_id);
    if (changed > 0) return {};
    const std::optional<WallTime> cleared = cleared_time(db, row.run_id);
    if (!cleared) return fail(no_run(row.run_id));
    return fail(ErrorKind::kConflict,
                fmt::format("the logs and kernels of run {} were cleared away on {}", row.run_id,
                            to_rfc3339(*cleared).substr(0, 10)));
  });
}

Status RetentionTable::let_go(int64_t run_id) {
  return sql::write(*database_, "let the run go", [&](SQLite::Database& db) -> Status {
    const int changed = sql::execute(
        db, "UPDATE runs SET kept_ms = NULL, kept_by = '', kept_why = '' WHERE id = ?", run_id);
    return changed > 0 ? Status() : fail(no_run(run_id));
  });
}

Result<std::vector<KeptRow>> RetentionTable::kept() const {
  return sql::read(
      *database_, "list what is kept",
      [](SQLite::Database& db) -> Result<std::vector<KeptRow>> { return kept_rows(db, "", 0); });
}

Result<std::optional<KeptRow>> RetentionTable::kept(int64_t run_id) const {
  return sql::read(*database_, "look whether the run is kept",
                   [&](SQLite::Database& db) -> Result<std::optional<KeptRow>> {
                     auto rows = kept_rows(db, " AND id = ?", run_id);
                     if (rows.empty()) return std::nullopt;
                     return std::move(rows.front());
                   });
}

Result<std::set<std::string>> RetentionTable::live_digests(
    const std::set<int64_t>& as_cleared) const {
  // A build that no run is linked to belongs to nobody whose artifacts could go.
  static const std::string kKeys =
      ", keys AS (SELECT build_key FROM run_builds WHERE run_id IN alive"
      " UNION SELECT build_key FROM run_cells WHERE run_id IN alive"
      " UNION SELECT build_key FROM sessions WHERE run_id IN alive"
      " UNION SELECT key FROM builds WHERE key NOT IN (SELECT build_key FROM run_builds)) ";
  std::string text = kKeys;
  for (const char* column : {"config_digest", "image_digest", "modules_digest", "vmlinux_digest",
                             "bench_digest", "log_digest", "coverage_digest"})
    text += fmt::format("SELECT {} FROM builds WHERE key IN keys UNION ", column);
  text +=
      "SELECT a.digest FROM artifacts a JOIN sessions s ON s.id = a.session_id"
      " WHERE s.run_id IN alive UNION SELECT config_digest FROM sessions WHERE run_id IN alive";
  KILN_ASSIGN(auto digests,
              collect<std::string>(*database_, text, as_cleared,
                                   [](const SQLite::Column& c) { return c.getString(); }));
  digests.erase("");
  return digests;
}

Result<std::set<std::string>> RetentionTable::live_bundles(
    const std::set<int64_t>& as_cleared) const {
  return collect<std::string>(*database_,
                              "SELECT bundle FROM runs WHERE bundle != '' AND id IN alive",
                              as_cleared, [](const SQLite::Column& c) { return c.getString(); });
}

Result<std::set<int64_t>> RetentionTable::cleared_sessions(
    const std::set<int64_t>& as_cleared) const {
  return collect<int64_t>(*database_, "SELECT id FROM sessions WHERE run_id NOT IN alive",
                          as_cleared, [](const SQLite::Column& c) { return c.getInt64(); });
}

}  // namespace kiln::db
