#pragma once
/// Tests and metrics over many runs. Reads in small steps: a long look holds up nobody who writes.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/db/database.h"

namespace kiln::db {

struct HistoryRun {
  int64_t id = 0;
  std::string job_name;
  std::optional<WallTime> finished{};
  int results_planned = 0, results_got = 0;
};

/// How a test ended in one boot.
struct TestBoot {
  int64_t run_id = 0;
  int64_t session_id = 0;
  std::string variant, config, outcome;
};

/// A boot in which a test made a finding.
struct TestTrouble {
  int64_t run_id = 0;
  int64_t session_id = 0;
  std::string test, cls;  ///< the finding's class
};

struct MetricValue {
  int64_t run_id = 0;
  std::optional<WallTime> finished{};
  std::string machine, config, variant, unit;
  double value = 0;
};

struct MetricFilter {
  std::string metric, machine, config, variant;  ///< "" = any, but for the metric
  int runs = 200;                                ///< newest so many
};

/// Safe for concurrent use, as the Database is; the Database must outlive it.
class HistoryTable {
 public:
  explicit HistoryTable(Database& database) : database_(&database) {}

  /// The newest judged ones, newest first. `job` is a glob, "" = all.
  [[nodiscard]] Result<std::vector<HistoryRun>> runs(const std::string& job,
                                                     const std::string& machine, int limit) const;
  /// Of these runs, newest first.
  [[nodiscard]] Result<std::vector<TestTrouble>> troubles(const std::vector<int64_t>& runs,
                                                          const std::string& test) const;
  /// Tests that gave a result in the run, in their order.
  [[nodiscard]] Result<std::vector<std::string>> tests_of(int64_t run_id,
                                                          const std::string& test) const;
  /// Boots of these runs that tested anything, without outcomes; in their order.
  [[nodiscard]] Result<std::vector<TestBoot>> sessions(const std::vector<int64_t>& runs) const;
  /// How one test ended in those of the boots that ran it; both in the order of the sessions.
  [[nodiscard]] Result<std::vector<TestBoot>> boots(const std::string& test,
                                                    const std::vector<TestBoot>& sessions) const;

  [[nodiscard]] Result<std::vector<std::string>> metrics() const;
  /// Oldest first.
  [[nodiscard]] Result<std::vector<MetricValue>> values(const MetricFilter& filter) const;

 private:
  Database* database_;
};

}  // namespace kiln::db
