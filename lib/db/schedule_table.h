#pragma once
/// Timetables and their firings: what became of each planned time.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/db/database.h"

namespace kiln::db {

/// A job that starts by itself.
struct ScheduleRow {
  int64_t id = 0;
  std::string name;
  std::string cron, zone;
  std::string job_file;
  Millis jitter{0};
  std::string missed = "run-once";  ///< | "skip"
  Millis max_late{0};
  std::string overlap = "skip";    ///< | "queue"
  std::string unchanged = "skip";  ///< | "run"
  WallTime since{};                ///< added or resumed then
  std::optional<WallTime> paused;
  WallTime added{};
  std::string added_by;
  std::optional<WallTime> removed;
};

/// One planned time, or one start that a person asked for. (schedule_id, key) names it for ever.
///
///   waiting -> starting -> started -> ended
///      |          |-> skipped (nothing changed), failed
///      `-> skipped                        missed and skipped may also be its first state
struct FiringRow {
  int64_t schedule_id = 0;
  std::string key;
  WallTime planned{};
  bool by_hand = false;
  std::string state;
  WallTime decided{};  ///< when its state came to be
  int64_t run_id = 0;  ///< 0 = none
  int count = 1;       ///< planned times it stands for, `planned` is the last
  std::string reason;
  bool operator==(const FiringRow&) const = default;
};

/// A run that a timetable started, as its later nights look at it.
struct NightRow {
  int64_t run_id = 0;
  std::string run_state;
  std::string source_tree, job_digest;
  std::string result;  ///< of the newest verdict, "" = none
  int results_planned = 0, results_got = 0;
  WallTime planned{};
};

/// Safe for concurrent use, as the Database is; the Database must outlive it.
class ScheduleTable {
 public:
  explicit ScheduleTable(Database& database) : database_(&database) {}

  /// Its id. The very same one again (but for times): the one that is there. kConflict when another
  /// has the name.
  Result<int64_t> add(const ScheduleRow& schedule);
  /// By name.
  [[nodiscard]] Result<std::vector<ScheduleRow>> list(bool with_removed = false) const;
  /// The one in force; else, with `removed`, the newest removed one. kNotFound: "there is no
  /// schedule `x`".
  [[nodiscard]] Result<ScheduleRow> get(const std::string& name, bool removed = false) const;
  /// Each of the three again: nothing changes. kNotFound as get().
  Status pause(const std::string& name, WallTime when);
  Status resume(const std::string& name, WallTime when);
  Status remove(const std::string& name, WallTime when);

  /// A new firing, or a step of an old one as the drawing above has them; whether anything was
  /// written. A step from anywhere else changes nothing.
  Result<bool> put(const FiringRow& firing);
  /// The newest planned time with a decision, of those until `now`; what people asked for does not
  /// count.
  [[nodiscard]] Result<std::optional<WallTime>> decided(int64_t schedule_id, WallTime now) const;
  /// Those that wait, start or run, of all schedules, also of removed ones.
  [[nodiscard]] Result<std::vector<FiringRow>> open() const;
  [[nodiscard]] Result<std::optional<FiringRow>> find(int64_t schedule_id,
                                                      const std::string& key) const;
  /// Newest first.
  [[nodiscard]] Result<std::vector<FiringRow>> firings(int64_t schedule_id, int limit) const;

  /// Which schedule started the run.
  [[nodiscard]] Result<std::optional<ScheduleRow>> of_run(int64_t run_id) const;
  /// Its runs before `before` (0 = all), newest first.
  [[nodiscard]] Result<std::vector<NightRow>> nights(int64_t schedule_id, int64_t before,
                                                     int limit) const;

 private:
  Database* database_;
};

}  // namespace kiln::db
