#pragma once
/// Pieces of the HTML report. Every string of the message goes through escape(). Pure.
#include <string>
#include <string_view>

namespace kiln::report {

/// Text for an HTML element or a quoted attribute: valid UTF-8, & < > " ' as references, control
/// characters but newline and tab as U+FFFD.
std::string escape(std::string_view bytes);

}  // namespace kiln::report
