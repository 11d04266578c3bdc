#pragma once
/// A console's bytes as people read them. Pure.
#include <string>
#include <string_view>

namespace kiln::agent {

/// One line without terminal commands and control characters, valid UTF-8. The raw bytes are kept
/// elsewhere: this is for looking at.
std::string readable_line(std::string_view raw);

}  // namespace kiln::agent
