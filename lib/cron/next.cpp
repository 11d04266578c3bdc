#include "lib/cron/next.h"

#include <algorithm>

namespace kiln::cron {
namespace {

using std::chrono::days;
using std::chrono::minutes;
using std::chrono::sys_days;
using std::chrono::year;

constexpr WallTime kEarliest = sys_days{year{1900} / 1 / 1};
constexpr WallTime kLatest = sys_days{year{9000} / 1 / 1};
constexpr int kMostDays = 146'098;  // after 400 years the calendar repeats

}  // namespace

std::optional<WallTime> next_after(const Expression& expression, const Zone& zone, WallTime after) {
  if (after < kEarliest || after > kLatest) return std::nullopt;
  const LocalTime from = zone.local(after);
  std::chrono::local_days day = std::chrono::floor<days>(from);
  auto first = std::chrono::floor<minutes>(from - day).count();
  for (int i = 0; i < kMostDays; ++i, day += days{1}, first = 0) {
    if (!expression.names_day(day)) continue;
    for (auto minute = first; minute < 24 * 60; ++minute) {
      if (!expression.hours[static_cast<size_t>(minute / 60)]) {
        minute += 59 - minute % 60;
        continue;
      }
      if (!expression.minutes[static_cast<size_t>(minute % 60)]) continue;
      // Not every reading after `from` is an instant after `after`: an hour that comes again.
      const WallTime at = zone.instant(day + minutes{minute});
      if (at > after) return at;
    }
  }
  return std::nullopt;
}

std::vector<WallTime> next_times(const Expression& expression, const Zone& zone, WallTime after,
                                 size_t count) {
  std::vector<WallTime> out;
  while (out.size() < count) {
    const auto next = next_after(expression, zone, after);
    if (!next) break;
    out.push_back(*next);
    after = *next;
  }
  return out;
}

std::optional<WallTime> last_until(const Expression& expression, const Zone& zone, WallTime after,
                                   WallTime limit) {
  after = std::max(after, kEarliest);
  // From the end backwards in steps that grow, so that what comes often is not counted through.
  for (minutes back{64};; back *= 32) {
    const WallTime from = std::max(after, limit - back);
    std::optional<WallTime> found;
    for (auto next = next_after(expression, zone, from); next && *next <= limit;
         next = next_after(expression, zone, *next))
      found = next;
    if (found || from <= after) return found;
  }
}

}  // namespace kiln::cron
