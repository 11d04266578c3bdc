#pragma once
/// Cron expressions of five fields, as Vixie's cron reads them. Pure.
///
///   expression = minute hour day-of-month month day-of-week | macro
///   field      = item *("," item)
///   item       = "*" ["/" step] | value ["-" value ["/" step]]
///   value      = number | name                   (jan-dec, sun-sat; any case)
///   macro      = "@yearly" | "@annually" | "@monthly" | "@weekly" | "@daily" | "@midnight"
///              | "@hourly"
///
/// Day of week 0 and 7 are Sunday. A step counts from its range's begin.
#include <bitset>
#include <chrono>
#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace kiln::cron {

/// The longest expression that parse() looks at.
inline constexpr size_t kMaxLength = 256;

struct Expression {
  std::string text;  ///< as written
  std::bitset<60> minutes;
  std::bitset<24> hours;
  std::bitset<32> days;     ///< from 1
  std::bitset<13> months;   ///< from 1
  std::bitset<7> weekdays;  ///< 0 = Sunday
  bool any_day = false;     ///< the field begins with `*`
  bool any_weekday = false;

  /// Vixie's rule: where both day fields are restricted, a day that either names is meant; where
  /// one begins with `*` (also as `*/2`), both must name it. So `0 0 13 * fri` is each 13th and
  /// each Friday, and `0 0 */2 * fri` is each Friday of an odd day.
  [[nodiscard]] bool names_day(std::chrono::local_days day) const;

  bool operator==(const Expression&) const = default;
};

/// kBadInput with the column and what was expected there; also for an expression that never comes
/// true, as `0 0 30 2 *`.
Result<Expression> parse(std::string_view text);

}  // namespace kiln::cron
