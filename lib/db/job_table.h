#pragma once
/// What runs were asked: the job as it was then, and the series under test.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/db/database.h"

namespace kiln::db {

/// A patch of the series under test.
struct PatchRow {
  std::string subject;
  std::string patch_id;
  bool operator==(const PatchRow&) const = default;
};

/// The series of a run, as its versions find each other (lib/series/versions.h).
struct SeriesRow {
  int64_t run_id = 0;
  std::string title;
  std::string title_key;   ///< without prefixes, lower case
  std::string author_key;  ///< the mail address, lower case
  std::string message_id;
  int version = 1;
  std::vector<std::string> answers;  ///< message ids that its mails answer to
  std::vector<PatchRow> patches;     ///< in order
};

/// Safe for concurrent use, as the Database is; the Database must outlive it.
class JobTable {
 public:
  explicit JobTable(Database& database) : database_(&database) {}

  /// The document (job::to_json) of a run, and its series when it has one. Again: replaced.
  /// kNotFound: "run 12 does not exist".
  Status put(int64_t run_id, const std::string& document, const std::optional<SeriesRow>& series);
  /// nullopt: the run is of a Kiln that did not keep it, or does not exist.
  [[nodiscard]] Result<std::optional<std::string>> get(int64_t run_id) const;
  [[nodiscard]] Result<std::optional<SeriesRow>> series(int64_t run_id) const;
  /// Series of judged runs before `run_id` that are of the same author or one of whose messages is
  /// answered to; newest first, at most `limit`. Runs that repeat a finding are none: they judge a
  /// part.
  [[nodiscard]] Result<std::vector<SeriesRow>> relatives(const SeriesRow& series,
                                                         int limit = 200) const;

  /// The series does not apply without this patch (from 1). Idempotent.
  Status set_not_revertible(int64_t run_id, int patch);
  [[nodiscard]] Result<std::vector<int>> not_revertible(int64_t run_id) const;

 private:
  Database* database_;
};

}  // namespace kiln::db
