#include "lib/stats/rates.h"

#include <algorithm>
#include <array>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>
#include <limits>

namespace kiln::stats {
namespace {

constexpr double kSurelyBad = 30;  ///< Beta(30, 1) and Beta(1, 30): a failure that always comes
constexpr int kSteps = 6;          ///< of either rate in the grid of regressions

/// std::lgamma writes a global; boost's is asked not to work in long double, which is slow.
double log_gamma(double x) {
  using boost::math::policies::policy;
  using boost::math::policies::promote_double;
  return boost::math::lgamma(x, policy<promote_double<false>>());
}

double log_beta(double a, double b) {
  return log_gamma(a) + log_gamma(b) - log_gamma(a + b);
}

/// Log of the chance of one order of `failures` among `runs` when the rate is drawn from Beta(a,
/// b).
double log_beta_bernoulli(int failures, int runs, double a, double b) {
  return log_beta(a + failures, b + runs - failures) - log_beta(a, b);
}

/// Log of the mean of exp(a) and exp(b).
double log_mean(double a, double b) {
  const double high = std::max(a, b);
  return high + std::log((std::exp(a - high) + std::exp(b - high)) / 2);
}

/// Likelihoods of counts under "one rate" and under "a regression".
class Models {
 public:
  Models(const RatePrior& prior, double smallest_increase);
  /// Log of how many times as likely the counts are with a regression.
  double log_ratio(const RateCounts& c) const { return log_regression(c) - log_one_rate(c); }

 private:
  struct Point {
    double fail0, pass0, fail1, pass1;  ///< logs of the rates and their complements
  };
  double log_one_rate(const RateCounts& c) const;
  double log_regression(const RateCounts& c) const;

  double history_a_ = 1;
  double history_b_ = 1;
  std::array<Point, size_t{kSteps} * kSteps> grid_{};
};

Models::Models(const RatePrior& prior, double smallest_increase) {
  const double runs = std::isfinite(prior.runs) ? std::max(0.0, prior.runs) : 0;
  const double failures = std::isfinite(prior.failures) ? std::clamp(prior.failures, 0.0, runs) : 0;
  const double weight = runs > kMostHistory ? kMostHistory / runs : 1;
  history_a_ = 1 + weight * failures;
  history_b_ = 1 + weight * (runs - failures);
  const double increase = std::clamp(smallest_increase, 0.01, 0.9);
  Point* point = grid_.data();
  for (int i = 0; i < kSteps; ++i) {
    const double along = (i + 0.5) / kSteps;
    const double rate0 = (1 - increase) * along * along;  // closer steps where baselines are
    for (int j = 0; j < kSteps; ++j) {
      const double least = rate0 + increase;
      const double rate1 = least + (1 - least) * (j + 0.5) / kSteps;
      *point++ = {std::log(rate0), std::log1p(-rate0), std::log(rate1), std::log1p(-rate1)};
    }
  }
}

double Models::log_one_rate(const RateCounts& c) const {
  const int failures = c.baseline_failures + c.patched_failures;
  const int runs = c.baseline_runs + c.patched_runs;
  return log_mean(log_beta_bernoulli(failures, runs, 1, 1),
                  log_beta_bernoulli(failures, runs, history_a_, history_b_));
}

double Models::log_regression(const RateCounts& c) const {
  const double always = log_beta_bernoulli(c.baseline_failures, c.baseline_runs, 1, kSurelyBad) +
                        log_beta_bernoulli(c.patched_failures, c.patched_runs, kSurelyBad, 1);
  std::array<double, size_t{kSteps} * kSteps> logs{};
  double high = -std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < grid_.size(); ++i) {
    const Point& p = grid_[i];
    logs[i] = c.baseline_failures * p.fail0 + (c.baseline_runs - c.baseline_failures) * p.pass0 +
              c.patched_failures * p.fail1 + (c.patched_runs - c.patched_failures) * p.pass1;
    high = std::max(high, logs[i]);
  }
  double sum = 0;
  for (const double value : logs) sum += std::exp(value - high);
  return log_mean(always, high + std::log(sum / static_cast<double>(logs.size())));
}

RateCounts possible(RateCounts c) {
  constexpr int kMost = 1'000'000;
  c.baseline_runs = std::clamp(c.baseline_runs, 0, kMost);
  c.patched_runs = std::clamp(c.patched_runs, 0, kMost);
  c.baseline_failures = std::clamp(c.baseline_failures, 0, c.baseline_runs);
  c.patched_failures = std::clamp(c.patched_failures, 0, c.patched_runs);
  return c;
}

struct Thresholds {
  double regression, as_before;  ///< of the log ratio
};

RateAnswer answer_of(double log_ratio, const Thresholds& thresholds) {
  if (log_ratio >= thresholds.regression) return RateAnswer::kRegression;
  return log_ratio <= thresholds.as_before ? RateAnswer::kAsBefore : RateAnswer::kMore;
}

/// Runs on each side until an answer is possible at the soonest: when from now on everything speaks
/// for a regression, or everything against.
int fewest_more(const Models& models, const RateCounts& c, const Thresholds& thresholds, int left) {
  const auto answered = [&](int more) {
    RateCounts worse = c;
    worse.baseline_runs += more, worse.patched_runs += more;
    RateCounts better = worse;
    worse.patched_failures += more, better.baseline_failures += more;
    return answer_of(models.log_ratio(worse), thresholds) != RateAnswer::kMore ||
           answer_of(models.log_ratio(better), thresholds) != RateAnswer::kMore;
  };
  int low = 1;
  int high = left;
  while (low < high) {
    const int middle = low + (high - low) / 2;
    if (answered(middle))
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

}  // namespace

RateDecision decide_rates(const RateCounts& counts, const RatePrior& prior,
                          const RateRules& rules) {
  const RateCounts c = possible(counts);
  RateDecision out;
  const Interval baseline = rate_interval(c.baseline_failures, c.baseline_runs);
  const Interval patched = rate_interval(c.patched_failures, c.patched_runs);
  out.baseline_low = baseline.low, out.baseline_high = baseline.high;
  out.patched_low = patched.low, out.patched_high = patched.high;
  const Models models(prior, rules.smallest_increase);
  const Thresholds thresholds{-std::log1p(-std::clamp(rules.confidence, 0.5, 1 - 1e-12)),
                              std::log1p(-std::clamp(rules.as_before_confidence, 0.5, 1 - 1e-12))};
  const double log_ratio = models.log_ratio(c);
  out.answer = answer_of(log_ratio, thresholds);
  const double for_answer = out.answer == RateAnswer::kAsBefore ? -log_ratio : log_ratio;
  out.confidence = std::max(0.0, -std::expm1(-for_answer));
  if (out.answer != RateAnswer::kMore) return out;
  const int left = rules.max_runs_each - std::min(c.baseline_runs, c.patched_runs);
  if (left <= 0)
    out.answer = RateAnswer::kUndecided;
  else
    out.more_each = fewest_more(models, c, thresholds, left);
  return out;
}

Interval rate_interval(int failures, int runs, double confidence) {
  if (runs <= 0) return {0, 1};
  const double level = log_beta_bernoulli(failures, runs, 1, 1) + std::log1p(-confidence);
  const auto speaks_against = [&](double rate) {
    const double fail = failures == 0 ? 0 : failures * std::log(rate);
    const double pass = failures == runs ? 0 : (runs - failures) * std::log1p(-rate);
    return fail + pass <= level;
  };
  const double seen = static_cast<double>(failures) / runs;
  const auto edge = [&](double outside, double inside) {
    if (!speaks_against(outside)) return outside;
    for (int i = 0; i < 60; ++i) {
      const double middle = (outside + inside) / 2;
      (speaks_against(middle) ? outside : inside) = middle;
    }
    return inside;
  };
  return {edge(0, seen), edge(1, seen)};
}

}  // namespace kiln::stats
