#pragma once
/// Who holds which machine: sessions' leases, holds of people, and the ends that came too late.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/db/database.h"

namespace kiln::db {

/// A session that holds its machine.
struct LeaseRow {
  uint64_t lease = 0;
  int64_t session_id = 0;
  int64_t run_id = 0;
  std::string key;  ///< of the planned session
  std::string machine, user;
  std::string purpose;
  WallTime until{};
};

/// A machine that a person has borrowed.
struct HoldRow {
  uint64_t lease = 0;
  std::string machine, user, reason;
  WallTime from{}, until{};
};

/// The end of a session that does not count.
struct DuplicateRow {
  int64_t session_id = 0;
  uint64_t lease = 0;
  std::string machine, reason;
  WallTime received{};
  std::string done;  ///< kiln.v1.SessionDone
};

/// Safe for concurrent use, as the Database is; the Database must outlive it.
class LeaseTable {
 public:
  explicit LeaseTable(Database& database) : database_(&database) {}

  /// Sessions that hold their machine, by lease.
  [[nodiscard]] Result<std::vector<LeaseRow>> open() const;
  /// The highest number that was ever given out, 0 = none.
  [[nodiscard]] Result<uint64_t> newest() const;
  /// The session holds its machine no longer; its row stays as it is.
  Status end(int64_t session_id);

  /// kConflict when somebody has the machine.
  Status add_hold(const HoldRow& hold);
  Status extend_hold(uint64_t lease, WallTime until);
  /// Ended again: nothing changes.
  Status end_hold(uint64_t lease, const std::string& by, WallTime now);
  [[nodiscard]] Result<std::vector<HoldRow>> holds() const;

  /// The same again: nothing changes.
  Status add_duplicate(const DuplicateRow& row);
  [[nodiscard]] Result<std::vector<DuplicateRow>> duplicates(int limit) const;

 private:
  Database* database_;
};

}  // namespace kiln::db
