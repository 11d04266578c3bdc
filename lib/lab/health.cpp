#include "lib/lab/health.h"

#include <algorithm>

namespace kiln::lab {

WallTime next_check(const HealthHistory& history, const HealthRules& rules) {
  if (history.failed <= 0) return history.quarantined + rules.first;
  Millis wait = rules.first;
  for (int i = 0; i < history.failed && wait < rules.longest; ++i) wait *= 2;
  return history.last_failed + std::min(wait, rules.longest);
}

}  // namespace kiln::lab
