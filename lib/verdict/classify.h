#pragma once
/// One test in one config: what the two sides' boots mean together. Pure.
#include <string>
#include <vector>

#include "lib/verdict/observe.h"
#include "lib/verdict/rates.h"

namespace kiln::verdict {

enum class Cls {
  kNone,  ///< nothing to tell
  kRegression,
  kFix,
  kWarning,
  kFlaky,
  kCoverageLost,
  kNewTest,
  kNotTheSeries,
};

std::string_view to_string(Cls cls);  ///< kiln.v1.Finding.class

struct Classified {
  Cls cls = Cls::kNone;
  /// Not enough boots on both sides yet: the class is what it looks like, no more.
  bool unconfirmed = false;
  /// Flaky, but bad only with the series and more than once: too few boots to clear the series.
  bool only_patched = false;
  /// Bad with the series, and the baseline gave nothing to hold it against.
  bool no_baseline = false;
  /// Of a regression, fix or lost coverage: how sure, 0 to 1; 0 = not decided by counts.
  double confidence = 0;
  /// Further boots on each side that a decision needs at least; 0 = decided, or the bound reached.
  int more_each = 0;
};

/// Rules:
///   failure rate risen: regression; fallen: fix; as before: flaky, with its counts;
///   (a fix must pass in most boots);
///   bad in every boot of both sides: not-the-series, or a warning when most of the patched side
///   ends as the baseline never does;
///   pass -> skip or missing: coverage-lost; bad -> skip or missing: warning;
///   bad with the series and nothing before: regression when the series brings the test;
///   new and good: new-test.
/// Whether a rate has risen or fallen is the sequential test's word (rates.h): until it has one
/// the difference is unconfirmed, and a warning.
Classified classify(const TestView& test, const ConfigView& view, const stats::RateRules& rules,
                    const stats::RatePrior& prior = {});

/// Does a dynamic subtest below this subtest regress already? When it kills the machine, whether
/// the subtest above it leaves a result is chance, and no boots are spent on that.
bool spoken_for(const TestView& test, const ConfigView& view, const stats::RateRules& rules);

}  // namespace kiln::verdict
