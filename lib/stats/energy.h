#pragma once
/// The core of E-divisive (Matteson and James 2014) for one value a night: where do the two parts
/// of a series differ most, and is that more than chance? Pure; safe for concurrent use.
#include <cstdint>
#include <span>

namespace kiln::stats {

struct Split {
  size_t at = 0;         ///< first index of the second part; 0: too short to be split
  double statistic = 0;  ///< weighted energy distance of the parts (exponent 1)
};

/// The split into two parts of at least `least` values that differ most. O(n log n).
Split best_split(std::span<const double> values, size_t least);

/// Share of shuffled series whose best split is at least as good. `permutations` bounds the draws;
/// a split that is clearly chance ends them early. Repeatable for a seed.
double split_p(std::span<const double> values, const Split& split, size_t least, int permutations,
               uint64_t seed);

}  // namespace kiln::stats
