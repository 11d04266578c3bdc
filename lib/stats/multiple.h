#pragma once
/// Tests that need no distribution, many tests at once, and means. Pure; safe for concurrent use.
#include <cstdint>
#include <span>
#include <vector>

namespace kiln::stats {

/// Up to so many pairs all 2^n sign patterns are counted, exactly: as two halves of 2^(n/2) sums
/// each. Beyond, kSignFlipDraws patterns are drawn.
inline constexpr int kSignFlipExact = 40;
inline constexpr int kSignFlipDraws = 100'000;

/// Two-sided sign-flip permutation test of "the differences are symmetric around 0": the share of
/// sign patterns whose sum is at least as far from 0 as the one seen. n pairs reach 2 / 2^n at
/// best, so fewer than 6 never get below 5 %. `seed` matters beyond kSignFlipExact pairs only.
double sign_flip_p(std::span<const double> differences, uint64_t seed);

/// Benjamini-Hochberg: adjusted p-values in the order given.
std::vector<double> benjamini_hochberg(std::span<const double> p_values);

/// NaN when empty or when a value is not above 0.
double geometric_mean(std::span<const double> values);
double arithmetic_mean(std::span<const double> values);  ///< NaN when empty
double median(std::vector<double> values);               ///< NaN when empty

}  // namespace kiln::stats
