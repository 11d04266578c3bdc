#pragma once
/// What runs concluded, each time they were judged, and the findings of the newest time.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/db/database.h"
#include "lib/verdict/verdict.h"

namespace kiln::db {

/// A finding for lists and filters; the report has all of it.
struct FindingRow {
  std::string name;        ///< "f3"
  std::string cls;         ///< of kiln.v1.Finding
  std::string bare_class;  ///< what it is without known issues
  std::string test;
  std::string subject;         ///< what it is about, the same in every run
  std::vector<int64_t> known;  ///< filters that together cover it
  bool only_patched = false;
  std::string summary;
  std::string detail{};  ///< bytes of a kiln.v1.Finding; not filled by lists
};

/// How much a filter covered in a run.
struct KnownHit {
  int64_t filter_id = 0;
  int occurrences = 0;
  int findings = 0;
};

/// One verdict on a run: the figures for lists, what filters look at, and the report.
struct VerdictRow {
  int64_t id = 0;  ///< 0 = not stored yet
  std::string result;
  int exit_code = 3;
  std::string headline;
  int results_planned = 0, results_got = 0;
  int regressions = 0, fixes = 0, warnings = 0, flaky = 0, lost = 0, known = 0;
  WallTime judged{};
  int rules = 0;              ///< verdict::kRulesVersion; 0 = of a Kiln that did not count them
  std::string cause = "run";  ///< "run", "judge", "known 3 added" ...
  std::string report;         ///< bytes of the report; not filled by lists

  // Of the newest verdict alone; written with it, read by the functions for it.
  std::vector<FindingRow> findings;
  std::vector<verdict::Occurrence> occurrences;
  std::vector<KnownHit> hits;
};

/// Safe for concurrent use, as the Database is; the Database must outlive it.
class VerdictTable {
 public:
  explicit VerdictTable(Database& database) : database_(&database) {}

  /// The newest verdict of a run from now on; older ones are kept, their findings are not. One that
  /// says the same by the same rules is not stored twice. kNotFound: "run 12 does not exist".
  Status add(int64_t run_id, const VerdictRow& verdict);
  /// The newest, with its report.
  [[nodiscard]] Result<std::optional<VerdictRow>> newest(int64_t run_id) const;
  /// Newest first, without reports.
  [[nodiscard]] Result<std::vector<VerdictRow>> all(int64_t run_id) const;
  /// Findings of the newest verdict, in their order; none when there is no verdict.
  [[nodiscard]] Result<std::vector<FindingRow>> findings(int64_t run_id) const;
  /// What the newest verdict's findings rest on.
  [[nodiscard]] Result<std::vector<verdict::Occurrence>> occurrences(int64_t run_id) const;

 private:
  Database* database_;
};

/// "3 7" and back: how lists of ids stand in one column. What is no number is left out.
std::string join_ids(const std::vector<int64_t>& ids);
std::vector<int64_t> split_ids(const std::string& text);

}  // namespace kiln::db
