#pragma once
/// The cover letter's sentences, each with what the run says of it. Pure.
#include <vector>

#include "lib/verdict/observe.h"
#include "lib/verdict/verdict.h"

namespace kiln::verdict {

/// confirmed: the rule holds in every boot (every result, every comparison) that counts;
/// refuted: in none (a comparison with another answer, a test that fails in every boot);
/// not-decidable: anything else, with the reason. Wall clock of an emulated machine decides
/// nothing.
std::vector<Claim> judge_claims(const Input& input, const std::vector<ConfigView>& views,
                                const std::vector<Comparison>& comparisons,
                                const std::vector<MetricInteraction>& interactions);

}  // namespace kiln::verdict
