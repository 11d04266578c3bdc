#pragma once
/// How often a test is bad on the two sides of a config, and whether that is enough to say so.
/// Pure; the decision itself is lib/stats/rates.h's.
#include "lib/stats/rates.h"
#include "lib/verdict/observe.h"

namespace kiln::verdict {

/// The bounds of the sequential test for this job: at most 1 + `confirmations` boots a side.
stats::RateRules rate_rules(const job::JobSpec& job);

/// What earlier runs say of a test without any series; none: no runs.
stats::RatePrior prior_of(const Input& input, const std::string& config, const std::string& test);

/// Which outcomes count as a failure of the test.
enum class Failure {
  kBad,     ///< fail, crash, timeout, a kernel error ...
  kNoPass,  ///< anything but a pass: for tests that stop to run
};

/// Is `after` worse than `before`? With the sides swapped: is it better?
stats::RateDecision is_worse(const SideView& before, const SideView& after, Failure failure,
                             const stats::RatePrior& prior, const stats::RateRules& rules);

}  // namespace kiln::verdict
