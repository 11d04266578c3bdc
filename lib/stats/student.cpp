#include "lib/stats/student.h"

#include <algorithm>
#include <boost/math/distributions/non_central_t.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <boost/math/tools/toms748_solve.hpp>
#include <cmath>
#include <cstdint>
#include <limits>

namespace kiln::stats {
namespace {

namespace bp = boost::math::policies;
/// Nothing is thrown: a value out of the domain comes back as NaN or infinity.
using Policy = bp::policy<bp::domain_error<bp::ignore_error>, bp::pole_error<bp::ignore_error>,
                          bp::overflow_error<bp::ignore_error>,
                          bp::evaluation_error<bp::ignore_error>, bp::promote_double<false>>;
using StudentT = boost::math::students_t_distribution<double, Policy>;
using NoncentralT = boost::math::non_central_t_distribution<double, Policy>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
/// Beyond this noncentrality the power is 1 for all that we print.
constexpr double kCertain = 60;

/// Chance that an equivalence test with n pairs succeeds: exact for the two marginal tests, and
/// their Bonferroni bound together, which is tight where the power is high.
double equivalence_power(int n, double effect, double sd, Interval margin) {
  const double error = sd / std::sqrt(n);
  const double needed = t_quantile(0.95, n - 1);
  const auto pass = [&](double distance) {
    const double noncentrality = distance / error;
    if (noncentrality > kCertain) return 1.0;
    const NoncentralT distribution(n - 1, noncentrality);
    return boost::math::cdf(boost::math::complement(distribution, needed));
  };
  return pass(effect - margin.low) + pass(margin.high - effect) - 1;
}

/// Smallest n in [2, kMostPairs] for which `enough(n)`; enough() must not go back to false.
template <typename Enough>
int smallest_n(Enough enough) {
  int low = 2;
  int high = 2;
  while (high < kMostPairs && !enough(high)) {
    low = high + 1;
    high = std::min(high * 2, kMostPairs);
  }
  while (low < high) {
    const int middle = low + (high - low) / 2;
    if (enough(middle)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return high;
}

}  // namespace

double t_quantile(double p, double df) {
  return boost::math::quantile(StudentT(df), p);
}

double t_two_sided_p(double t, double df) {
  return 2 * boost::math::cdf(boost::math::complement(StudentT(df), std::fabs(t)));
}

PairedT paired_t(std::span<const double> differences) {
  PairedT out;
  out.n = static_cast<int>(differences.size());
  out.ci95 = out.ci90 = {-kInfinity, kInfinity};
  if (out.n == 0) return out;
  double sum = 0;
  for (const double d : differences) sum += d;
  out.mean = sum / out.n;
  if (out.n < 2) return out;
  const bool all_equal = std::all_of(differences.begin(), differences.end(),
                                     [&](double d) { return d == differences.front(); });
  if (all_equal) {  // asked directly: rounding of the mean must not invent a spread
    out.mean = differences.front();
    out.ci95 = out.ci90 = {out.mean, out.mean};
    out.p = out.mean == 0 ? 1 : 0;
    out.t = out.mean == 0 ? 0 : std::copysign(kInfinity, out.mean);
    return out;
  }
  double squares = 0;
  for (const double d : differences) squares += (d - out.mean) * (d - out.mean);
  const double df = out.n - 1;
  out.sd = std::sqrt(squares / df);
  const double error = out.sd / std::sqrt(out.n);
  out.t = out.mean / error;
  out.p = t_two_sided_p(out.t, df);
  const double half95 = t_quantile(0.975, df) * error;
  const double half90 = t_quantile(0.95, df) * error;
  out.ci95 = {out.mean - half95, out.mean + half95};
  out.ci90 = {out.mean - half90, out.mean + half90};
  return out;
}

double tost_p(const PairedT& paired, Interval margin) {
  if (paired.n < 2) return 1;
  const bool inside = paired.mean > margin.low && paired.mean < margin.high;
  if (paired.sd == 0) return inside ? 0 : 1;
  const double error = paired.sd / std::sqrt(paired.n);
  const StudentT distribution(paired.n - 1);
  const auto one_sided = [&](double distance) {
    if (std::isinf(distance)) return distance > 0 ? 0.0 : 1.0;
    return boost::math::cdf(boost::math::complement(distribution, distance / error));
  };
  return std::max(one_sided(paired.mean - margin.low), one_sided(margin.high - paired.mean));
}

double power(int n, double effect, double sd, double alpha) {
  if (n < 2) return 0;
  effect = std::fabs(effect);
  if (sd <= 0) return effect > 0 ? 1 : alpha;
  const double noncentrality = effect / sd * std::sqrt(n);
  if (noncentrality > kCertain) return 1;
  const double needed = t_quantile(1 - alpha / 2, n - 1);
  const NoncentralT distribution(n - 1, noncentrality);
  return boost::math::cdf(boost::math::complement(distribution, needed)) +
         boost::math::cdf(distribution, -needed);
}

double smallest_detectable(int n, double sd, double wanted_power, double alpha) {
  if (n < 2) return kInfinity;
  if (sd <= 0) return 0;
  // In units of sd: what the central t says is close to the answer, so that few steps remain.
  const auto lacking = [&](double effect) { return wanted_power - power(n, effect, 1, alpha); };
  if (lacking(0) <= 0) return 0;
  const double guess =
      (t_quantile(1 - alpha / 2, n - 1) + std::max(0.5, t_quantile(wanted_power, n - 1))) /
      std::sqrt(n);
  double low = guess * 0.98;
  double high = guess * 1.02;
  while (lacking(low) < 0) low /= 2;
  while (lacking(high) > 0 && high < 1e6) high *= 1.5;
  std::uintmax_t steps = 60;
  const auto [from, to] = boost::math::tools::toms748_solve(
      lacking, low, high, boost::math::tools::eps_tolerance<double>(48), steps, Policy());
  return sd * (from + to) / 2;
}

int pairs_to_detect(double effect, double sd, double wanted_power, double alpha) {
  if (effect == 0) return kMostPairs;
  return smallest_n([&](int n) { return power(n, effect, sd, alpha) >= wanted_power; });
}

int pairs_to_show_equivalence(double effect, double sd, Interval margin, double wanted_power) {
  if (effect <= margin.low || effect >= margin.high) return kMostPairs;
  if (sd <= 0) return 2;
  return smallest_n(
      [&](int n) { return equivalence_power(n, effect, sd, margin) >= wanted_power; });
}

}  // namespace kiln::stats
