#pragma once
/// Words of the static side that every view of a report uses. Pure.
#include <string>

#include "kiln/v1/report.pb.h"

namespace kiln::report {

/// "2/3 drm/i915/gt: ..."
std::string patch_words(const v1::RunReport& report, int patch);
/// "W=1, sparse, checkpatch; 3 objects, 12 older warnings"
std::string covered_words(const v1::StaticCoverage& covered);
/// "drivers/x.c:12: text", and how checkpatch rates it
std::string check_words(const v1::StaticCheck& check);
/// "shmem_pread (i915_gem.o): stack 96 -> 1180 bytes, size 100 -> 400 bytes"
std::string growth_words(const v1::SymbolGrowth& growth);

}  // namespace kiln::report
