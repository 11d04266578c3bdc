#pragma once
/// When does a Brownian motion that is looked at now and then first leave a band? The numerical
/// integration under group-sequential bounds (Armitage, McPherson and Rowe 1969). Pure.
#include <vector>

namespace kiln::stats {

/// P(|Z| >= z) of a standard normal Z.
double two_sided_tail(double z);
/// The z with that tail; infinite for 0 and below.
double normal_bound(double two_sided_p);

/// Walks from look to look. Each look's bound is found from the chance to be left there first.
class CrossingWalk {
 public:
  /// The bound for |B(time)| / sqrt(time) such that, without an effect, it is first crossed at this
  /// look with the given chance; infinite for a chance of 0. REQUIRES: `time` above the last
  /// look's, at most 1.
  double bound(double time, double chance);

 private:
  /// The density of B at the last look where no bound was crossed: values at quadrature points.
  /// Symmetric around 0, so only points above 0 are kept, with doubled meaning.
  struct Point {
    double x, weighted_density;
  };
  double first_crossing(double level, double step) const;
  void advance(double limit, double step, double time);

  std::vector<Point> inside_;
  double time_ = 0;
};

}  // namespace kiln::stats
