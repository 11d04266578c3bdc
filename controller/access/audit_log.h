#pragma once
/// The audit: calls that were refused or changed something. Taking an entry never waits for the
/// disk; a thread of its own writes them. Refusals that repeat are counted into one entry.
/// Safe for concurrent use.
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "lib/access/rows.h"
#include "lib/base/clock.h"
#include "lib/base/sync.h"
#include "lib/db/access_table.h"

namespace kiln::controller {

struct AuditOptions {
  int64_t keep = 100'000;  ///< entries in the database
  size_t queue = 4096;     ///< entries that wait for the disk; what is beyond is counted and lost
  size_t kinds = 256;      ///< different refusals that are counted at a time
  Millis window{60'000};   ///< in which the same refusal is one entry
};

/// A line for the log of the program; must not wait, may be called by any thread.
using LogLine = std::function<void(const std::string& line)>;

class AuditLog {
 public:
  /// The database and the clock must outlive it.
  AuditLog(db::Database& database, const Clock& clock, LogLine log, AuditOptions options = {});
  /// Writes what is left.
  ~AuditLog();
  AuditLog(const AuditLog&) = delete;
  AuditLog& operator=(const AuditLog&) = delete;

  /// Its time is now when it has none.
  void record(access::AuditEntry entry);
  /// The first of its kind is recorded and logged at once; those that follow within the window are
  /// one entry at the window's end.
  void refused(access::AuditEntry entry);
  /// A token was used; its row is told so, not more often than every few minutes.
  void used(const std::string& token_id);
  /// All that was taken before is in the database, or `wait` is over: false.
  bool flush(Millis wait = Millis(5000));

 private:
  struct Kind {
    access::AuditEntry first;
    std::chrono::steady_clock::time_point since;
    int more = 0;
  };
  struct State {
    std::deque<access::AuditEntry> entries;
    std::map<std::string, Kind> kinds;
    std::map<std::string, WallTime> uses;  ///< by token: to be written
    std::map<std::string, WallTime> used;  ///< by token: last written
    uint64_t lost = 0;
    uint64_t asked = 0;    ///< flush() calls
    uint64_t written = 0;  ///< the newest of them that was served
    bool stop = false;
  };
  struct Batch {
    std::vector<access::AuditEntry> entries;
    std::map<std::string, WallTime> uses;
    uint64_t asked = 0;
    bool stop = false;
  };

  void put(State& state, access::AuditEntry entry);
  /// Refusals whose window is over (or all) become entries.
  void close_windows(State& state, bool all);
  Batch next_batch();
  void write(const Batch& batch);
  void run();
  void say(const std::string& line) const;

  db::AccessTable table_;
  const Clock& clock_;
  const LogLine log_;
  const AuditOptions options_;
  Sync<State> state_;
  bool failing_ = false;  ///< the thread's own: the disk refused the last batch
  std::thread thread_;    ///< last: it uses all of the above
};

}  // namespace kiln::controller
