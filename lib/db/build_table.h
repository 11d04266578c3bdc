#pragma once
/// Builds by key, and which run used which.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/db/database.h"
#include "lib/kernel/build.h"

namespace kiln::db {

/// The build of one cell of a run.
struct RunBuildRow {
  std::string variant, config;
  bool from_cache = false;
  kernel::BuildRecord record;
};

/// Safe for concurrent use, as the Database is; the Database must outlive it.
class BuildTable {
 public:
  explicit BuildTable(Database& database) : database_(&database) {}

  /// A finished build. Recorded again it replaces what was there, but a failure never replaces a
  /// kernel that was built.
  Status record(const kernel::BuildRecord& build, WallTime when);
  /// Built or failed; the caller looks whether the artifacts are still there.
  [[nodiscard]] Result<std::optional<kernel::BuildRecord>> find(const std::string& key) const;
  /// record() and link() in one transaction.
  Status record_for_run(int64_t run_id, const RunBuildRow& row, WallTime when);
  /// The run's cell uses the build of this key, which is recorded already.
  Status link(int64_t run_id, const std::string& variant, const std::string& config,
              const std::string& key, bool from_cache);
  /// In the order of the run's cells, prefixes of the series last.
  [[nodiscard]] Result<std::vector<RunBuildRow>> of_run(int64_t run_id) const;

 private:
  Database* database_;
};

}  // namespace kiln::db
