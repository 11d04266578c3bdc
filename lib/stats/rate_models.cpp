#include "lib/stats/rate_models.h"

#include <algorithm>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>

namespace kiln::stats {
namespace {

/// std::lgamma writes a global; boost's is asked not to work in long double, which is slow.
double log_gamma(double x) {
  using boost::math::policies::policy;
  using boost::math::policies::promote_double;
  return boost::math::lgamma(x, policy<promote_double<false>>());
}

double log_beta(double a, double b) {
  return log_gamma(a) + log_gamma(b) - log_gamma(a + b);
}

}  // namespace

double log_beta_bernoulli(const Runs& runs, double a, double b) {
  return log_beta(a + runs.failures, b + runs.passes()) - log_beta(a, b);
}

RatePairs::RatePairs(double smallest_increase) {
  const double increase = std::clamp(smallest_increase, 0.01, 0.9);
  size_t next = 0;
  for (size_t i = 0; i < kSteps; ++i) {
    const double along = (static_cast<double>(i) + 0.5) / kSteps;
    const double good = (1 - increase) * along * along;
    for (size_t j = 0; j < kSteps; ++j) {
      const double least = good + increase;
      const double bad = least + (1 - least) * (static_cast<double>(j) + 0.5) / kSteps;
      points_[next++] = {
          good, bad, std::log(good), std::log1p(-good), std::log(bad), std::log1p(-bad)};
    }
  }
}

}  // namespace kiln::stats
