#pragma once
/// One test in one config: what the two sides' boots mean together. Pure.
#include <string>
#include <vector>

#include "lib/verdict/observe.h"

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
};

/// Rules:
///   pass or skip -> bad: regression; bad -> other bad: warning; bad -> pass: fix;
///   pass -> skip or missing: coverage-lost; bad -> skip or missing: warning;
///   bad on both sides alike: not-the-series; either side mixed: flaky;
///   new and bad: regression; new and good: new-test.
/// A difference counts with 1 + `confirmations` boots on each side, else it is unconfirmed; an
/// unconfirmed regression or fix is a warning.
Classified classify(const TestView& test, const ConfigView& view, int confirmations);

}  // namespace kiln::verdict
