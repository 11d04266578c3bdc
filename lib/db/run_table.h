#pragma once
/// Runs, their cells, and what they concluded.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/db/database.h"
#include "lib/db/verdict_table.h"

namespace kiln::db {

/// One execution of a job.
struct RunRow {
  int64_t id = 0;
  std::string job_digest;  ///< of all that was asked; find_unfinished() goes by it
  std::string job_name, title, job_file;
  std::string state = "running";  ///< "running" | "done" | "interrupted" | "failed"
  WallTime started{};
  std::optional<WallTime> finished;
  double elapsed_seconds = 0;  ///< of work, pauses between an interruption and going on left out
  std::string source, source_tree, kiln_version, toolchain, machine, igt_version;
  std::string error;
  uint64_t seed = 0;
  std::string repro_of;  ///< "412/f3": repeats that finding
  std::string user = "local";
  std::string priority = "interactive";  ///< lab::Priority's word
  std::string bundle;                    ///< the job and its files as handed in, "" = read in place
  std::string start_key{};               ///< asked again with it, it is this run; "" = none
  std::string checks_machine{};          ///< quarantined: does it work again? "" = any other run
};

struct CellRow {
  std::string variant, config, build_key, same_as;
  bool operator==(const CellRow&) const = default;
};

struct RunSummaryRow {
  RunRow run;
  std::optional<VerdictRow> verdict;
};

/// Safe for concurrent use, as the Database is; the Database must outlive it.
class RunTable {
 public:
  explicit RunTable(Database& database) : database_(&database) {}

  /// A new run with its cells; its id. The same job_digest and start again: the same run.
  Result<int64_t> create(const RunRow& run, const std::vector<CellRow>& cells);
  /// Replaces the cells: keys become known once the source is resolved.
  Status set_cells(int64_t run_id, const std::vector<CellRow>& cells);
  /// The newest run of this digest that did not come to its end (running, interrupted, or failed
  /// for want of disk, machine or time): it can go on.
  [[nodiscard]] Result<std::optional<RunRow>> find_unfinished(const std::string& job_digest) const;
  /// kNotFound: "run 12 does not exist".
  [[nodiscard]] Result<RunRow> get(int64_t run_id) const;
  [[nodiscard]] Result<std::vector<CellRow>> cells(int64_t run_id) const;
  /// Writes what is learned on the way: source, toolchain, machine, igt_version, seed, elapsed.
  Status update(const RunRow& run);
  /// Running again, or interrupted. A finished run stays as it is.
  Status set_state(int64_t run_id, const std::string& state, double elapsed_seconds);
  /// Runs that are "running" although nobody drives them (their process died) become
  /// "interrupted". Call it with the data folder's lock held; how many there were.
  Result<int> interrupt_abandoned();
  /// The run that was started with the key.
  [[nodiscard]] Result<std::optional<RunRow>> find_started(const std::string& start_key) const;
  /// Runs that are "running", oldest first: their process died, or stopped and left them.
  [[nodiscard]] Result<std::vector<RunRow>> running() const;
  /// How many of them are the user's.
  [[nodiscard]] Result<int> count_running(const std::string& user) const;
  /// The end: state, error, times and the verdict together. Again: the newer verdict holds.
  Status finish(const RunRow& run, const VerdictRow& verdict);
  /// Newest first; those older than `before` (0 = all).
  [[nodiscard]] Result<std::vector<RunSummaryRow>> list(int limit, int64_t before = 0) const;
  /// The newest run that somebody asked for; checks of machines are the lab's own. 0 = none.
  [[nodiscard]] Result<int64_t> newest() const;

 private:
  Database* database_;
};

}  // namespace kiln::db
