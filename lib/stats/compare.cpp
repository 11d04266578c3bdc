#include "lib/stats/compare.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "lib/stats/multiple.h"

namespace kiln::stats {
namespace {

double to_percent(const Compared& c, double value) {
  if (c.by_ratio) return 100 * std::expm1(value);
  return c.has_percent ? 100 * value / std::fabs(c.left_typical) : 0;
}

}  // namespace

Interval margin_on_scale(const Compared& c, double percent) {
  const double share = std::fabs(percent) / 100;
  if (!c.by_ratio) return {-share * std::fabs(c.left_typical), share * std::fabs(c.left_typical)};
  const double low = share < 1 ? std::log1p(-share) : -std::numeric_limits<double>::infinity();
  return {low, std::log1p(share)};
}

Interval to_percent(const Compared& c, Interval interval) {
  return {to_percent(c, interval.low), to_percent(c, interval.high)};
}

Compared compare(std::span<const double> left, std::span<const double> right,
                 const CompareRules& rules) {
  Compared out;
  std::vector<double> l;
  std::vector<double> r;
  for (size_t i = 0; i < std::min(left.size(), right.size()); ++i) {
    if (!std::isfinite(left[i]) || !std::isfinite(right[i])) {
      ++out.dropped;
      continue;
    }
    l.push_back(left[i]);
    r.push_back(right[i]);
    if (left[i] <= 0 || right[i] <= 0) out.by_ratio = false;
  }
  out.n = static_cast<int>(l.size());
  if (out.n == 0) {
    out.paired = paired_t({});
    out.detectable_percent = std::numeric_limits<double>::infinity();
    return out;
  }
  std::vector<double> differences(l.size());
  for (size_t i = 0; i < l.size(); ++i)
    differences[i] = out.by_ratio ? std::log(r[i] / l[i]) : r[i] - l[i];
  out.left_typical = out.by_ratio ? geometric_mean(l) : arithmetic_mean(l);
  out.right_typical = out.by_ratio ? geometric_mean(r) : arithmetic_mean(r);
  out.has_percent = out.left_typical != 0;
  out.paired = paired_t(differences);
  out.change_percent = to_percent(out, out.paired.mean);
  out.ci95_percent = to_percent(out, out.paired.ci95);
  out.ci90_percent = to_percent(out, out.paired.ci90);
  out.p_signflip = sign_flip_p(differences, rules.seed);
  // Differences that agree to the last digit come of a coarse clock, not of a machine without
  // noise: only their number speaks.
  constexpr double kRounding = 1e-9;
  if (out.n >= 2 && out.paired.mean != 0 && out.paired.sd <= kRounding * std::fabs(out.paired.mean))
    out.paired.p = std::max(out.paired.p, out.p_signflip);
  out.p_tost = tost_p(out.paired, margin_on_scale(out, rules.margin_percent));
  out.detectable_percent = to_percent(out, smallest_detectable(out.n, out.paired.sd));
  return out;
}

Answer answer(const Compared& c, const CompareRules& rules, double p) {
  if (c.n < 2) return Answer::kInconclusive;
  // Where there is no percentage (0 throughout against something) any sure change is of interest.
  const bool of_interest =
      !c.has_percent ? c.paired.mean != 0 : std::fabs(c.change_percent) >= rules.smallest_percent;
  if (p < 0.05 && of_interest) return Answer::kChanged;
  if (c.has_percent ? c.p_tost < 0.05 : c.paired.sd == 0 && c.paired.mean == 0)
    return Answer::kEquivalent;
  return Answer::kInconclusive;
}

int more_pairs(const Compared& c, const CompareRules& rules, double alpha) {
  constexpr double kPower = 0.8;
  constexpr int kFirst = 6;  // the sign-flip test cannot speak before
  if (c.n < 2) return kFirst - c.n;
  int needed = kMostPairs;
  if (!c.has_percent) {
    needed = pairs_to_detect(c.paired.mean, c.paired.sd, kPower, alpha);
  } else {
    const Interval margin = margin_on_scale(c, rules.margin_percent);
    needed = pairs_to_show_equivalence(c.paired.mean, c.paired.sd, margin);
    if (std::fabs(c.change_percent) >= rules.smallest_percent)
      needed = std::min(needed, pairs_to_detect(c.paired.mean, c.paired.sd, kPower, alpha));
  }
  return std::max(1, needed - c.n);
}

}  // namespace kiln::stats
