#include "lib/stats/interaction.h"

#include <cmath>
#include <limits>
#include <vector>

namespace kiln::stats {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Interval around(double middle, double error, double df, double two_sided_p) {
  const double half = -t_quantile(two_sided_p / 2, df) * error;
  return {middle - half, middle + half};
}

Interval log_margin(double percent) {
  const double share = std::fabs(percent) / 100;
  return {share < 1 ? std::log1p(-share) : -kInfinity, std::log1p(share)};
}

/// Two one-sided tests with any standard error.
double tost(const Interaction& x, Interval margin) {
  if (std::isinf(x.ci95.high)) return 1;
  if (x.error == 0) return x.difference > margin.low && x.difference < margin.high ? 0 : 1;
  const auto one_sided = [&](double distance) {
    if (std::isinf(distance)) return distance > 0 ? 0.0 : 1.0;
    const double tail = t_two_sided_p(distance / x.error, x.df) / 2;
    return distance > 0 ? tail : 1 - tail;
  };
  return std::max(one_sided(x.difference - margin.low), one_sided(margin.high - x.difference));
}

Welch paired(std::span<const double> a, std::span<const double> b) {
  std::vector<double> differences;
  for (size_t i = 0; i < a.size(); ++i) differences.push_back(a[i] - b[i]);
  const PairedT t = paired_t(differences);
  return {t.mean, t.n > 0 ? t.sd / std::sqrt(t.n) : 0, t.n - 1.0, t.t, t.p, t.ci95, t.ci90};
}

}  // namespace

Welch welch(std::span<const double> a, std::span<const double> b) {
  const PairedT of_a = paired_t(a);
  const PairedT of_b = paired_t(b);
  Welch out;
  out.difference = of_a.mean - of_b.mean;
  out.ci95 = out.ci90 = {-kInfinity, kInfinity};
  if (of_a.n < 2 || of_b.n < 2) return out;
  const double square_a = of_a.sd * of_a.sd / of_a.n;
  const double square_b = of_b.sd * of_b.sd / of_b.n;
  const double square = square_a + square_b;
  out.error = std::sqrt(square);
  if (out.error == 0) {
    out.df = of_a.n + of_b.n - 2;
    out.t = out.difference == 0 ? 0 : std::copysign(kInfinity, out.difference);
    out.p = out.difference == 0 ? 1 : 0;
    out.ci95 = out.ci90 = {out.difference, out.difference};
    return out;
  }
  out.df =
      square * square / (square_a * square_a / (of_a.n - 1) + square_b * square_b / (of_b.n - 1));
  out.t = out.difference / out.error;
  out.p = t_two_sided_p(out.t, out.df);
  out.ci95 = around(out.difference, out.error, out.df, 0.05);
  out.ci90 = around(out.difference, out.error, out.df, 0.10);
  return out;
}

Interaction interaction(std::span<const double> on, std::span<const double> off, bool matched,
                        const CompareRules& rules) {
  Interaction out;
  out.on = paired_t(on);
  out.off = paired_t(off);
  out.matched = matched && on.size() == off.size();
  const Welch test = out.matched ? paired(on, off) : welch(on, off);
  out.difference = test.difference;
  out.error = test.error;
  out.df = test.df;
  out.t = test.t;
  out.p = test.p;
  out.ci95 = test.ci95;
  out.ci90 = test.ci90;
  out.p_tost = tost(out, log_margin(rules.margin_percent));
  out.percent = 100 * std::expm1(out.difference);
  out.ci95_percent = {100 * std::expm1(out.ci95.low), 100 * std::expm1(out.ci95.high)};
  return out;
}

Interval interval_at(const Interaction& x, double two_sided_p) {
  if (two_sided_p <= 0 || std::isinf(x.ci95.high)) return {-kInfinity, kInfinity};
  if (x.error == 0) return {x.difference, x.difference};
  return around(x.difference, x.error, x.df, two_sided_p);
}

Answer answer(const Interaction& x, const CompareRules& rules, double p, double equivalence_p) {
  if (p < 0.05 && std::fabs(x.percent) >= rules.smallest_percent) return Answer::kChanged;
  const Interval margin = log_margin(rules.margin_percent);
  const Interval interval = interval_at(x, equivalence_p);
  const bool inside = interval.low > margin.low && interval.high < margin.high;
  return inside ? Answer::kEquivalent : Answer::kInconclusive;
}

Answer answer(const Interaction& interaction, const CompareRules& rules, double p) {
  if (p < 0.05 && std::fabs(interaction.percent) >= rules.smallest_percent) return Answer::kChanged;
  return interaction.p_tost < 0.05 ? Answer::kEquivalent : Answer::kInconclusive;
}

}  // namespace kiln::stats
