#pragma once
/// Known issues: the filters, who changed them, how they are used, and what they are matched with.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/db/database.h"
#include "lib/db/verdict_table.h"
#include "lib/known/filter.h"
#include "lib/verdict/verdict.h"

namespace kiln::db {

/// One change of a filter.
struct KnownAuditRow {
  int64_t id = 0;
  int64_t filter_id = 0;
  WallTime time{};
  std::string who;
  std::string action;                   ///< "added" | "edited" | "removed"
  std::optional<known::Filter> before;  ///< none: added
  std::optional<known::Filter> after;   ///< none: removed
  int runs = 0;                         ///< that got a new verdict by it
  int findings = 0;                     ///< that changed
};

/// How a filter was used by the newest verdicts.
struct KnownUseRow {
  known::Filter filter;
  int64_t last_run = 0;  ///< in which it covered something; 0 = none
  std::optional<WallTime> last_match;
  int runs_since = 0;  ///< judged runs after last_run, or all
  int findings = 0;    ///< that it makes known
};

/// An occurrence of a stored finding, for matching.
struct KnownSeen {
  verdict::Occurrence what;
  std::string machine;
  std::vector<std::string> tags;
  std::optional<verdict::ResultRow> result;    ///< after load_words(), when there is one
  std::vector<verdict::KernelReport> reports;  ///< after load_words(): those that belong to it
};

/// One test of one finding of a run's newest verdict: what filters make known, or not.
struct KnownUnit {
  int64_t run_id = 0;
  WallTime ended{};
  std::string finding, cls, bare_class, summary;
  std::vector<int64_t> known;  ///< filters that cover the finding
  bool only_patched = false;
  std::string test;
  std::vector<KnownSeen> seen;
};

/// A verdict to be stored with a change of the filters.
struct NewVerdict {
  int64_t run_id = 0;
  VerdictRow verdict;
};

/// Safe for concurrent use, as the Database is; the Database must outlive it.
class KnownTable {
 public:
  explicit KnownTable(Database& database) : database_(&database) {}

  /// By id; removed ones only when asked for.
  [[nodiscard]] Result<std::vector<known::Filter>> list(bool with_removed = false) const;
  /// kNotFound: "there is no known issue 3".
  [[nodiscard]] Result<known::Filter> get(int64_t id) const;
  /// A number that tells whether filters or verdicts have changed since.
  [[nodiscard]] Result<int64_t> stamp() const;
  /// An id for a new filter; it is not in force before change() stores it.
  Result<int64_t> reserve(const known::Filter& filter);
  /// The filter as `audit.after` has it (or removed), its audit and the verdicts that follow from
  /// it, all or nothing. kConflict when stamp() is another one than that given.
  Status change(const KnownAuditRow& audit, const std::vector<NewVerdict>& verdicts, int64_t stamp);
  /// Newest first; of one filter, or of all (0).
  [[nodiscard]] Result<std::vector<KnownAuditRow>> audit(int64_t filter_id, int limit) const;
  [[nodiscard]] Result<std::vector<KnownUseRow>> uses(bool with_removed) const;

  /// Tests of findings that filters may cover, without words; in the order of runs. Only those that
  /// one or two globs match; none = all.
  [[nodiscard]] Result<std::vector<KnownUnit>> units(
      const std::vector<std::string>& tests = {}) const;
  /// The words that expressions and signatures are matched with.
  Status load_words(std::span<KnownSeen*> seen) const;
  /// Judged runs, and the results of their newest verdicts.
  [[nodiscard]] Result<std::pair<int, int64_t>> judged() const;

 private:
  Database* database_;
};

}  // namespace kiln::db
