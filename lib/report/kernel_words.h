#pragma once
/// A kernel report for people, in a few lines. Pure.
#include <string>
#include <vector>

#include "kiln/v1/report.pb.h"

namespace kiln::report {

/// "in i915; came 3 times; the test had ended already; this oops already happens on base", "" when
/// nothing is known beyond its words.
std::string kernel_report_facts(const v1::KernelReport& report);

/// "shmem_pread drivers/gpu/drm/i915/i915_gem.c:233", innermost first, of a decoded stack; a
/// function without a line by its name and module. Empty when no function has a line.
std::vector<std::string> kernel_report_places(const v1::KernelReport& report);

/// Title, facts and places, or else the telling lines of its words: at most `most` besides the
/// facts.
std::vector<std::string> kernel_report_lines(const v1::KernelReport& report, size_t most);

}  // namespace kiln::report
