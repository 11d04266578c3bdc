#include "lib/stats/rates.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "lib/stats/rate_models.h"

namespace kiln::stats {
namespace {

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
  double log_ratio(const RateCounts& counts) const;

 private:
  double log_one_rate(const Runs& all) const;
  double log_regression(const Runs& baseline, const Runs& patched) const;

  double history_a_ = 1;
  double history_b_ = 1;
  RatePairs pairs_;
};

Models::Models(const RatePrior& prior, double smallest_increase) : pairs_(smallest_increase) {
  const double runs = std::isfinite(prior.runs) ? std::max(0.0, prior.runs) : 0;
  const double failures = std::isfinite(prior.failures) ? std::clamp(prior.failures, 0.0, runs) : 0;
  const double weight = runs > kMostHistory ? kMostHistory / runs : 1;
  history_a_ = 1 + weight * failures;
  history_b_ = 1 + weight * (runs - failures);
}

double Models::log_ratio(const RateCounts& counts) const {
  const Runs baseline{static_cast<double>(counts.baseline_failures),
                      static_cast<double>(counts.baseline_runs)};
  const Runs patched{static_cast<double>(counts.patched_failures),
                     static_cast<double>(counts.patched_runs)};
  const Runs all{baseline.failures + patched.failures, baseline.runs + patched.runs};
  return log_regression(baseline, patched) - log_one_rate(all);
}

/// Half by a rate of which nothing is known, half by the history.
double Models::log_one_rate(const Runs& all) const {
  return log_mean(log_beta_bernoulli(all, 1, 1), log_beta_bernoulli(all, history_a_, history_b_));
}

/// Half "now it always fails", half any two rates that differ enough.
double Models::log_regression(const Runs& baseline, const Runs& patched) const {
  const double always =
      log_beta_bernoulli(baseline, 1, kSurely) + log_beta_bernoulli(patched, kSurely, 1);
  std::array<double, RatePairs::kSize> logs{};
  double high = -std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < logs.size(); ++i) {
    logs[i] = pairs_.points()[i].log_chance(baseline, patched);
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
  const double level =
      log_beta_bernoulli({double(failures), double(runs)}, 1, 1) + std::log1p(-confidence);
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
