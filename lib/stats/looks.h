#pragma once
/// Looking at a comparison while its pairs still come in, without more false alarms than one look
/// at the end has: group-sequential boundaries by alpha spending (Lan and DeMets), repeated
/// intervals (Jennison and Turnbull). Pure; safe for concurrent use. Formulas: docs/statistics.md,
/// "Looks".
#include <span>
#include <vector>

#include "lib/stats/compare.h"

namespace kiln::stats {

/// How the allowed false alarms are spread over the looks.
enum class Spending {
  kObrienFleming,  ///< hardly any early: the last look is nearly a plain test
  kPocock,         ///< about the same at each look: big effects stop sooner, small ones show later
};

struct Looks {
  Spending spending = Spending::kObrienFleming;
  double alpha = 0.05;  ///< two-sided, over all looks together
  int planned_pairs = 0;
  /// Pairs at each look that was taken, ascending, the present one last. They need not be those
  /// that were planned: what is spent depends on the share of planned_pairs. At planned_pairs or
  /// beyond everything is spent; a look after that can't be significant.
  std::vector<int> pairs;
  bool operator==(const Looks&) const = default;
};

struct LookBound {
  double z = 0;          ///< significant when |z| reaches this; infinite when nothing is spent here
  double nominal_p = 0;  ///< the same as a two-sided p, which a t test of few pairs is held against
  double spent = 0;      ///< of alpha, up to and with this look
};

/// One bound a look. Looks that add no pairs spend nothing.
std::vector<LookBound> look_bounds(const Looks& looks);

/// For each nominal p-value at the present look the smallest alpha at which it would have been
/// significant: a p-value that counts the looks (for benjamini_hochberg). At least 1e-9.
std::vector<double> repeated_p(const Looks& looks, std::span<const double> nominal_p);

struct LookResult {
  Answer answer = Answer::kInconclusive;
  bool stop = false;             ///< answered, or the last planned look
  double repeated_p = 1;         ///< counts the looks
  double adjusted_p = 1;         ///< counts the other comparisons, too: decides
  LookBound bound;               ///< for this comparison alone
  double last_nominal_p = 0.05;  ///< what a test is held against at the last planned look
  /// Intervals that hold at all looks together; on the scale of Compared::paired and in percent.
  Interval repeated95, repeated90;
  Interval repeated95_percent, repeated90_percent;
  int more_pairs = 0;       ///< without an answer: pairs to add until one is likely; 0 with one
  bool within_plan = true;  ///< more_pairs are not more than the plan still has
};

/// The present look at a comparison of looks.pairs.back() pairs. Changed: the test is beyond the
/// bound and the effect is of interest. Equivalent: the repeated 90 % interval is inside the
/// margin. The bound is exact for normal values; a t test is held against its nominal p-value.
LookResult look(const Compared& compared, const CompareRules& rules, const Looks& looks);

/// One comparison of a run, its rules, and the looks at it so far.
struct Watched {
  const Compared* compared = nullptr;
  CompareRules rules;
  Looks looks;
};

/// look() for the comparisons of one run: "changed" is decided by p-values adjusted for all of them
/// (Benjamini-Hochberg over repeated p-values).
std::vector<LookResult> look_at_all(std::span<const Watched> watched);
/// The same where all share rules and looks.
std::vector<LookResult> look_at_all(std::span<const Compared> compared, const CompareRules& rules,
                                    const Looks& looks);

}  // namespace kiln::stats
