#pragma once
/// When an expression comes true on a zone's clock. Pure.
///
/// Daylight saving: a time of day that does not exist on a day, because the clock is put forward
/// over it, counts as the first instant after the gap; several such times count once. A time that
/// comes twice, because the clock is put back, counts the first time only: also `*/5 * * * *` rests
/// while the hour comes again.
#include <optional>
#include <vector>

#include "lib/cron/expression.h"
#include "lib/cron/zone.h"

namespace kiln::cron {

/// The first time later than `after`; nullopt only when `after` lies beyond the year 9000 or before
/// 1900.
std::optional<WallTime> next_after(const Expression& expression, const Zone& zone, WallTime after);

/// The next `count` times after it.
std::vector<WallTime> next_times(const Expression& expression, const Zone& zone, WallTime after,
                                 size_t count);

/// The last time that is not later than `limit` and later than `after`; nullopt when there is none.
/// However far the two are apart, it looks at few times only.
std::optional<WallTime> last_until(const Expression& expression, const Zone& zone, WallTime after,
                                   WallTime limit);

}  // namespace kiln::cron
