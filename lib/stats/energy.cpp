#include "lib/stats/energy.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

namespace kiln::stats {
namespace {

/// Sums of values by rank: how far a value is from all that came before it, in O(log n).
class Distances {
 public:
  explicit Distances(size_t n) : count_(n + 1), sum_(n + 1) {}

  void clear() {
    std::fill(count_.begin(), count_.end(), 0);
    std::fill(sum_.begin(), sum_.end(), 0);
    total_count_ = total_sum_ = 0;
  }
  /// Sum of |value - other| over those added.
  double to_added(size_t rank, double value) const {
    double count = 0;
    double sum = 0;
    for (size_t i = rank + 1; i > 0; i &= i - 1) count += count_[i], sum += sum_[i];
    return value * count - sum + (total_sum_ - sum) - value * (total_count_ - count);
  }
  void add(size_t rank, double value) {
    for (size_t i = rank + 1; i < count_.size(); i += i & (~i + 1))
      count_[i] += 1, sum_[i] += value;
    total_count_ += 1;
    total_sum_ += value;
  }

 private:
  std::vector<double> count_;
  std::vector<double> sum_;
  double total_count_ = 0;
  double total_sum_ = 0;
};

/// A series in any order, with what does not change when it is shuffled.
class Series {
 public:
  explicit Series(std::span<const double> values);
  Split best(size_t least);
  void shuffle(std::mt19937_64* random);

 private:
  struct Item {
    double value;
    size_t rank;
    double to_all;  ///< sum of distances to all others
  };
  std::vector<Item> items_;
  Distances distances_;
  double all_pairs_ = 0;  ///< sum of distances over pairs
};

Series::Series(std::span<const double> values) : distances_(values.size()) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return values[a] < values[b]; });
  std::vector<size_t> rank(values.size());
  for (size_t i = 0; i < order.size(); ++i) rank[order[i]] = i;
  for (size_t i = 0; i < values.size(); ++i) {
    distances_.add(rank[i], values[i]);
    items_.push_back({values[i], rank[i], 0});
  }
  for (Item& item : items_) {
    item.to_all = distances_.to_added(item.rank, item.value);
    all_pairs_ += item.to_all / 2;
  }
}

Split Series::best(size_t least) {
  Split out;
  const auto n = static_cast<double>(items_.size());
  distances_.clear();
  double within_left = 0;
  double within_right = all_pairs_;
  for (size_t i = 0; i + 1 < items_.size(); ++i) {
    const Item& item = items_[i];
    const double to_left = distances_.to_added(item.rank, item.value);
    distances_.add(item.rank, item.value);
    within_left += to_left;
    within_right -= item.to_all - to_left;
    const auto left = static_cast<double>(i + 1);
    const double right = n - left;
    if (i + 1 < least || items_.size() - i - 1 < least || left < 2 || right < 2) continue;
    const double between = all_pairs_ - within_left - within_right;
    const double energy = 2 * between / (left * right) - 2 * within_left / (left * (left - 1)) -
                          2 * within_right / (right * (right - 1));
    const double statistic = left * right / n * energy;
    if (out.at == 0 || statistic > out.statistic) out = {i + 1, statistic};
  }
  return out;
}

/// Fisher and Yates, written out: std::shuffle differs between libraries.
void Series::shuffle(std::mt19937_64* random) {
  for (size_t i = items_.size(); i > 1; --i) std::swap(items_[i - 1], items_[(*random)() % i]);
}

}  // namespace

Split best_split(std::span<const double> values, size_t least) {
  return Series(values).best(least);
}

double split_p(std::span<const double> values, const Split& split, size_t least, int permutations,
               uint64_t seed) {
  constexpr int kEnough = 20;  // as good by chance so often: no change (Besag and Clifford 1991)
  if (split.at == 0) return 1;
  Series series(values);
  std::mt19937_64 random(seed);
  const double reached = split.statistic - 1e-12 * std::fabs(split.statistic);
  int as_good = 0;
  for (int draw = 1; draw <= permutations; ++draw) {
    series.shuffle(&random);
    if (series.best(least).statistic >= reached) ++as_good;
    if (as_good == kEnough) return static_cast<double>(kEnough) / draw;
  }
  return (1.0 + as_good) / (1.0 + permutations);
}

}  // namespace kiln::stats
