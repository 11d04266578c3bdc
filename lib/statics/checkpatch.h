#pragma once
/// What scripts/checkpatch.pl prints. Pure.
#include <string_view>
#include <vector>

#include "lib/statics/statics.h"

namespace kiln::statics {

/// Options for output that read_checkpatch() reads: a line for each complaint, the place in the
/// changed file.
inline constexpr const char* kCheckpatchOptions =
    "--no-tree --strict --terse --showfile --show-types --no-summary --color=never";

/// Lines of "FILE:LINE: LEVEL:TYPE: text"; other lines are left out. A complaint about the patch's
/// message has no place.
std::vector<Check> read_checkpatch(std::string_view output);

}  // namespace kiln::statics
