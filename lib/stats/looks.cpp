#include "lib/stats/looks.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "lib/stats/crossing.h"
#include "lib/stats/multiple.h"

namespace kiln::stats {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kSmallestP = 1e-9;
constexpr double kEquivalenceAlpha = 2;  ///< times alpha: both one-sided tests at alpha

/// What may be spent up to the share `time` of the planned pairs.
double spent(const Looks& looks, double time) {
  if (time >= 1) return looks.alpha;
  if (time <= 0) return 0;
  if (looks.spending == Spending::kPocock)
    return looks.alpha * std::log1p((std::numbers::e - 1) * time);
  // Each side spends half of alpha by the one-sided function, as ldbounds and gsDesign have it.
  return 2 * two_sided_tail(normal_bound(looks.alpha / 2) / std::sqrt(time));
}

double time_of(const Looks& looks, int pairs) {
  return std::min(1.0, static_cast<double>(pairs) / std::max(1, looks.planned_pairs));
}

/// Alphas with the nominal p-value that each allows at the present look, both ascending.
struct Level {
  double alpha, nominal_p;
};

std::vector<Level> levels_of(Looks looks) {
  constexpr int kLevels = 32;
  std::vector<double> alphas{looks.alpha};
  for (int i = 0; i < kLevels; ++i)
    alphas.push_back(kSmallestP * std::pow(0.98 / kSmallestP, i / (kLevels - 1.0)));
  std::sort(alphas.begin(), alphas.end());
  std::vector<Level> out;
  for (const double alpha : alphas) {
    looks.alpha = alpha;
    const std::vector<LookBound> bounds = look_bounds(looks);
    if (bounds.empty()) break;
    const double before = out.empty() ? 0 : out.back().nominal_p;
    out.push_back({alpha, std::max(before, bounds.back().nominal_p)});
  }
  return out;
}

/// Between the levels, straight in logarithms; exact at them.
double alpha_at(const std::vector<Level>& levels, double p) {
  const auto above = std::find_if(levels.begin(), levels.end(),
                                  [&](const Level& level) { return level.nominal_p >= p; });
  if (above == levels.end()) return 1;
  if (above == levels.begin() || above->nominal_p == p) return above->alpha;
  const Level& below = *std::prev(above);
  if (below.nominal_p <= 0) return above->alpha;
  const double along = std::log(p / below.nominal_p) / std::log(above->nominal_p / below.nominal_p);
  return below.alpha * std::pow(above->alpha / below.alpha, along);
}

Interval repeated_interval(const PairedT& paired, double nominal_p) {
  if (paired.n < 2 || nominal_p <= 0) return {-kInfinity, kInfinity};
  if (paired.sd == 0) return {paired.mean, paired.mean};
  const double half = -t_quantile(nominal_p / 2, paired.n - 1) * paired.sd /
                      std::sqrt(static_cast<double>(paired.n));
  return {paired.mean - half, paired.mean + half};
}

/// Bounds at the present look and at the last planned one.
struct Bounds {
  LookBound now, now90;
  double last_nominal_p = 0.05;
};

Bounds bounds_of(Looks looks) {
  Bounds out;
  Looks wide = looks;
  wide.alpha *= kEquivalenceAlpha;
  if (const std::vector<LookBound> b = look_bounds(wide); !b.empty()) out.now90 = b.back();
  const size_t now = looks.pairs.size();
  if (now == 0 || looks.pairs.back() < looks.planned_pairs)
    looks.pairs.push_back(looks.planned_pairs);
  const std::vector<LookBound> bounds = look_bounds(looks);
  if (now > 0) out.now = bounds[now - 1];
  out.last_nominal_p = bounds.back().nominal_p;
  return out;
}

Answer answer_of(const Compared& c, const CompareRules& rules, const LookResult& result,
                 double alpha) {
  if (c.n < 2) return Answer::kInconclusive;
  const bool of_interest =
      !c.has_percent ? c.paired.mean != 0 : std::fabs(c.change_percent) >= rules.smallest_percent;
  if (result.adjusted_p <= alpha && of_interest) return Answer::kChanged;
  if (!c.has_percent)
    return c.paired.sd == 0 && c.paired.mean == 0 ? Answer::kEquivalent : Answer::kInconclusive;
  const Interval margin = margin_on_scale(c, rules.margin_percent);
  const bool inside = result.repeated90.low > margin.low && result.repeated90.high < margin.high;
  return inside ? Answer::kEquivalent : Answer::kInconclusive;
}

void add_bounds(const Compared& c, const Bounds& bounds, LookResult* result) {
  result->bound = bounds.now;
  result->last_nominal_p = bounds.last_nominal_p;
  result->repeated95 = repeated_interval(c.paired, bounds.now.nominal_p);
  result->repeated90 = repeated_interval(c.paired, bounds.now90.nominal_p);
  result->repeated95_percent = to_percent(c, result->repeated95);
  result->repeated90_percent = to_percent(c, result->repeated90);
}

void conclude(const Watched& watched, LookResult* result) {
  const Looks& looks = watched.looks;
  const int taken = looks.pairs.empty() ? 0 : looks.pairs.back();
  const bool last = !looks.pairs.empty() && taken >= looks.planned_pairs;
  result->answer = answer_of(*watched.compared, watched.rules, *result, looks.alpha);
  result->stop = last || result->answer != Answer::kInconclusive;
  if (result->answer != Answer::kInconclusive) return;
  result->more_pairs = more_pairs(*watched.compared, watched.rules, result->last_nominal_p);
  result->within_plan = result->more_pairs <= looks.planned_pairs - taken;
}

}  // namespace

std::vector<LookBound> look_bounds(const Looks& looks) {
  std::vector<LookBound> out;
  CrossingWalk walk;
  double before = 0;
  double last_time = 0;
  for (const int pairs : looks.pairs) {
    const double time = std::max(last_time, time_of(looks, pairs));
    LookBound bound{kInfinity, 0, before};
    if (time > last_time) {
      const double until = std::max(before, spent(looks, time));
      bound.z = walk.bound(time, until - before);
      bound.nominal_p = two_sided_tail(bound.z);
      bound.spent = before = until;
      last_time = time;
    }
    out.push_back(bound);
  }
  return out;
}

std::vector<double> repeated_p(const Looks& looks, std::span<const double> nominal_p) {
  std::vector<double> out(nominal_p.begin(), nominal_p.end());
  // At the only look it is the p-value itself.
  if (looks.pairs.size() == 1 && looks.pairs.front() >= looks.planned_pairs) {
    for (double& p : out) p = std::max(p, kSmallestP);
    return out;
  }
  const std::vector<Level> levels = levels_of(looks);
  for (double& p : out) p = alpha_at(levels, p);
  return out;
}

LookResult look(const Compared& compared, const CompareRules& rules, const Looks& looks) {
  return look_at_all(std::span(&compared, 1), rules, looks).front();
}

std::vector<LookResult> look_at_all(std::span<const Compared> compared, const CompareRules& rules,
                                    const Looks& looks) {
  std::vector<Watched> watched;
  for (const Compared& c : compared) watched.push_back({&c, rules, looks});
  return look_at_all(watched);
}

std::vector<LookResult> look_at_all(std::span<const Watched> watched) {
  std::vector<LookResult> out(watched.size());
  std::vector<bool> done(watched.size());
  std::vector<double> repeated(watched.size());
  // Bounds are dear: once for all that share their looks.
  for (size_t first = 0; first < watched.size(); ++first) {
    if (done[first]) continue;
    const Looks& looks = watched[first].looks;
    std::vector<size_t> group;
    std::vector<double> nominal;
    for (size_t i = first; i < watched.size(); ++i) {
      if (done[i] || !(watched[i].looks == looks)) continue;
      group.push_back(i);
      nominal.push_back(watched[i].compared->paired.p);
      done[i] = true;
    }
    const std::vector<double> p = repeated_p(looks, nominal);
    const Bounds bounds = bounds_of(looks);
    for (size_t k = 0; k < group.size(); ++k) {
      repeated[group[k]] = p[k];
      add_bounds(*watched[group[k]].compared, bounds, &out[group[k]]);
    }
  }
  const std::vector<double> adjusted = benjamini_hochberg(repeated);
  for (size_t i = 0; i < watched.size(); ++i) {
    out[i].repeated_p = repeated[i];
    out[i].adjusted_p = adjusted[i];
    conclude(watched[i], &out[i]);
  }
  return out;
}

}  // namespace kiln::stats
