#pragma once
/// What happened in a run, numbered.
#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/db/database.h"

namespace kiln::db {

struct EventRow {
  int64_t seq = 0;
  WallTime time{};
  std::string kind, text, cell;
  int64_t session_id = 0;
  std::string state;
  int done = 0, total = 0;
  double elapsed_seconds = 0, remaining_seconds = 0;
};

/// Safe for concurrent use, as the Database is; the Database must outlive it.
class EventTable {
 public:
  explicit EventTable(Database& database) : database_(&database) {}

  /// Its number: event.seq, or the next one when that is 0. A number that is taken keeps what it
  /// has.
  Result<int64_t> append(int64_t run_id, const EventRow& event);
  /// Likewise, and returns at once: it is on disk before whatever is written later.
  void post(int64_t run_id, EventRow event);
  /// Events with seq >= from_seq, at most `limit`.
  [[nodiscard]] Result<std::vector<EventRow>> from(int64_t run_id, int64_t from_seq,
                                                   int limit = 1000) const;
  /// 0 when there is none.
  [[nodiscard]] Result<int64_t> last_seq(int64_t run_id) const;

 private:
  Database* database_;
};

}  // namespace kiln::db
