#pragma once
/// HIGHMEM x patch: is the series' effect another one with HIGHMEM than without? The difference of
/// two differences, each by boot. Pure; safe for concurrent use.
#include <span>

#include "lib/stats/compare.h"

namespace kiln::stats {

struct Interaction {
  PairedT on;   ///< effect of the series with HIGHMEM: log ratios patched to baseline
  PairedT off;  ///< and without
  /// True: pair i of both was taken together, so that the differences are paired. False: Welch.
  bool matched = false;
  double difference = 0;  ///< on.mean - off.mean
  double error = 0;       ///< standard error of the difference
  double df = 0;
  double t = 0;
  double p = 1;  ///< two-sided, of "the effect is the same"
  Interval ci95, ci90;
  double p_tost = 1;
  /// The difference in percent: how many times larger the ratio is with HIGHMEM, less 1.
  double percent = 0;
  Interval ci95_percent;
};

/// From log ratios of pairs. `matched` asks for the paired form and needs as many on both sides;
/// else Welch's is used. Fewer than 2 pairs on a side: p is 1 and the intervals are infinite.
Interaction interaction(std::span<const double> on, std::span<const double> off, bool matched,
                        const CompareRules& rules);

/// kChanged: HIGHMEM matters to the effect. kEquivalent: it does not, within the margin. `p` is the
/// p-value to decide by: raw, or adjusted for other metrics.
Answer answer(const Interaction& interaction, const CompareRules& rules, double p);

/// The difference's interval at another two-sided level; infinite at 0 and without an error.
Interval interval_at(const Interaction& interaction, double two_sided_p);

/// answer() where both effects were looked at several times: `p` counts the looks, and the interval
/// at the level `equivalence_p` (0.1 at a single look) must lie inside the margin.
Answer answer(const Interaction& interaction, const CompareRules& rules, double p,
              double equivalence_p);

/// Mean difference of two independent groups with unequal variances (Welch), a - b.
struct Welch {
  double difference = 0;
  double error = 0;
  double df = 0;
  double t = 0;
  double p = 1;
  Interval ci95, ci90;
};

/// A side with fewer than 2: p is 1 and the intervals are infinite.
Welch welch(std::span<const double> a, std::span<const double> b);

}  // namespace kiln::stats
