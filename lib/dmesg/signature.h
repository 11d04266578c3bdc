#pragma once
/// What makes two reports the same one. Pure. Internal.
#include <string>
#include <string_view>
#include <vector>

#include "lib/dmesg/stack.h"

namespace kiln::dmesg {

/// Kind and top own functions, or the title where there are none or they say nothing. Of stalls and
/// lockups the outermost: where a loop was interrupted is chance.
std::string make_signature(std::string_view kind, std::string_view title,
                           const std::vector<StackEntry>& stack);

/// Numbers, addresses and numbers of processes become #.
std::string without_numbers(std::string_view title);

}  // namespace kiln::dmesg
