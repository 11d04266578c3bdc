#include "lib/stats/crossing.h"

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/quadrature/gauss.hpp>
#include <cmath>
#include <limits>
#include <numbers>

namespace kiln::stats {
namespace {

constexpr double kFarthest = 9;      ///< standard deviations: beyond lies less than 1e-18
constexpr double kPanelInSteps = 3;  ///< width of a quadrature panel in steps' deviations
constexpr int kMostPanels = 64;

double upper_tail(double x) {
  return std::erfc(x / std::numbers::sqrt2) / 2;
}

double density(double x, double deviation) {
  const double z = x / deviation;
  return std::exp(-z * z / 2) / (deviation * std::sqrt(2 * std::numbers::pi));
}

/// Gauss-Legendre points and weights over (0, limit), 20 a panel.
template <typename Use>
void each_point(double limit, int panels, const Use& use) {
  using Gauss = boost::math::quadrature::gauss<double, 20>;
  const double half = limit / panels / 2;
  for (int panel = 0; panel < panels; ++panel) {
    const double middle = half * (2 * panel + 1);
    for (size_t i = 0; i < Gauss::abscissa().size(); ++i) {
      const double offset = half * Gauss::abscissa()[i];
      use(middle - offset, half * Gauss::weights()[i]);
      use(middle + offset, half * Gauss::weights()[i]);
    }
  }
}

}  // namespace

double two_sided_tail(double z) {
  return std::erfc(z / std::numbers::sqrt2);
}

double normal_bound(double two_sided_p) {
  if (two_sided_p <= 0) return std::numeric_limits<double>::infinity();
  if (two_sided_p >= 1) return 0;
  return boost::math::quantile(boost::math::complement(boost::math::normal(), two_sided_p / 2));
}

/// Chance that B, inside until now, is beyond +-level after one more step.
double CrossingWalk::first_crossing(double level, double step) const {
  if (inside_.empty()) return two_sided_tail(level / step);
  double sum = 0;
  for (const Point& point : inside_)
    sum += point.weighted_density *
           (upper_tail((level - point.x) / step) + upper_tail((level + point.x) / step));
  return 2 * sum;
}

/// The density inside +-limit after the step.
void CrossingWalk::advance(double limit, double step, double time) {
  const double next_step = std::sqrt(std::max(1e-6, std::min(time - time_, 1 - time)));
  const double panel = kPanelInSteps * std::min(step, next_step);
  const int panels = std::clamp(static_cast<int>(std::ceil(limit / panel)), 1, kMostPanels);
  std::vector<Point> after;
  each_point(limit, panels, [&](double x, double weight) {
    double value = 0;
    if (inside_.empty()) {
      value = density(x, step);
    } else {
      for (const Point& from : inside_)
        value += from.weighted_density * (density(x - from.x, step) + density(x + from.x, step));
    }
    after.push_back({x, weight * value});
  });
  inside_ = std::move(after);
}

double CrossingWalk::bound(double time, double chance) {
  const double step = std::sqrt(time - time_);
  const double scale = std::sqrt(time);
  double z = std::numeric_limits<double>::infinity();
  if (chance > 0) {
    double low = 0;
    double high = 40;
    for (int i = 0; i < 64 && high - low > 1e-13; ++i) {
      const double middle = (low + high) / 2;
      (first_crossing(middle * scale, step) > chance ? low : high) = middle;
    }
    z = high;
  }
  if (time < 1) advance(std::min(z, kFarthest) * scale, step, time);
  time_ = time;
  return z;
}

}  // namespace kiln::stats
