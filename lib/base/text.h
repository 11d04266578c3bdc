#pragma once
/// Small text helpers; pure.
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kiln {

/// Number of single-character edits between a and b.
int edit_distance(std::string_view a, std::string_view b);
/// The candidate nearest to `word`, or "" when none is near enough to be meant (a third of its
/// length).
std::string nearest(std::string_view word, std::span<const std::string> candidates);
std::vector<std::string> split(std::string_view text, char separator);
std::vector<std::string> split_lines(std::string_view text);
std::string_view trim(std::string_view text);
std::string join(std::span<const std::string> parts, std::string_view separator);
/// Bytes as text that is valid UTF-8: each invalid byte becomes U+FFFD.
std::string to_valid_utf8(std::string_view bytes);
/// For a POSIX shell: 'it'\''s'
std::string shell_quote(std::string_view text);
std::string shell_join(std::span<const std::string> argv);
bool glob_match(std::string_view pattern, std::string_view text);  ///< * and ? only

}  // namespace kiln
