#pragma once
/// Keeps the timetables: starts what is due, once, and follows its runs to their ends.
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <utility>

#include "lib/base/clock.h"
#include "lib/base/sync.h"
#include "lib/db/schedule_table.h"
#include "lib/nights/night.h"
#include "lib/nights/timetable.h"

namespace kiln::controller {

/// One start. `key` names it for ever: asked again with it, after a crash or an error, the lab
/// answers with the run that it started then, or starts it now.
struct StartAsk {
  std::string key;  ///< "7/2026-11-29T00:30:00.000Z"
  std::string job_file;
  std::string schedule;  ///< its name, for people
  WallTime planned{};
};

/// A run of a timetable that came to its end.
struct RunEnd {
  std::string key;  ///< of its start
  std::string schedule;
  std::string job_file;
  int64_t run_id = 0;
};

/// What the keeper needs of the lab; the functions are called by its thread, one at a time.
struct KeeperParts {
  const Clock& clock;
  db::Database& database;
  /// Source and digest of the job as it is now: a moving ref is looked up. Takes as long as
  /// fetching takes; ends early when stopped. Null: nights are never skipped because nothing
  /// changed.
  std::function<Result<nights::Print>(const std::string& job_file, std::stop_token stop)> look;
  /// Puts the job in the queue and returns its run. kBadInput, kNotFound and kPermission are for
  /// good; after other errors it is tried again.
  std::function<Result<int64_t>(const StartAsk& ask)> start;
  /// Whether the run is still to come to its end. kNotFound when there is no such run.
  std::function<Result<bool>(int64_t run_id)> is_running;
  /// A line for the log; may be null.
  std::function<void(const std::string& line)> log{};
  /// What follows from a run's end; what it says is for the log, "" = nothing. Told again after a
  /// crash. May be null.
  std::function<Result<std::string>(const RunEnd& end)> ended{};
};

/// Every decision is a row before anything follows from it: killed at any instant and started
/// again, it goes on, and starts nothing twice. Thread-safety: look() is for the keeper's thread,
/// or for a caller that never calls start(); the rest is safe for concurrent use.
class Keeper {
 public:
  explicit Keeper(KeeperParts parts) : parts_(std::move(parts)) {}
  ~Keeper() { stop(); }
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  /// Begins to look, on a thread of its own.
  void start();
  /// Ends the thread; runs go on.
  void stop();
  /// Something changed: it looks at once.
  void wake();
  /// Returns when a look that began after this call has ended, or at the time-out; whether it did.
  bool wait_for_look(Millis timeout);

  /// One look at all timetables; when the next one is due, not later than in half a minute: so a
  /// clock that was changed and runs that ended are seen.
  WallTime look(const std::stop_token& stop = {});

 private:
  /// One timetable in a look.
  struct Desk {
    db::ScheduleRow row;
    std::vector<db::FiringRow> open;
  };
  /// A start that failed and may succeed later.
  struct Retry {
    int tries = 0;
    std::chrono::steady_clock::time_point next{};
  };
  using Key = std::pair<int64_t, std::string>;

  Result<std::map<int64_t, Desk>> read_desks();
  void follow_runs(Desk* desk);
  std::string tell_end(const Desk& desk, const db::FiringRow& firing) const;
  void start_open(Desk* desk, const std::stop_token& stop);
  std::optional<WallTime> decide(Desk* desk, const std::stop_token& stop);
  void keep(Desk* desk, const nights::Decision& decision, const std::stop_token& stop);
  void launch(Desk* desk, db::FiringRow firing, const std::stop_token& stop);
  /// Why it is not to be started; nullopt: it is.
  Result<std::optional<std::string>> why_not(const Desk& desk, const db::FiringRow& firing,
                                             const std::stop_token& stop);
  void put_off(Desk* desk, db::FiringRow firing, const Error& error);
  /// Stores the step and keeps the desk's list of open firings; whether it was written.
  bool put(Desk* desk, db::FiringRow firing, const std::string& state, const std::string& reason);
  void say(const std::string& line) const {
    if (parts_.log) parts_.log(line);
  }
  void run(const std::stop_token& stop);

  /// Since when the keeper has been there: when the look before this one began, if it was busy with
  /// that since and no clock was changed; else now.
  WallTime watched_since();

  KeeperParts parts_;
  std::map<Key, Retry> retries_;  ///< of look()
  struct Moment {
    WallTime wall{};
    std::chrono::steady_clock::time_point steady{};
  };
  std::optional<Moment> last_look_;  ///< when it began
  WallTime watched_since_{};
  struct Signals {
    bool woken = false;
    uint64_t begun = 0;
    uint64_t ended = 0;
  };
  Sync<Signals> signals_;
  std::jthread thread_;
};

}  // namespace kiln::controller
