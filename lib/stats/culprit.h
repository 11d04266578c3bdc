#pragma once
/// Which patch of a series (or which commit of a night) brought a failure: a bisection that bears
/// failures that come only now and then, and says how sure it is. Pure; safe for concurrent use.
/// The model: the failure rate is one value before the culprit and a higher one from it on.
#include <optional>
#include <span>
#include <vector>

namespace kiln::stats {

/// Runs of the failing test on "the first k patches applied"; an element per k = 0 ... N. The first
/// element is the baseline and the last the whole series: the runs that confirmed the regression.
struct PrefixRuns {
  int failures = 0;
  int runs = 0;
  bool testable = true;  ///< false: it does not build or boot. Ignored for the two ends.
};

struct CulpritRules {
  double confidence = 0.95;
  double smallest_increase = 0.3;  ///< of the failure rate at the culprit
};

struct Culprit {
  /// Patches (from 1); more than one when those between can't be told apart, because the prefixes
  /// that would do it are not testable. 0: there is no patch.
  int first = 0;
  int last = 0;
  double confidence = 0;  ///< that the culprit is one of first ... last
  /// Seen: prefix `last` failed at least once and prefix `first` - 1 passed at least once.
  bool shown = false;
  bool decided = false;  ///< sure enough, and shown
  double rate_before = 0;
  double rate_after = 0;            ///< expected failure rates on the two sides of the culprit
  std::vector<double> chance;       ///< [k - 1]: of patch k
  std::vector<double> information;  ///< [k]: bits about the culprit that a run of prefix k gives
};

/// Impossible counts are cut to the nearest possible.
Culprit find_culprit(std::span<const PrefixRuns> prefixes, const CulpritRules& rules);

/// The prefix to run next; none when decided. A failure that always comes is found in N patches
/// with ceil(log2 N) runs (up to 64 patches; beyond, one run more may be asked for, where all
/// would hang on a single one).
std::optional<int> next_prefix(const Culprit& culprit);

/// For several failures of one series: the prefix that tells most about all of them together, since
/// they share the boot. None when all are decided. All have the same number of prefixes.
std::optional<int> next_prefix(std::span<const Culprit> culprits);

}  // namespace kiln::stats
