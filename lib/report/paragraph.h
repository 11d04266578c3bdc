#pragma once
/// Plain text in 72 columns. Pure.
#include <string>
#include <string_view>

namespace kiln::report {

inline constexpr size_t kColumns = 72;

/// One line, safe for a terminal and a mail: control characters become spaces, bytes that are no
/// UTF-8 become U+FFFD, blanks at the ends go.
std::string clean_line(std::string_view text);

/// Number of code points: what a column count means here.
size_t width_of(std::string_view text);

/// `text` at least `width` columns wide, blanks behind it.
std::string padded(std::string_view text, size_t width);

/// Words of `text` in lines of kColumns: the first begins with `first`, the others with blanks of
/// the same width (or of `hang`, when given). A word that does not fit stands alone, unbroken: a
/// name that is cut cannot be copied. Ends with a newline.
std::string wrapped(std::string_view first, std::string_view text, size_t hang = std::string::npos);

}  // namespace kiln::report
