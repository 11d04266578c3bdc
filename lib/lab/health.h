#pragma once
/// When a quarantined machine is looked at again. Pure.
#include "lib/base/clock.h"

namespace kiln::lab {

struct HealthRules {
  Millis first{60'000};       ///< after the quarantine began
  Millis longest{3'600'000};  ///< the wait doubles with each check that fails, up to this
};

/// What is known of a machine's checks since it was quarantined.
struct HealthHistory {
  WallTime quarantined{};
  int failed = 0;
  WallTime last_failed{};
};

/// The time of the next check.
WallTime next_check(const HealthHistory& history, const HealthRules& rules);

}  // namespace kiln::lab
