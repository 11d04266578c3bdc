#pragma once
/// Which runs keep their artifacts, who keeps them, and what all runs together refer to.
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/db/database.h"
#include "lib/keep/rules.h"

namespace kiln::db {

/// That a person keeps a run.
struct KeptRow {
  int64_t run_id = 0;
  std::string job_name, title;
  WallTime since{};
  std::string by, why;
};

/// Safe for concurrent use, as the Database is; the Database must outlive it.
class RetentionTable {
 public:
  explicit RetentionTable(Database& database) : database_(&database) {}

  /// Of each run that has its artifacts, oldest first: what the rules look at.
  [[nodiscard]] Result<std::vector<keep::RunFacts>> facts() const;
  /// Decides by the rules and lets go of what none keeps, in one transaction: whoever keeps a run
  /// meanwhile comes before or after. The ids that were let go.
  Result<std::set<int64_t>> clear(const keep::Rules& rules, WallTime now);

  /// kNotFound: no such run; kConflict: its artifacts are gone already. Again: the newer words
  /// hold.
  Status keep(const KeptRow& row);
  /// Only the rules decide from now on; kNotFound.
  Status let_go(int64_t run_id);
  /// Newest first.
  [[nodiscard]] Result<std::vector<KeptRow>> kept() const;
  /// Whether and by whom that run is kept; nullopt = by nobody.
  [[nodiscard]] Result<std::optional<KeptRow>> kept(int64_t run_id) const;
  /// When the run's artifacts were let go of; nullopt when it has them, or there is no such run.
  [[nodiscard]] Result<std::optional<WallTime>> cleared(int64_t run_id) const;

  /// Each artifact that a build or a session of a run that has its artifacts names: what a sweep of
  /// the store must keep. `as_cleared`: as if these runs had been let go of, too.
  [[nodiscard]] Result<std::set<std::string>> live_digests(
      const std::set<int64_t>& as_cleared = {}) const;
  /// Folders of jobs that were handed in, of runs that keep their artifacts.
  [[nodiscard]] Result<std::set<std::string>> live_bundles(
      const std::set<int64_t>& as_cleared = {}) const;
  /// Sessions of runs whose artifacts are gone.
  [[nodiscard]] Result<std::set<int64_t>> cleared_sessions(
      const std::set<int64_t>& as_cleared = {}) const;

 private:
  Database* database_;
};

}  // namespace kiln::db
