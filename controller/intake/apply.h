#pragma once
/// Patches onto a tree in the repository, without a checkout.
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "controller/intake/git.h"
#include "lib/series/series.h"

namespace kiln::intake {

struct Applied {
  std::vector<std::string> trees;  ///< [k-1] = base + patches 1..k
  std::vector<std::string> notes;
};

/// Applies the patches in order. A patch that does not apply exactly is tried with a three-way
/// merge. kBadInput names the patch ("series" or "helper" as `what`), file and hunk; `onto` says
/// what they are applied to.
Result<Applied> apply_patches(const Git& git, const std::string& base_tree,
                              std::span<const series::Patch> patches, const std::string& what,
                              const std::string& onto, std::stop_token stop);

}  // namespace kiln::intake
