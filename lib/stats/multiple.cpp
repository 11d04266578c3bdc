#include "lib/stats/multiple.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

namespace kiln::stats {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// All sums of `fixed` and +-d, ascending.
std::vector<double> sorted_sums(double fixed, std::span<const double> d) {
  std::vector<double> sums{fixed};
  for (const double value : d) {
    const double size = std::fabs(value);
    std::vector<double> less(sums.size());
    std::vector<double> more(sums.size());
    std::transform(sums.begin(), sums.end(), less.begin(), [&](double s) { return s - size; });
    std::transform(sums.begin(), sums.end(), more.begin(), [&](double s) { return s + size; });
    sums.resize(2 * sums.size());
    std::merge(less.begin(), less.end(), more.begin(), more.end(), sums.begin());
  }
  return sums;
}

/// All sign patterns but their mirror images: the first sign stays. Each pattern is a sum of one
/// half and a sum of the other, so that two sorted lists are walked against each other.
double exact_share(std::span<const double> d, double threshold) {
  if (threshold <= 0) return 1;
  const std::span<const double> rest = d.subspan(1);
  const std::vector<double> left = sorted_sums(d[0], rest.first(rest.size() / 2));
  const std::vector<double> right = sorted_sums(0, rest.subspan(rest.size() / 2));
  uint64_t as_far = 0;
  size_t above = right.size();  // right[above ...] make the sum reach the threshold
  size_t below = right.size();  // right[... below) make it reach its opposite
  for (const double sum : left) {
    while (above > 0 && sum + right[above - 1] >= threshold) --above;
    while (below > 0 && sum + right[below - 1] > -threshold) --below;
    as_far += right.size() - above + below;
  }
  return static_cast<double>(as_far) /
         (static_cast<double>(left.size()) * static_cast<double>(right.size()));
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
