#pragma once
/// A change of the known issues: what it would change in stored runs, and doing it.
#include <optional>
#include <string>
#include <vector>

#include "kiln/v1/review.pb.h"
#include "lib/base/clock.h"
#include "lib/db/database.h"
#include "lib/known/filter.h"

namespace kiln::results {

/// Before and after; one of them may be missing: a new filter, a removed one.
struct KnownEdit {
  std::optional<known::Filter> before;
  std::optional<known::Filter> after;
};

/// Thread-safety as the Database has it; both must outlive this.
class KnownChanges {
 public:
  KnownChanges(db::Database& database, const Clock& clock) : db_(&database), clock_(&clock) {}

  /// What would change. Goes over the stored findings of all judged runs and their words, not over
  /// all results.
  [[nodiscard]] Result<v1::ChangeKnownReply> preview(const KnownEdit& edit) const;
  /// Stores the edit, its audit and the new verdicts of the runs that it changes. kBadInput for a
  /// filter that may not be stored, kConflict when runs and filters kept changing meanwhile.
  [[nodiscard]] Result<v1::ChangeKnownReply> apply(KnownEdit edit, const std::string& who) const;

 private:
  struct Plan;
  [[nodiscard]] Result<Plan> plan(const KnownEdit& edit) const;
  [[nodiscard]] Result<v1::ChangeKnownReply> try_apply(const KnownEdit& edit,
                                                       const std::string& who) const;
  db::Database* db_;
  const Clock* clock_;
};

}  // namespace kiln::results
