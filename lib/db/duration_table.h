#pragma once
/// What steps took on this computer before: the history behind a plan's estimate.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/db/database.h"

namespace kiln::db {

/// Of the newest samples of one kind, seconds.
struct DurationSpread {
  size_t samples = 0;
  double low = 0;  ///< 10th percentile
  double median = 0;
  double high = 0;  ///< 90th percentile
};

/// Safe for concurrent use, as the Database is; the Database must outlive it.
class DurationTable {
 public:
  static constexpr int kKept = 50;  ///< a kind

  explicit DurationTable(Database& database) : database_(&database) {}

  /// `source` says what took it ("build KEY", "session 12"): reported again it counts once.
  Status add(const std::string& kind, const std::string& source, double seconds, WallTime when);
  /// Likewise, and returns at once; it may be lost with the process.
  void post(const std::string& kind, const std::string& source, double seconds, WallTime when);
  /// kind -> seconds, newest last: job::History.
  [[nodiscard]] Result<std::map<std::string, std::vector<double>>> history() const;
  /// nullopt when there is no sample of the kind.
  [[nodiscard]] Result<std::optional<DurationSpread>> spread(const std::string& kind) const;

 private:
  Database* database_;
};

}  // namespace kiln::db
