#include "lib/db/run_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "lib/db/verdict_rows.h"

namespace kiln::db {
namespace {

constexpr const char* kSelectRun =
    "SELECT id, job_digest, job_name, title, job_file, state, started_ms, finished_ms,"
    " elapsed_seconds, source, source_tree, kiln_version, toolchain, machine, igt_version, error,"
    " seed, repro_of, user, priority, bundle, start_key, checks_machine FROM runs ";

RunRow read_run(sql::Columns& c) {
  RunRow run;
  run.id = c.integer();
  run.job_digest = c.text();
  run.job_name = c.text();
  run.title = c.text();
  run.job_file = c.text();
  run.state = c.text();
  run.started = c.time();
  run.finished = c.optional_time();
  run.elapsed_seconds = c.real();
  run.source = c.text();
  run.source_tree = c.text();
  run.kiln_version = c.text();
  run.toolchain = c.text();
  run.machine = c.text();
  run.igt_version = c.text();
  run.error = c.text();
  run.seed = static_cast<uint64_t>(c.integer());
  run.repro_of = c.text();
  run.user = c.text();
  run.priority = c.text();
  run.bundle = c.text();
  run.start_key = c.text();
  run.checks_machine = c.text();
  return run;
}

void insert_cells(SQLite::Database& db, int64_t run_id, const std::vector<CellRow>& cells) {
  sql::execute(db, "DELETE FROM run_cells WHERE run_id = ?", run_id);
  sql::Inserter insert(db,
                       "INSERT INTO run_cells (run_id, position, variant, config, build_key,"
                       " same_as) VALUES (?, ?, ?, ?, ?, ?)");
  int position = 0;
  for (const CellRow& cell : cells) {
    insert.add(run_id, position++, cell.variant, cell.config, cell.build_key, cell.same_as);
  }
}

int64_t id_of(SQLite::Database& db, const RunRow& run) {
  int64_t id = 0;
  sql::each(
      db, "SELECT id FROM runs WHERE job_digest = ? AND started_ms = ?",
      [&](SQLite::Statement& row) { id = row.getColumn(0).getInt64(); }, run.job_digest,
      run.started);
  return id;
}

tl::unexpected<Error> no_run(int64_t run_id) {
  return fail(ErrorKind::kNotFound, fmt::format("run {} does not exist", run_id));
}

}  // namespace

Result<int64_t> RunTable::create(const RunRow& run, const std::vector<CellRow>& cells) {
  return sql::write(*database_, "store the run", [&](SQLite::Database& db) -> Result<int64_t> {
    if (const int64_t known = id_of(db, run); known != 0) return known;
    sql::execute(db,
                 "INSERT INTO runs (job_digest, job_name, title, job_file, state, started_ms,"
                 " finished_ms, elapsed_seconds, source, source_tree, kiln_version, toolchain,"
                 " machine, igt_version, error, seed, repro_of, user, priority, bundle, start_key,"
                 " checks_machine)"
                 " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                 run.job_digest, run.job_name, run.title, run.job_file, run.state, run.started,
                 run.finished, run.elapsed_seconds, run.source, run.source_tree, run.kiln_version,
                 run.toolchain, run.machine, run.igt_version, run.error,
                 static_cast<int64_t>(run.seed), run.repro_of, run.user, run.priority, run.bundle,
                 run.start_key, run.checks_machine);
    const int64_t id = db.getLastInsertRowid();
    insert_cells(db, id, cells);
    return id;
  });
}

Status RunTable::set_cells(int64_t run_id, const std::vector<CellRow>& cells) {
  return sql::write(*database_, "store the run's cells", [&](SQLite::Database& db) -> Status {
    insert_cells(db, run_id, cells);
    return {};
  });
}

Result<std::optional<RunRow>> RunTable::find_unfinished(const std::string& job_digest) const {
  return sql::read(*database_, "look for the run",
                   [&](SQLite::Database& db) -> Result<std::optional<RunRow>> {
                     std::optional<RunRow> found;
                     const std::string text =
                         std::string(kSelectRun) +
                         "WHERE job_digest = ? AND state IN ('running', 'interrupted', 'failed')"
                         " ORDER BY id DESC LIMIT 1";
                     sql::each(
                         db, text.c_str(),
                         [&](SQLite::Statement& row) {
                           sql::Columns columns(row);
                           found = read_run(columns);
                         },
                         job_digest);
                     return found;
                   });
}

Result<RunRow> RunTable::get(int64_t run_id) const {
  return sql::read(*database_, "read the run", [&](SQLite::Database& db) -> Result<RunRow> {
    std::optional<RunRow> found;
    sql::each(
        db, (std::string(kSelectRun) + "WHERE id = ?").c_str(),
        [&](SQLite::Statement& row) {
          sql::Columns columns(row);
          found = read_run(columns);
        },
        run_id);
    if (!found) return no_run(run_id);
    return std::move(*found);
  });
}

Result<std::vector<CellRow>> RunTable::cells(int64_t run_id) const {
  return sql::read(*database_, "read the run's cells",
                   [&](SQLite::Database& db) -> Result<std::vector<CellRow>> {
                     std::vector<CellRow> cells;
                     sql::each(
                         db,
                         "SELECT variant, config, build_key, same_as FROM run_cells"
                         " WHERE run_id = ? ORDER BY position",
                         [&](SQLite::Statement& row) {
                           sql::Columns c(row);
                           CellRow cell;
                           cell.variant = c.text();
                           cell.config = c.text();
                           cell.build_key = c.text();
                           cell.same_as = c.text();
                           cells.push_back(std::move(cell));
                         },
                         run_id);
                     return cells;
                   });
}

Status RunTable::update(const RunRow& run) {
  return sql::write(*database_, "store the run", [&](SQLite::Database& db) -> Status {
    const int changed = sql::execute(
        db,
        "UPDATE runs SET title = ?, elapsed_seconds = ?, source = ?, source_tree = ?,"
        " kiln_version = ?, toolchain = ?, machine = ?, igt_version = ?, error = ?, seed = ?"
        " WHERE id = ?",
        run.title, run.elapsed_seconds, run.source, run.source_tree, run.kiln_version,
        run.toolchain, run.machine, run.igt_version, run.error, static_cast<int64_t>(run.seed),
        run.id);
    if (changed == 0) return no_run(run.id);
    return {};
  });
}

Status RunTable::set_state(int64_t run_id, const std::string& state, double elapsed_seconds) {
  return sql::write(*database_, "store the run's state", [&](SQLite::Database& db) -> Status {
    sql::execute(db,
                 "UPDATE runs SET state = ?, elapsed_seconds = ?, finished_ms = NULL,"
                 " cleared_ms = NULL"
                 " WHERE id = ? AND state IN ('running', 'interrupted', 'failed')",
                 state, elapsed_seconds, run_id);
    int known = 0;
    sql::each(
        db, "SELECT count(*) FROM runs WHERE id = ?",
        [&](SQLite::Statement& row) { known = row.getColumn(0).getInt(); }, run_id);
    if (known == 0) return no_run(run_id);
    return {};
  });
}

Result<int> RunTable::interrupt_abandoned() {
  return sql::write(*database_, "mark abandoned runs", [](SQLite::Database& db) -> Result<int> {
    return sql::execute(db, "UPDATE runs SET state = 'interrupted' WHERE state = 'running'");
  });
}

Result<std::optional<RunRow>> RunTable::find_started(const std::string& start_key) const {
  return sql::read(*database_, "look for the run",
                   [&](SQLite::Database& db) -> Result<std::optional<RunRow>> {
                     std::optional<RunRow> found;
                     if (start_key.empty()) return found;
                     sql::each(
                         db, (std::string(kSelectRun) + "WHERE start_key = ?").c_str(),
                         [&](SQLite::Statement& row) {
                           sql::Columns columns(row);
                           found = read_run(columns);
                         },
                         start_key);
                     return found;
                   });
}

Result<std::vector<RunRow>> RunTable::running() const {
  return sql::read(
      *database_, "read the runs that go on",
      [](SQLite::Database& db) -> Result<std::vector<RunRow>> {
        std::vector<RunRow> runs;
        sql::each(db, (std::string(kSelectRun) + "WHERE state = 'running' ORDER BY id").c_str(),
                  [&](SQLite::Statement& row) {
                    sql::Columns columns(row);
                    runs.push_back(read_run(columns));
                  });
        return runs;
      });
}

Result<int> RunTable::count_running(const std::string& user) const {
  return sql::read(*database_, "count the user's runs", [&](SQLite::Database& db) -> Result<int> {
    int count = 0;
    sql::each(
        db, "SELECT count(*) FROM runs WHERE state = 'running' AND user = ?",
        [&](SQLite::Statement& row) { count = row.getColumn(0).getInt(); }, user);
    return count;
  });
}

Status RunTable::finish(const RunRow& run, const VerdictRow& verdict) {
  return sql::write(*database_, "store the verdict", [&](SQLite::Database& db) -> Status {
    const int changed = sql::execute(
        db,
        "UPDATE runs SET state = ?, finished_ms = ?, elapsed_seconds = ?, source = ?,"
        " source_tree = ?, toolchain = ?, machine = ?, igt_version = ?, error = ? WHERE id = ?",
        run.state, run.finished, run.elapsed_seconds, run.source, run.source_tree, run.toolchain,
        run.machine, run.igt_version, run.error, run.id);
    if (changed == 0) return no_run(run.id);
    insert_verdict(db, run.id, verdict);
    return {};
  });
}

Result<std::vector<RunSummaryRow>> RunTable::list(int limit, int64_t before) const {
  return sql::read(
      *database_, "list the runs", [&](SQLite::Database& db) -> Result<std::vector<RunSummaryRow>> {
        std::vector<RunSummaryRow> rows;
        sql::each(
            db,
            (std::string(kSelectRun) + "WHERE ?1 = 0 OR id < ?1 ORDER BY id DESC LIMIT ?2").c_str(),
            [&](SQLite::Statement& row) {
              sql::Columns columns(row);
              rows.push_back({read_run(columns), std::nullopt});
            },
            before, std::max(0, limit));
        for (RunSummaryRow& row : rows) {
          row.verdict = find_verdict(db, row.run.id, false);
        }
        return rows;
      });
}

Result<int64_t> RunTable::newest() const {
  return sql::read(*database_, "look for the newest run",
                   [&](SQLite::Database& db) -> Result<int64_t> {
                     int64_t id = 0;
                     sql::each(db,
                               "SELECT id FROM runs WHERE checks_machine = ''"
                               " ORDER BY id DESC LIMIT 1",
                               [&](SQLite::Statement& row) { id = row.getColumn(0).getInt64(); });
                     return id;
                   });
}

}  // namespace kiln::db
