#pragma once
/// Numbers in text; pure.
#include <cstdint>
#include <optional>
#include <string_view>

namespace kiln {

/// Takes the decimal number that `text` begins with off it; nullopt, and nothing taken, when it
/// begins with none or with one beyond 64 bits.
std::optional<uint64_t> take_number(std::string_view& text);

}  // namespace kiln
