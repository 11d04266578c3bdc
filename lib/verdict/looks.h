#pragma once
/// When a run looks at its pairs of boots: after each `pairs` of the job, up to `max_pairs`, so
/// that it ends where it is decided and goes on where it is not. Pure. docs/statistics.md, "Looks".
#include <optional>
#include <string>
#include <vector>

#include "lib/stats/looks.h"
#include "lib/verdict/pairs.h"

namespace kiln::verdict {

/// Of one config.
struct LookPlan {
  std::vector<int> taken;  ///< numbers of pairs at which it was looked, the present one last
  int last = 0;            ///< the number of the last pair that may be asked for
  int at_most = 0;         ///< looks in all, those taken included
};

/// Both sides of so many pairs of the config have ended, well or not.
int pairs_taken(const Input& input, const std::string& config);

LookPlan look_plan(const job::JobSpec& job, int pairs_taken);
/// The number of pairs at the next look; nullopt when there is none.
std::optional<int> next_look(const job::JobSpec& job, int pairs_taken);

/// The plan as this metric saw it: pairs that were excluded give no information.
stats::Looks looks_of(const PairedMetric& metric, const LookPlan& plan);
/// All there is, looked at once: for what asks for no pairs.
stats::Looks one_look(int pairs);

}  // namespace kiln::verdict
