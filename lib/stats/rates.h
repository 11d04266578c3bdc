#pragma once
/// Does a test fail more often with the series than without? Decided while the runs come in, after
/// each pair of runs, and still right for all the looking. Pure; safe for concurrent use.
/// How it is done and how often it errs: docs/statistics.md, "Failure rates".
#include "lib/stats/student.h"

namespace kiln::stats {

/// What earlier runs say of a test on that machine and config, discounted by the caller with age.
/// It is shown to people with the decision. It counts as much as knowing nothing does, so that a
/// history that no longer holds can't decide alone; more than kMostHistory runs weigh no more.
struct RatePrior {
  double failures = 0;
  double runs = 0;
};
inline constexpr double kMostHistory = 50;

/// All runs of both sides, the pair that raised the suspicion included.
struct RateCounts {
  int baseline_failures = 0;
  int baseline_runs = 0;
  int patched_failures = 0;
  int patched_runs = 0;
};

enum class RateAnswer {
  kRegression,  ///< patched fails more often
  kAsBefore,    ///< it does not, or by less than the smallest increase
  kMore,        ///< not known yet: run both sides again
  kUndecided,   ///< not known, and the bound of runs is reached
};

struct RateRules {
  /// "Regression" is said when the runs are 1 / (1 - confidence) times as likely with a regression
  /// as without. 0.9995 is reached by 5 of 5 against 0 of 5 where the history is clean (10 runs or
  /// more), by 6 against 0 without a history.
  double confidence = 0.9995;
  double as_before_confidence = 0.95;  ///< the same the other way round, for "as before"
  /// Of the rate: smaller ones are not looked for. Within (0, 1).
  double smallest_increase = 0.3;
  int max_runs_each = 40;  ///< the bound that the figures of docs/statistics.md hold for
};

struct RateDecision {
  RateAnswer answer = RateAnswer::kMore;
  /// Achieved, 0 to 1: in the answer, or, when there is none yet, in a regression.
  double confidence = 0;
  /// 95 % intervals that stay true however often one looks.
  double baseline_low = 0;
  double baseline_high = 1;
  double patched_low = 0;
  double patched_high = 1;
  int more_each = 0;  ///< kMore: no answer can come before so many more runs on each side
};

/// Impossible counts (negative, more failures than runs) are cut to the nearest possible.
RateDecision decide_rates(const RateCounts& counts, const RatePrior& prior, const RateRules& rules);

/// Rates that an observed count does not speak against, valid at every look (a confidence sequence
/// by the method of mixtures, uniform mixture).
Interval rate_interval(int failures, int runs, double confidence = 0.95);

}  // namespace kiln::stats
