#include "lib/db/build_table.h"

#include "lib/db/sql.h"

namespace kiln::db {
namespace {

std::optional<kernel::BuildRecord> find_build(SQLite::Database& db, const std::string& key) {
  std::optional<kernel::BuildRecord> found;
  sql::each(
      db,
      "SELECT key, state, release, kernel_build_id, config_digest, image_digest, modules_digest,"
      " vmlinux_digest, bench_digest, log_digest, coverage_digest, error, incremental,"
      " elapsed_ms FROM builds WHERE key = ?",
      [&](SQLite::Statement& row) {
        sql::Columns c(row);
        kernel::BuildRecord build;
        build.key = c.text();
        build.state = c.text();
        build.release = c.text();
        build.kernel_build_id = c.text();
        build.config_digest = c.text();
        build.image_digest = c.text();
        build.modules_digest = c.text();
        build.vmlinux_digest = c.text();
        build.bench_digest = c.text();
        build.log_digest = c.text();
        build.coverage_digest = c.text();
        build.error = c.text();
        build.incremental = c.flag();
        build.elapsed = c.duration();
        found = std::move(build);
      },
      key);
  if (!found) return found;
  sql::each(
      db, "SELECT module, build_id FROM module_build_ids WHERE build_key = ?",
      [&](SQLite::Statement& row) {
        sql::Columns c(row);
        const std::string module = c.text();
        found->module_build_ids[module] = c.text();
      },
      key);
  sql::each(
      db, "SELECT file, line, text FROM build_warnings WHERE build_key = ? ORDER BY position",
      [&](SQLite::Statement& row) {
        sql::Columns c(row);
        kernel::Warning warning;
        warning.file = c.text();
        warning.line = c.small();
        warning.text = c.text();
        found->warnings.push_back(std::move(warning));
      },
      key);
  return found;
}

bool is_built(SQLite::Database& db, const std::string& key) {
  bool built = false;
  sql::each(
      db, "SELECT 1 FROM builds WHERE key = ? AND state = 'built'",
      [&](SQLite::Statement&) { built = true; }, key);
  return built;
}

void store(SQLite::Database& db, const kernel::BuildRecord& build, WallTime when) {
  if (build.state != "built" && is_built(db, build.key)) return;
  sql::execute(db,
               "INSERT INTO builds (key, state, release, kernel_build_id, config_digest,"
               " image_digest, modules_digest, vmlinux_digest, bench_digest, log_digest,"
               " coverage_digest, error, incremental, elapsed_ms, recorded_ms)"
               " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
               " ON CONFLICT (key) DO UPDATE SET state = excluded.state,"
               " release = excluded.release, kernel_build_id = excluded.kernel_build_id,"
               " config_digest = excluded.config_digest, image_digest = excluded.image_digest,"
               " modules_digest = excluded.modules_digest,"
               " vmlinux_digest = excluded.vmlinux_digest, bench_digest = excluded.bench_digest,"
               " log_digest = excluded.log_digest, coverage_digest = excluded.coverage_digest,"
               " error = excluded.error, incremental = excluded.incremental,"
               " elapsed_ms = excluded.elapsed_ms, recorded_ms = excluded.recorded_ms",
               build.key, build.state, build.release, build.kernel_build_id, build.config_digest,
               build.image_digest, build.modules_digest, build.vmlinux_digest, build.bench_digest,
               build.log_digest, build.coverage_digest, build.error, build.incremental,
               build.elapsed, when);
  sql::execute(db, "DELETE FROM module_build_ids WHERE build_key = ?", build.key);
  sql::Inserter modules(
      db, "INSERT INTO module_build_ids (build_key, module, build_id) VALUES (?, ?, ?)");
  for (const auto& [module, id] : build.module_build_ids) modules.add(build.key, module, id);
  sql::execute(db, "DELETE FROM build_warnings WHERE build_key = ?", build.key);
  sql::Inserter warnings(db,
                         "INSERT INTO build_warnings (build_key, position, file, line, text)"
                         " VALUES (?, ?, ?, ?, ?)");
  int position = 0;
  for (const kernel::Warning& warning : build.warnings) {
    warnings.add(build.key, position++, warning.file, warning.line, warning.text);
  }
}

void store_link(SQLite::Database& db, int64_t run_id, const std::string& variant,
                const std::string& config, const std::string& key, bool from_cache) {
  sql::execute(db,
               "INSERT INTO run_builds (run_id, variant, config, build_key, from_cache)"
               " VALUES (?, ?, ?, ?, ?) ON CONFLICT (run_id, variant, config) DO UPDATE SET"
               " build_key = excluded.build_key, from_cache = excluded.from_cache"
               // A run that goes on finds its own build in the cache: it still built it.
               " WHERE build_key <> excluded.build_key",
               run_id, variant, config, key, from_cache);
}

}  // namespace

Status BuildTable::record(const kernel::BuildRecord& build, WallTime when) {
  return sql::write(*database_, "store the build", [&](SQLite::Database& db) -> Status {
    store(db, build, when);
    return {};
  });
}

Result<std::optional<kernel::BuildRecord>> BuildTable::find(const std::string& key) const {
  return sql::read(*database_, "look for the build",
                   [&](SQLite::Database& db) -> Result<std::optional<kernel::BuildRecord>> {
                     return find_build(db, key);
                   });
}

Status BuildTable::record_for_run(int64_t run_id, const RunBuildRow& row, WallTime when) {
  return sql::write(*database_, "store the build", [&](SQLite::Database& db) -> Status {
    store(db, row.record, when);
    store_link(db, run_id, row.variant, row.config, row.record.key, row.from_cache);
    return {};
  });
}

Status BuildTable::link(int64_t run_id, const std::string& variant, const std::string& config,
                        const std::string& key, bool from_cache) {
  return sql::write(*database_, "store the run's build", [&](SQLite::Database& db) -> Status {
    store_link(db, run_id, variant, config, key, from_cache);
    return {};
  });
}

Result<std::vector<RunBuildRow>> BuildTable::of_run(int64_t run_id) const {
  return sql::read(
      *database_, "read the run's builds",
      [&](SQLite::Database& db) -> Result<std::vector<RunBuildRow>> {
        std::vector<RunBuildRow> rows;
        std::vector<std::string> keys;
        sql::each(
            db,
            "SELECT b.variant, b.config, b.from_cache, b.build_key FROM run_builds b"
            " LEFT JOIN run_cells c USING (run_id, variant, config) WHERE b.run_id = ?"
            " ORDER BY c.position IS NULL, c.position, length(b.variant), b.variant, b.config",
            [&](SQLite::Statement& row) {
              sql::Columns c(row);
              RunBuildRow build;
              build.variant = c.text();
              build.config = c.text();
              build.from_cache = c.flag();
              rows.push_back(std::move(build));
              keys.push_back(c.text());
            },
            run_id);
        for (size_t i = 0; i < rows.size(); ++i) {
          auto record = find_build(db, keys[i]);
          if (record) rows[i].record = std::move(*record);
        }
        return rows;
      });
}

}  // namespace kiln::db
