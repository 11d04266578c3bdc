#pragma once
/// A finding for somebody who knows neither the run nor Kiln. Pure.
#include <string>

#include "lib/verdict/findings.h"

namespace kiln::verdict {

/// Two sentences: what happened, and why it is laid to the series or not.
std::string explain(const Input& input, const Judged& judged);

/// What a finding is about, the same in every run of the same trouble: its test, else the kernel
/// report's signature, a metric, a build's error; "" when it is about this run alone.
std::string subject_of(const Finding& finding);

}  // namespace kiln::verdict
