#include "lib/stats/noise.h"

#include <algorithm>
#include <boost/math/distributions/beta.hpp>
#include <boost/math/distributions/chi_squared.hpp>
#include <cmath>
#include <limits>
#include <vector>

namespace kiln::stats {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace

Interval exact_binomial(int hits, int tries, double confidence) {
  if (tries <= 0) return {0, 1};
  hits = std::clamp(hits, 0, tries);
  const double tail = (1 - confidence) / 2;
  // None or all of them: the beta distribution's quantile is a root.
  const double root = std::log(tail) / tries;
  if (hits == 0) return {0, -std::expm1(root)};
  if (hits == tries) return {std::exp(root), 1};
  return {boost::math::ibeta_inv<double>(hits, tries - hits + 1, tail),
          boost::math::ibetac_inv<double>(hits + 1, tries - hits, tail)};
}

double chi_square_quantile(double p, double df) {
  return boost::math::quantile(boost::math::chi_squared(df), p);
}

NoiseFloor noise_floor(std::span<const double> log_ratios, int pairs_each, double alpha) {
  std::vector<double> values;
  std::copy_if(log_ratios.begin(), log_ratios.end(), std::back_inserter(values),
               [](double v) { return std::isfinite(v); });
  NoiseFloor out;
  const PairedT all = paired_t(values);
  out.pairs = all.n;
  out.mean = all.mean;
  out.mean95 = all.ci95;
  out.sd = all.sd;
  out.sd95 = {0, kInfinity};
  if (all.n >= 2) {
    const double df = all.n - 1;
    out.sd95 = {all.sd * std::sqrt(df / chi_square_quantile(0.975, df)),
                all.sd * std::sqrt(df / chi_square_quantile(0.025, df))};
  }
  const size_t each = static_cast<size_t>(std::max(2, pairs_each));
  for (size_t from = 0; from + each <= values.size(); from += each) {
    ++out.experiments;
    if (paired_t(std::span(values).subspan(from, each)).p < alpha) ++out.alarms;
  }
  out.alarms95 = exact_binomial(out.alarms, out.experiments);
  out.as_nominal = out.alarms95.low <= alpha;
  return out;
}

Alarms alarms_of(std::span<const NoiseFloor> floors) {
  Alarms out;
  for (const NoiseFloor& floor : floors) {
    out.alarms += floor.alarms;
    out.experiments += floor.experiments;
  }
  out.rate95 = exact_binomial(out.alarms, out.experiments);
  return out;
}

double detectable_percent(const NoiseFloor& floor, int pairs) {
  if (floor.pairs < 2) return kInfinity;
  return 100 * std::expm1(smallest_detectable(pairs, floor.sd));
}

}  // namespace kiln::stats
