#include "lib/verdict/rates.h"

#include <algorithm>

namespace kiln::verdict {
namespace {

int failures(const SideView& side, Failure failure) {
  return static_cast<int>(
      std::count_if(side.seen.begin(), side.seen.end(), [&](const Observation& one) {
        const Kind kind = kind_of(one.outcome);
        return failure == Failure::kBad ? kind == Kind::kBad : kind != Kind::kPass;
      }));
}

}  // namespace

stats::RateRules rate_rules(const job::JobSpec& job) {
  stats::RateRules rules;
  rules.max_runs_each = 1 + std::max(0, job.confirmations);
  return rules;
}

stats::RatePrior prior_of(const Input& input, const std::string& config, const std::string& test) {
  for (const TestHistory& history : input.history)
    if (history.config == config && history.test == test)
      return {static_cast<double>(history.failures), static_cast<double>(history.runs)};
  return {};
}

stats::RateDecision is_worse(const SideView& before, const SideView& after, Failure failure,
                             const stats::RatePrior& prior, const stats::RateRules& rules) {
  stats::RateCounts counts;
  counts.baseline_failures = failures(before, failure);
  counts.baseline_runs = static_cast<int>(before.seen.size());
  counts.patched_failures = failures(after, failure);
  counts.patched_runs = static_cast<int>(after.seen.size());
  return stats::decide_rates(counts, prior, rules);
}

}  // namespace kiln::verdict
