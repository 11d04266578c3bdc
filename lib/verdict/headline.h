#pragma once
/// The run's result and the one sentence about it. Pure.
#include <vector>

#include "lib/verdict/findings.h"
#include "lib/verdict/verdict.h"

namespace kiln::verdict {

/// Fills result, exit_code, reasons and headline from what `out` holds already.
///
/// Result, first that fits: interrupted (130); regression (1): a confirmed one in tests, builds,
/// kernel reports or a deciding comparison; infrastructure (3): the run could not go on, or a
/// config has a side without a usable boot; inconclusive (3): a difference is unconfirmed, the
/// series lost results that the baseline has, a test is flaky and bad only with the series, a
/// result has no baseline, a deciding comparison still allows a slowdown beyond its margin, or no
/// planned test gave a result; no-regression (0). Results lost on both sides alike leave 0, and
/// the headline says that they are missing.
void conclude(const Input& input, const std::vector<Judged>& judged, Output* out);

}  // namespace kiln::verdict
