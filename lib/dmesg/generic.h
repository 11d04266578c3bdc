#pragma once
/// Which functions say nothing about whose fault a report is. Internal.
#include <string_view>

namespace kiln::dmesg {

/// `name` without a compiler's suffix.
bool is_generic(std::string_view name);

}  // namespace kiln::dmesg
