#pragma once
/// Sizes of symbols and of stack frames, as nm and gcc's -fstack-usage print them. Pure.
#include <map>
#include <string>
#include <string_view>

#include "lib/statics/statics.h"

namespace kiln::statics {

/// A name as the source has it: what the compiler appends when it clones or splits a function
/// (.isra.0, .part.1, .constprop.0, .cold) or numbers a local variable (count.12) goes.
std::string source_name(std::string_view symbol);

/// `nm -A -S --defined-only` of several objects: sizes by object and symbol; clones of one function
/// add up. The build's own symbols (ksymtab, unique ids) are left out.
std::map<std::string, std::map<std::string, uint64_t>> read_nm(std::string_view output);

/// A .su file: the largest frame by function.
std::map<std::string, uint64_t> read_stack_usage(std::string_view text);

}  // namespace kiln::statics
