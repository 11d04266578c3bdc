#include "lib/stats/culprit.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "lib/stats/rate_models.h"

namespace kiln::stats {
namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();
constexpr double kExactly = 0.9;     ///< share of regressions that fail always and never before
constexpr double kSurelyBad = 0.05;  ///< ... that do so but for mishaps
constexpr double kAnyRates = 0.05;   ///< ... of which only the smallest increase is known

/// What is known once a culprit is supposed.
struct Supposed {
  double log_chance = kNever;  ///< of all runs
  double rate_before = 0;
  double rate_after = 1;
};

/// Mixes models, each with its weight, likelihood and expected rates.
class Mixture {
 public:
  void add(double log_weight, double before, double after) {
    parts_[count_++] = {log_weight, before, after};
    high_ = std::max(high_, log_weight);
  }
  Supposed mix() const {
    double sum = 0;
    double before = 0;
    double after = 0;
    for (size_t i = 0; i < count_; ++i) {
      const double weight = std::exp(parts_[i].log_weight - high_);
      sum += weight;
      before += weight * parts_[i].before;
      after += weight * parts_[i].after;
    }
    return {high_ + std::log(sum), before / sum, after / sum};
  }

 private:
  struct Part {
    double log_weight, before, after;
  };
  std::array<Part, RatePairs::kSize + 2> parts_{};
  size_t count_ = 0;
  double high_ = kNever;
};

Supposed suppose(const Runs& before, const Runs& after, const RatePairs& pairs) {
  Mixture mixture;
  if (before.failures == 0 && after.passes() == 0) mixture.add(std::log(kExactly), 0, 1);
  mixture.add(std::log(kSurelyBad) + log_beta_bernoulli(before, 1, kSurely) +
                  log_beta_bernoulli(after, kSurely, 1),
              (1 + before.failures) / (1 + kSurely + before.runs),
              (kSurely + after.failures) / (1 + kSurely + after.runs));
  for (const RatePairs::Point& point : pairs.points())
    mixture.add(std::log(kAnyRates / RatePairs::kSize) + point.log_chance(before, after),
                point.good, point.bad);
  return mixture.mix();
}

Runs possible(const PrefixRuns& prefix) {
  const int runs = std::clamp(prefix.runs, 0, 1'000'000);
  return {static_cast<double>(std::clamp(prefix.failures, 0, runs)), static_cast<double>(runs)};
}

/// [k - 1]: with patch k as the culprit.
std::vector<Supposed> suppose_each(std::span<const PrefixRuns> prefixes, double smallest_increase) {
  const RatePairs pairs(smallest_increase);
  Runs before;
  Runs after;
  for (const PrefixRuns& prefix : prefixes) {
    const Runs runs = possible(prefix);
    after = {after.failures + runs.failures, after.runs + runs.runs};
  }
  std::vector<Supposed> out;
  for (size_t k = 1; k < prefixes.size(); ++k) {
    const Runs runs = possible(prefixes[k - 1]);
    before = {before.failures + runs.failures, before.runs + runs.runs};
    after = {after.failures - runs.failures, after.runs - runs.runs};
    out.push_back(suppose(before, after, pairs));
  }
  return out;
}

double entropy(double p) {
  return p <= 0 || p >= 1 ? 0 : -(p * std::log2(p) + (1 - p) * std::log2(1 - p));
}

/// Without the culprits that are next to impossible: their remainders would pull a bisection away
/// from the middle.
std::vector<double> credible(const std::vector<double>& chance) {
  constexpr double kHardly = 0.01;  ///< of the likeliest
  const double least = kHardly * *std::max_element(chance.begin(), chance.end());
  double sum = 0;
  std::vector<double> out = chance;
  for (double& c : out) sum += c = c < least ? 0 : c;
  for (double& c : out) c /= sum;
  return out;
}

/// Mutual information between the culprit and the outcome of a run, for each prefix.
std::vector<double> information_of(std::span<const PrefixRuns> prefixes,
                                   const std::vector<double>& chance,
                                   const std::vector<Supposed>& supposed) {
  double fails = 0;      // chance that a run of the prefix fails ...
  double entropies = 0;  // ... and what is left unknown of it when the culprit is known
  for (size_t c = 0; c < chance.size(); ++c) {
    fails += chance[c] * supposed[c].rate_before;
    entropies += chance[c] * entropy(supposed[c].rate_before);
  }
  std::vector<double> out(prefixes.size(), 0);
  for (size_t k = 1; k + 1 < prefixes.size(); ++k) {
    const Supposed& s = supposed[k - 1];  // the prefix now has this patch
    fails += chance[k - 1] * (s.rate_after - s.rate_before);
    entropies += chance[k - 1] * (entropy(s.rate_after) - entropy(s.rate_before));
    if (prefixes[k].testable) out[k] = std::max(0.0, entropy(fails) - entropies);
  }
  return out;
}

/// The likeliest range between neighbours that can be tested.
void choose_range(std::span<const PrefixRuns> prefixes, Culprit* out) {
  const int patches = static_cast<int>(prefixes.size()) - 1;
  int first = 1;
  double sum = 0;
  for (int k = 1; k <= patches; ++k) {
    sum += out->chance[static_cast<size_t>(k) - 1];
    if (k < patches && !prefixes[static_cast<size_t>(k)].testable) continue;
    if (out->first == 0 || sum > out->confidence) {
      out->first = first;
      out->last = k;
      out->confidence = sum;
    }
    first = k + 1;
    sum = 0;
  }
}

}  // namespace

Culprit find_culprit(std::span<const PrefixRuns> prefixes, const CulpritRules& rules) {
  Culprit out;
  if (prefixes.size() < 2) return out;
  const std::vector<Supposed> supposed = suppose_each(prefixes, rules.smallest_increase);
  double high = kNever;
  for (const Supposed& s : supposed) high = std::max(high, s.log_chance);
  double sum = 0;
  for (const Supposed& s : supposed) sum += std::exp(s.log_chance - high);
  for (const Supposed& s : supposed) {
    out.chance.push_back(std::exp(s.log_chance - high) / sum);
    out.rate_before += out.chance.back() * s.rate_before;
    out.rate_after += out.chance.back() * s.rate_after;
  }
  out.information = information_of(prefixes, credible(out.chance), supposed);
  if (*std::max_element(out.information.begin(), out.information.end()) <= 0)
    out.information = information_of(prefixes, out.chance, supposed);
  choose_range(prefixes, &out);
  const Runs with = possible(prefixes[static_cast<size_t>(out.last)]);
  const Runs without = possible(prefixes[static_cast<size_t>(out.first) - 1]);
  out.shown = with.failures > 0 && without.passes() > 0;
  out.decided = out.shown && out.confidence >= rules.confidence;
  return out;
}

std::optional<int> next_prefix(const Culprit& culprit) {
  return next_prefix(std::span(&culprit, 1));
}

std::optional<int> next_prefix(std::span<const Culprit> culprits) {
  std::vector<double> together;
  bool open = false;
  for (const Culprit& culprit : culprits) {
    if (culprit.decided) continue;
    open = true;
    together.resize(std::max(together.size(), culprit.information.size()));
    for (size_t k = 0; k < culprit.information.size(); ++k) together[k] += culprit.information[k];
  }
  if (!open || together.size() < 3) return std::nullopt;
  const auto best = std::max_element(together.begin() + 1, together.end() - 1);
  if (*best <= 0) return std::nullopt;
  return static_cast<int>(best - together.begin());
}

}  // namespace kiln::stats
