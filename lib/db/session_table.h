#pragma once
/// Sessions: one row an attempt of a planned boot, with all that came of it.
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/db/database.h"
#include "lib/verdict/verdict.h"

namespace kiln::db {

/// What was proved of the running kernel before a test counted.
struct IdentityRow {
  std::string release, kernel_build_id, boot_id, config_digest, cmdline;
  std::map<std::string, std::string> module_build_ids;
  int64_t high_total_kib = 0, mem_total_kib = 0, disk_free_kib = 0;
  int64_t taint = 0;
  bool proved = false;
  double clock_offset_seconds = 0;
};

struct PhaseTimeRow {
  std::string name;
  double seconds = 0;
};

/// A session as it is stored. What is known at its start comes first.
struct StoredSession {
  int64_t id = 0;
  int64_t run_id = 0;
  std::string key;  ///< of the planned session
  int attempt = 1;
  std::string purpose, variant, config;
  int pair = 0;
  bool patched_first = false;
  std::string build_key;
  std::vector<std::string> only_tests;
  std::string machine;
  std::vector<std::string> tags;  ///< of the machine
  bool emulated = true;
  uint64_t lease = 0;  ///< holds the machine while the session runs; 0 = no lease
  WallTime until{};    ///< its agent reports before that
  WallTime started{};

  std::string state = "running";  ///< "running" | "done"
  std::string ending;             ///< "tested" | "test-failed" | "infrastructure" | "cancelled"
  std::string error_class, error;
  double elapsed_seconds = 0;
  int restarts = 0;
  IdentityRow identity;
  hygiene::Conditions conditions;
  std::vector<PhaseTimeRow> phases;
  std::map<std::string, std::string> artifacts;  ///< "console" -> digest
  std::vector<verdict::ResultRow> results;
  std::vector<verdict::MeasurementRow> measurements;
  std::vector<verdict::KernelReport> kernel;
};

/// Safe for concurrent use, as the Database is; the Database must outlive it.
class SessionTable {
 public:
  explicit SessionTable(Database& database) : database_(&database) {}

  /// A session that starts; its id. The same run, key and attempt again: the same session.
  /// kConflict when another session holds the machine.
  Result<int64_t> open(const StoredSession& session);
  /// The end, with results, measurements, kernel reports and artifacts, all or nothing; what is
  /// known since its start (where, when) stays. The second end of a session changes nothing.
  /// kNotFound when there is no session of that id.
  Status finish(const StoredSession& session);
  /// Likewise, and returns at once: `then` is told when it is on disk, or why it is not. Whatever
  /// is written later finds it done.
  void finish_later(StoredSession session, std::function<void(Status)> then);
  /// Of the run, in the order they were opened, with all that came of them.
  [[nodiscard]] Result<std::vector<StoredSession>> of_run(int64_t run_id) const;
  /// kNotFound: "session 7 does not exist".
  [[nodiscard]] Result<StoredSession> get(int64_t session_id) const;
  /// How often the test was bad in boots of a baseline on this machine, in runs other than
  /// `run_id`: the newest kMostHistoryRuns of them. Skips count as not bad.
  Status look_up_history(int64_t run_id, const std::string& machine,
                         verdict::TestHistory* test) const;
  /// The newest boots of a baseline in which this machine ran all tests, without a restart, on a
  /// kernel that was proved to be the one: their ids, newest first, at most `limit`.
  [[nodiscard]] Result<std::vector<int64_t>> good_boots(const std::string& machine,
                                                        int limit) const;
  /// The metric in the boots of A/A pairs on this machine, in runs before `run_id`: the newest
  /// kMostCanaryPairs pairs, oldest first.
  Status look_up_canaries(int64_t run_id, const std::string& machine,
                          verdict::CanaryHistory* metric) const;
  /// How the machine was set in boots of a baseline, in runs before `run_id`: the newest
  /// verdict::kMostSettings that say anything, oldest first.
  [[nodiscard]] Result<std::vector<hygiene::Settings>> settings_before(
      int64_t run_id, const std::string& machine) const;
  /// The finished sessions of a run as the verdict wants them, in the order they were opened;
  /// cancelled ones say nothing and are left out.
  [[nodiscard]] Result<std::vector<verdict::SessionRow>> for_verdict(int64_t run_id) const;

 private:
  Database* database_;
};

/// One stored session as the verdict's row.
verdict::SessionRow to_verdict_row(StoredSession session);

}  // namespace kiln::db
