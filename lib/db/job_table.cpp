#include "lib/db/job_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lib/base/text.h"
#include "lib/db/sql.h"
#include "lib/os/files.h"

namespace kiln::db {
namespace {

constexpr const char* kSelect =
    "SELECT run_id, title, title_key, author_key, message_id, version, answers FROM run_series ";

SeriesRow read_series(SQLite::Statement& row) {
  sql::Columns c(row);
  SeriesRow series;
  series.run_id = c.integer();
  series.title = c.text();
  series.title_key = c.text();
  series.author_key = c.text();
  series.message_id = c.text();
  series.version = c.small();
  for (std::string& id : split(c.text(), ' '))
    if (!id.empty()) series.answers.push_back(std::move(id));
  return series;
}

void read_patches(SQLite::Database& db, SeriesRow* series) {
  sql::each(
      db, "SELECT subject, patch_id FROM run_patches WHERE run_id = ? ORDER BY position",
      [&](SQLite::Statement& row) {
        sql::Columns c(row);
        PatchRow patch;
        patch.subject = c.text();
        patch.patch_id = c.text();
        series->patches.push_back(std::move(patch));
      },
      series->run_id);
}

void insert_series(SQLite::Database& db, int64_t run_id, const SeriesRow& series) {
  sql::execute(db,
               "INSERT INTO run_series (run_id, title, title_key, author_key, message_id, version,"
               " answers) VALUES (?, ?, ?, ?, ?, ?, ?)",
               run_id, series.title, series.title_key, series.author_key, series.message_id,
               series.version, join(series.answers, " "));
  sql::Inserter patches(
      db, "INSERT INTO run_patches (run_id, position, subject, patch_id) VALUES (?, ?, ?, ?)");
  int position = 0;
  for (const PatchRow& patch : series.patches)
    patches.add(run_id, ++position, patch.subject, patch.patch_id);
}

}  // namespace

Status JobTable::put(int64_t run_id, const std::string& document,
                     const std::optional<SeriesRow>& series) {
  const std::string digest = os::sha256_hex(document);
  return sql::write(*database_, "store the job", [&](SQLite::Database& db) -> Status {
    sql::execute(db, "INSERT OR IGNORE INTO jobs (digest, document) VALUES (?, ?)", digest,
                 document);
    if (sql::execute(db, "UPDATE runs SET stored_job = ? WHERE id = ?", digest, run_id) == 0)
      return fail(ErrorKind::kNotFound, fmt::format("run {} does not exist", run_id));
    sql::execute(db, "DELETE FROM run_series WHERE run_id = ?", run_id);
    sql::execute(db, "DELETE FROM run_patches WHERE run_id = ?", run_id);
    if (series) insert_series(db, run_id, *series);
    return {};
  });
}

Result<std::optional<std::string>> JobTable::get(int64_t run_id) const {
  return sql::read(
      *database_, "read the job", [&](SQLite::Database& db) -> Result<std::optional<std::string>> {
        std::optional<std::string> found;
        sql::each(
            db,
            "SELECT j.document FROM runs r JOIN jobs j ON j.digest = r.stored_job WHERE r.id = ?",
            [&](SQLite::Statement& row) { found = row.getColumn(0).getString(); }, run_id);
        return found;
      });
}

Result<std::optional<SeriesRow>> JobTable::series(int64_t run_id) const {
  return sql::read(*database_, "read the series",
                   [&](SQLite::Database& db) -> Result<std::optional<SeriesRow>> {
                     std::optional<SeriesRow> found;
                     sql::each(
                         db, (std::string(kSelect) + "WHERE run_id = ?").c_str(),
                         [&](SQLite::Statement& row) { found = read_series(row); }, run_id);
                     if (found) read_patches(db, &*found);
                     return found;
                   });
}

Result<std::vector<SeriesRow>> JobTable::relatives(const SeriesRow& series, int limit) const {
  return sql::read(
      *database_, "look for earlier versions of the series",
      [&](SQLite::Database& db) -> Result<std::vector<SeriesRow>> {
        std::vector<SeriesRow> rows;
        std::set<int64_t> seen;
        const auto add = [&](SQLite::Statement& row) {
          SeriesRow found = read_series(row);
          if (seen.insert(found.run_id).second) rows.push_back(std::move(found));
        };
        const std::string judged =
            " AND run_id < ? AND EXISTS (SELECT 1 FROM verdicts v WHERE v.run_id ="
            " run_series.run_id) AND EXISTS (SELECT 1 FROM runs r WHERE r.id = run_series.run_id"
            " AND r.repro_of = '') ORDER BY run_id DESC LIMIT ?";
        if (!series.author_key.empty())
          sql::each(db, (std::string(kSelect) + "WHERE author_key = ?" + judged).c_str(), add,
                    series.author_key, series.run_id, limit);
        for (const std::string& id : series.answers)
          sql::each(db, (std::string(kSelect) + "WHERE message_id = ?" + judged).c_str(), add, id,
                    series.run_id, limit);
        std::sort(rows.begin(), rows.end(),
                  [](const SeriesRow& a, const SeriesRow& b) { return a.run_id > b.run_id; });
        if (rows.size() > static_cast<size_t>(limit)) rows.resize(static_cast<size_t>(limit));
        for (SeriesRow& row : rows) read_patches(db, &row);
        return rows;
      });
}

Status JobTable::set_not_revertible(int64_t run_id, int patch) {
  return sql::write(*database_, "store what the series shows", [&](SQLite::Database& db) -> Status {
    sql::execute(db, "INSERT OR IGNORE INTO run_not_revertible (run_id, patch) VALUES (?, ?)",
                 run_id, patch);
    return {};
  });
}

Result<std::vector<int>> JobTable::not_revertible(int64_t run_id) const {
  return sql::read(
      *database_, "read what the series shows",
      [&](SQLite::Database& db) -> Result<std::vector<int>> {
        std::vector<int> patches;
        sql::each(
            db, "SELECT patch FROM run_not_revertible WHERE run_id = ? ORDER BY patch",
            [&](SQLite::Statement& row) { patches.push_back(row.getColumn(0).getInt()); }, run_id);
        return patches;
      });
}

}  // namespace kiln::db
