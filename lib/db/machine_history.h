#pragma once
/// What a machine did: its sessions, how they ended, and what it measured of itself. Reads in small
/// steps, by the index of its sessions.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/db/database.h"

namespace kiln::db {

struct MachineSession {
  int64_t id = 0;
  int64_t run_id = 0;
  std::string job_name, purpose, variant, config;
  std::string state;  ///< "running" | "done"
  std::string ending, error_class, error;
  std::optional<WallTime> started{};
  double seconds = 0;
  int restarts = 0;
};

/// Ended sessions of one kind since some time.
struct MachineEndings {
  std::string ending, error_class;
  int sessions = 0;
  double seconds = 0;  ///< of all of them
};

/// Safe for concurrent use, as the Database is; the Database must outlive it.
class MachineHistoryTable {
 public:
  explicit MachineHistoryTable(Database& database) : database_(&database) {}

  /// Newest first; only those before that session (0 = all).
  [[nodiscard]] Result<std::vector<MachineSession>> sessions(const std::string& machine,
                                                             int64_t before, int limit) const;
  /// Those that began after `since`; most frequent first.
  [[nodiscard]] Result<std::vector<MachineEndings>> endings(const std::string& machine,
                                                            WallTime since) const;
  /// Metrics of its newest A/A boots (so many of them), by name.
  [[nodiscard]] Result<std::vector<std::string>> canary_metrics(const std::string& machine,
                                                                int boots) const;

 private:
  Database* database_;
};

}  // namespace kiln::db
