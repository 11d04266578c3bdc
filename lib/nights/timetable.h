#pragma once
/// What a timetable wants at an instant: which planned times are to be started, and what became of
/// the others. Pure: it knows no clock and no store, and the same input gives the same answer.
///
/// A *planned time* is one that the cron expression names; it is *due* when the timetable's jitter
/// has passed, too. (timetable, planned time) is the key of everything: whoever keeps what was
/// decided under that key, and asks again after a crash, starts nothing twice.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/clock.h"
#include "lib/cron/next.h"

namespace kiln::nights {

/// A planned time that passed while nobody looked: the controller was down, or its clock was put
/// forward.
enum class Missed {
  kRunOnce,  ///< the newest of them is started late, up to `max_late`
  kSkip,
};

/// A planned time that is due while an earlier run of the timetable is under way.
enum class Overlap {
  kSkip,
  kQueue,  ///< it waits; at most one does, and a later one takes its place
};

/// So late a start is still on time: a controller looks at its timetables only so often.
inline constexpr Millis kOnTime = std::chrono::minutes(5);

struct Timetable {
  std::string name;
  cron::Expression when;
  cron::Zone zone = cron::Zone::utc();
  Millis jitter{0};  ///< started up to so much later, always by the same time
  Missed missed = Missed::kRunOnce;
  Millis max_late = std::chrono::hours(6);
  Overlap overlap = Overlap::kSkip;
  bool paused = false;
  WallTime since{};  ///< added or resumed then: planned times up to it are none of its business
};

/// What was decided before.
struct Past {
  /// The newest planned time with a decision, of those that are not after now.
  std::optional<WallTime> decided;
  std::optional<WallTime> waiting;  ///< the planned time that waits for a run to end
  std::string running;              ///< "run 412", what is under way; "" = nothing
  /// Somebody has been there since, and only busy: what became due after it is on time.
  std::optional<WallTime> watched_since{};
};

struct Decision {
  enum class What { kStart, kQueue, kSkip, kMissed };
  What what = What::kStart;
  WallTime planned{};
  int count = 1;       ///< of planned times it stands for, `planned` is the last of them
  std::string reason;  ///< for people; "" = nothing to say
  bool operator==(const Decision&) const = default;
};

struct Outlook {
  std::vector<Decision> decisions;  ///< in the order in which they are to be kept
  std::optional<WallTime> wake;     ///< nothing becomes due before it; nullopt: never
};

/// Counting missed times ends here.
inline constexpr int kMostCounted = 1000;

Outlook decide(const Timetable& timetable, const Past& past, WallTime now);

/// How much later than planned: 0 <= it < max(1 ms, `most`), the same for the same name on every
/// computer.
Millis jitter_of(std::string_view name, Millis most);

/// The next times it starts at, jitter included; none while it is paused.
std::vector<WallTime> next_starts(const Timetable& timetable, WallTime now, size_t count);

}  // namespace kiln::nights
