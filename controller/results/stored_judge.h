#pragma once
/// Judges a run from its rows alone: what its driver does at the end, and what anybody may do
/// again.
#include <optional>
#include <string>
#include <vector>

#include "kiln/v1/report.pb.h"
#include "lib/base/clock.h"
#include "lib/db/database.h"
#include "lib/db/run_table.h"
#include "lib/known/filter.h"
#include "lib/verdict/verdict.h"

namespace kiln::results {

/// A verdict, as it is shown and as it is stored.
struct JudgedRun {
  v1::RunReport report;  ///< whole but for its sessions
  db::VerdictRow row;    ///< `report` of it holds the same bytes
};

/// Thread-safety as the Database has it; it must outlive this.
class StoredJudge {
 public:
  explicit StoredJudge(db::Database& database) : db_(&database) {}

  /// All that the verdict looks at, out of the database and the stored report (`reach` alone is
  /// kept there). `run` may differ from the stored row: its end that is being written. kNotFound
  /// when the run is of a Kiln that did not keep its job.
  [[nodiscard]] Result<verdict::Input> input(const db::RunRow& run, const v1::RunReport& base,
                                             const std::vector<known::Filter>& filters,
                                             WallTime now) const;

  /// Judges. `base` gives the parts of the report that are no judgement (series, builds, cells);
  /// `cause` is kept with the verdict.
  [[nodiscard]] Result<JudgedRun> judge(const db::RunRow& run, v1::RunReport base,
                                        const std::vector<known::Filter>& filters,
                                        const std::string& cause, WallTime now) const;

  /// A run that has a verdict, again: with its stored report as base.
  [[nodiscard]] Result<JudgedRun> judge_again(int64_t run_id,
                                              const std::vector<known::Filter>& filters,
                                              const std::string& cause, WallTime now) const;

 private:
  [[nodiscard]] Status add_predecessor(int64_t run_id, const verdict::Input& input,
                                       const verdict::Output& output, v1::RunReport* report) const;
  db::Database* db_;
};

/// The figures of a judged report; `row` gets its bytes, too.
db::VerdictRow to_verdict_row(const v1::RunReport& report, const std::string& cause,
                              WallTime judged);

/// A stored verdict's figures as the message has them; its reasons are in the report alone.
void fill_verdict(const db::VerdictRow& row, v1::Verdict* verdict);

}  // namespace kiln::results
