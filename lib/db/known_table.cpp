#include "lib/db/known_table.h"

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/db/verdict_rows.h"

namespace kiln::db {
namespace {

constexpr const char* kFilter =
    "SELECT id, machine, tag, config, test, outcomes, signature, text, author, reason, link,"
    " created_ms, expires_ms, removed_ms IS NOT NULL FROM known_filters ";

known::Filter read_filter(sql::Columns& c) {
  known::Filter f;
  f.id = c.integer();
  f.machine = c.text();
  f.tag = c.text();
  f.config = c.text();
  f.test = c.text();
  for (std::string& word : split(c.text(), ' '))
    if (!word.empty()) f.outcomes.push_back(std::move(word));
  f.signature = c.text();
  f.text = c.text();
  f.author = c.text();
  f.reason = c.text();
  f.link = c.text();
  f.created = c.time();
  f.expires = c.optional_time();
  f.removed = c.flag();
  return f;
}

int64_t read_stamp(SQLite::Database& db) {
  // Both only grow: a change of either is seen.
  return db
      .execAndGet(
          "SELECT coalesce((SELECT max(id) FROM known_audit), 0) * 1000000000 +"
          " coalesce((SELECT max(id) FROM verdicts), 0)")
      .getInt64();
}

void update_filter(SQLite::Database& db, const known::Filter& f) {
  sql::execute(db,
               "UPDATE known_filters SET machine = ?, tag = ?, config = ?, test = ?, outcomes = ?,"
               " signature = ?, text = ?, author = ?, reason = ?, link = ?, created_ms = ?,"
               " expires_ms = ?, removed_ms = NULL WHERE id = ?",
               f.machine, f.tag, f.config, f.test, join(f.outcomes, " "), f.signature, f.text,
               f.author, f.reason, f.link, f.created, f.expires, f.id);
}

std::string json_or_nothing(const std::optional<known::Filter>& filter) {
  return filter ? known::to_json(*filter) : "";
}

std::optional<known::Filter> filter_or_nothing(const std::string& json) {
  if (json.empty()) return std::nullopt;
  auto filter = known::from_json(json);
  return filter ? std::optional(*filter) : std::nullopt;
}

}  // namespace

Result<std::vector<known::Filter>> KnownTable::list(bool with_removed) const {
  return sql::read(
      *database_, "read the known issues",
      [&](SQLite::Database& db) -> Result<std::vector<known::Filter>> {
        std::vector<known::Filter> filters;
        sql::each(
            db, (std::string(kFilter) + "WHERE ? OR removed_ms IS NULL ORDER BY id").c_str(),
            [&](SQLite::Statement& row) {
              sql::Columns c(row);
              filters.push_back(read_filter(c));
            },
            with_removed);
        return filters;
      });
}

Result<known::Filter> KnownTable::get(int64_t id) const {
  return sql::read(
      *database_, "read the known issue", [&](SQLite::Database& db) -> Result<known::Filter> {
        std::optional<known::Filter> found;
        sql::each(
            db, (std::string(kFilter) + "WHERE id = ?").c_str(),
            [&](SQLite::Statement& row) {
              sql::Columns c(row);
              found = read_filter(c);
            },
            id);
        if (!found) {
          return fail(Error(ErrorKind::kNotFound, fmt::format("there is no known issue {}", id))
                          .with_hint("kiln known list shows them"));
        }
        return std::move(*found);
      });
}

Result<int64_t> KnownTable::stamp() const {
  return sql::read(*database_, "read the known issues",
                   [](SQLite::Database& db) -> Result<int64_t> { return read_stamp(db); });
}

Result<int64_t> KnownTable::reserve(const known::Filter& f) {
  return sql::write(
      *database_, "store the known issue", [&](SQLite::Database& db) -> Result<int64_t> {
        sql::execute(db,
                     "INSERT INTO known_filters (machine, tag, config, test, outcomes, signature,"
                     " text, author, reason, link, created_ms, expires_ms, removed_ms)"
                     " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                     f.machine, f.tag, f.config, f.test, join(f.outcomes, " "), f.signature, f.text,
                     f.author, f.reason, f.link, f.created, f.expires, f.created);
        return db.getLastInsertRowid();
      });
}

Status KnownTable::change(const KnownAuditRow& audit, const std::vector<NewVerdict>& verdicts,
                          int64_t stamp) {
  return sql::write(*database_, "store the known issue", [&](SQLite::Database& db) -> Status {
    if (read_stamp(db) != stamp)
      return fail(ErrorKind::kConflict,
                  "a run was judged or a known issue changed at the same time");
    if (audit.after) {
      update_filter(db, *audit.after);
    } else {
      sql::execute(db, "UPDATE known_filters SET removed_ms = ? WHERE id = ?", audit.time,
                   audit.filter_id);
    }
    sql::execute(db,
                 "INSERT INTO known_audit (filter_id, time_ms, who, action, before, after, runs,"
                 " findings) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                 audit.filter_id, audit.time, audit.who, audit.action,
                 json_or_nothing(audit.before), json_or_nothing(audit.after), audit.runs,
                 audit.findings);
    for (const NewVerdict& each : verdicts) insert_verdict(db, each.run_id, each.verdict);
    return {};
  });
}

Result<std::vector<KnownAuditRow>> KnownTable::audit(int64_t filter_id, int limit) const {
  return sql::read(
      *database_, "read the known issues' audit",
      [&](SQLite::Database& db) -> Result<std::vector<KnownAuditRow>> {
        std::vector<KnownAuditRow> rows;
        sql::each(
            db,
            "SELECT id, filter_id, time_ms, who, action, before, after, runs, findings"
            " FROM known_audit WHERE ?1 = 0 OR filter_id = ?1 ORDER BY id DESC LIMIT ?2",
            [&](SQLite::Statement& row) {
              sql::Columns c(row);
              KnownAuditRow entry;
              entry.id = c.integer();
              entry.filter_id = c.integer();
              entry.time = c.time();
              entry.who = c.text();
              entry.action = c.text();
              entry.before = filter_or_nothing(c.text());
              entry.after = filter_or_nothing(c.text());
              entry.runs = c.small();
              entry.findings = c.small();
              rows.push_back(std::move(entry));
            },
            filter_id, limit);
        return rows;
      });
}

Result<std::vector<KnownUseRow>> KnownTable::uses(bool with_removed) const {
  KILN_ASSIGN(const auto filters, list(with_removed));
  return sql::read(
      *database_, "read how known issues are used",
      [&](SQLite::Database& db) -> Result<std::vector<KnownUseRow>> {
        std::vector<KnownUseRow> rows;
        for (const known::Filter& filter : filters) {
          KnownUseRow use;
          use.filter = filter;
          sql::each(
              db,
              "SELECT coalesce(max(h.run_id), 0), coalesce(sum(h.findings), 0) FROM known_hits h"
              " WHERE h.filter_id = ?",
              [&](SQLite::Statement& row) {
                sql::Columns c(row);
                use.last_run = c.integer();
                use.findings = c.small();
              },
              filter.id);
          sql::each(
              db,
              "SELECT finished_ms, (SELECT count(DISTINCT run_id) FROM verdicts WHERE run_id > ?1)"
              " FROM (SELECT ?1 AS id) LEFT JOIN runs USING (id)",
              [&](SQLite::Statement& row) {
                sql::Columns c(row);
                use.last_match = c.optional_time();
                use.runs_since = c.small();
              },
              use.last_run);
          rows.push_back(std::move(use));
        }
        return rows;
      });
}

}  // namespace kiln::db
