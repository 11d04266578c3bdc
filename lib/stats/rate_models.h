#pragma once
/// What runs look like with one failure rate and with two: likelihoods that lib/stats/rates.h and
/// culprit.h share. Pure; safe for concurrent use.
#include <array>
#include <cstddef>

namespace kiln::stats {

/// Failures among runs that share a rate.
struct Runs {
  double failures = 0;
  double runs = 0;
  double passes() const { return runs - failures; }
};

/// Log of the chance of one order of these runs when their rate is drawn from Beta(a, b).
double log_beta_bernoulli(const Runs& runs, double a, double b);

/// A test that always fails, or never does, but for mishaps: Beta(30, 1) and Beta(1, 30).
inline constexpr double kSurely = 30;

/// Two rates, the second higher by at least the smallest increase: a grid that is closer where the
/// rates of a good side are.
class RatePairs {
 public:
  static constexpr size_t kSteps = 6;
  static constexpr size_t kSize = kSteps * kSteps;
  struct Point {
    double good = 0;
    double bad = 0;
    double log_good = 0, log_good_pass = 0;
    double log_bad = 0, log_bad_pass = 0;
    double log_chance(const Runs& of_good, const Runs& of_bad) const {
      return of_good.failures * log_good + of_good.passes() * log_good_pass +
             of_bad.failures * log_bad + of_bad.passes() * log_bad_pass;
    }
  };

  /// `smallest_increase` is cut to 0.01 ... 0.9.
  explicit RatePairs(double smallest_increase);
  const std::array<Point, kSize>& points() const { return points_; }

 private:
  std::array<Point, kSize> points_{};
};

}  // namespace kiln::stats
