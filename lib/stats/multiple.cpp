#include "lib/stats/multiple.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

namespace kiln::stats {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// All sign patterns in Gray-code order: one addition each. The first sign stays, by symmetry.
double exact_share(std::span<const double> d, double threshold) {
  const uint64_t patterns = uint64_t{1} << (d.size() - 1);
  std::vector<int> sign(d.size(), 1);
  double sum = std::accumulate(d.begin(), d.end(), 0.0);
  uint64_t as_far = 0;
  for (uint64_t i = 0;; ++i) {
    if (std::fabs(sum) >= threshold) ++as_far;
    if (i + 1 == patterns) break;
    const auto flip = static_cast<size_t>(std::countr_zero(i + 1)) + 1;
    sum -= 2 * sign[flip] * d[flip];
    sign[flip] = -sign[flip];
  }
  return static_cast<double>(as_far) / static_cast<double>(patterns);
}

double drawn_share(std::span<const double> d, double threshold, uint64_t seed) {
  std::mt19937_64 random(seed);
  int as_far = 0;
  for (int draw = 0; draw < kSignFlipDraws; ++draw) {
    double sum = 0;
    uint64_t bits = 0;
    for (size_t i = 0; i < d.size(); ++i) {
      if (i % 64 == 0) bits = random();
      sum += (bits >> (i % 64) & 1U) != 0 ? d[i] : -d[i];
    }
    if (std::fabs(sum) >= threshold) ++as_far;
  }
  return (1.0 + as_far) / (1.0 + kSignFlipDraws);  // the pattern seen is one of them
}

}  // namespace

double sign_flip_p(std::span<const double> differences, uint64_t seed) {
  if (differences.empty()) return 1;
  double sum = 0;
  double size = 0;
  for (const double d : differences) {
    sum += d;
    size += std::fabs(d);
  }
  if (size == 0) return 1;
  const double threshold = std::fabs(sum) - 1e-12 * size;  // equal sums count as equal
  return differences.size() <= kSignFlipExact ? exact_share(differences, threshold)
                                              : drawn_share(differences, threshold, seed);
}

std::vector<double> benjamini_hochberg(std::span<const double> p_values) {
  const size_t m = p_values.size();
  std::vector<size_t> order(m);
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return p_values[a] < p_values[b]; });
  std::vector<double> adjusted(m);
  double smallest = 1;
  for (size_t rank = m; rank > 0; --rank) {
    const size_t i = order[rank - 1];
    smallest = std::min(smallest, p_values[i] * static_cast<double>(m) / static_cast<double>(rank));
    adjusted[i] = smallest;
  }
  return adjusted;
}

double geometric_mean(std::span<const double> values) {
  if (values.empty()) return kNan;
  double logs = 0;
  for (const double v : values) {
    if (!(v > 0)) return kNan;
    logs += std::log(v);
  }
  return std::exp(logs / static_cast<double>(values.size()));
}

double arithmetic_mean(std::span<const double> values) {
  if (values.empty()) return kNan;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double median(std::vector<double> values) {
  if (values.empty()) return kNan;
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

}  // namespace kiln::stats
