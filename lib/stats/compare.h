#pragma once
/// One metric on two sides, paired by boot: how much it changed and which of the three answers
/// holds. Pure; safe for concurrent use.
#include <cstdint>
#include <span>

#include "lib/stats/student.h"

namespace kiln::stats {

enum class Answer {
  kChanged,  ///< the 95 % interval excludes 0 and the effect is at least the smallest of interest
  kEquivalent,    ///< the 90 % interval lies inside +-margin
  kInconclusive,  ///< neither: more pairs are needed
};

struct CompareRules {
  double margin_percent = 2;    ///< of equivalence
  double smallest_percent = 1;  ///< smallest effect of interest
  uint64_t seed = 0;            ///< of the sign-flip test when there are too many pairs for all
};

/// Right against left, in percent of left.
struct Compared {
  int n = 0;        ///< pairs that counted
  int dropped = 0;  ///< pairs with a value that is no finite number
  /// True: ratios (logs). False: a value is 0 or negative, so there is no logarithm; differences
  /// are compared, in percent of the mean of the left side.
  bool by_ratio = true;
  /// False: the left side is 0 throughout; then percentages mean nothing and are 0.
  bool has_percent = true;
  PairedT paired;  ///< of log ratios, or of differences
  double left_typical = 0;
  double right_typical = 0;  ///< geometric means by ratio, else arithmetic
  double change_percent = 0;
  Interval ci95_percent;
  Interval ci90_percent;
  double p_signflip = 1;
  double p_tost = 1;
  double detectable_percent = 0;  ///< infinite with fewer than 2 pairs
};

/// left[i] and right[i] are one pair. A longer side's rest is ignored.
Compared compare(std::span<const double> left, std::span<const double> right,
                 const CompareRules& rules);

/// `p` is the p-value to decide by: raw, or adjusted for the other comparisons of the run.
Answer answer(const Compared& compared, const CompareRules& rules, double p);

/// Pairs to add until an answer is likely (80 %), if things are as they look now: until the effect
/// seen would show at the two-sided level `alpha`, or until equivalence would, whichever comes
/// first. At least 1.
int more_pairs(const Compared& compared, const CompareRules& rules, double alpha = 0.05);

/// Between percent and the scale of Compared::paired: logs, or the values' own unit.
Interval margin_on_scale(const Compared& compared, double percent);
Interval to_percent(const Compared& compared, Interval on_scale);

}  // namespace kiln::stats
