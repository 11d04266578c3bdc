#pragma once
/// Which patch of the series brought a confirmed regression, from boots of its prefixes. Pure.
#include <string>
#include <vector>

#include "lib/verdict/findings.h"

namespace kiln::verdict {

/// A prefix that gave no usable boot in so many tries is not asked for again.
inline constexpr int kMostBisectionTries = 3;
/// Boots of one prefix, for tests that fail only now and then.
inline constexpr int kMostBootsOfAPrefix = 8;

/// The series up to `patches` of `all`: "baseline", "prefix-2", "patched".
std::string variant_of(int patches, int all);

/// Gives each regression the patch that the boots so far prove, and the steps that led there.
void name_patches(const Input& input, std::vector<Judged>* judged);

/// Makes one of regressions that show the same kernel report in the same place and that were laid
/// to one patch: which of several reports a test makes first is chance.
void join_causes(std::vector<Judged>* judged);

}  // namespace kiln::verdict
