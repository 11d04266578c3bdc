#pragma once
/// Names of tests: igt@binary[@subtest[@dynamic]]. Pure.
#include <string>
#include <string_view>

namespace kiln::igt {

/// Longer parts are cut.
inline constexpr size_t kMaxNamePart = 128;

/// The name under which igt_runner reports: lower case, bytes that no name may hold as `_`.
std::string test_name(std::string_view binary, std::string_view subtest = "",
                      std::string_view dynamic = "");

/// Lower case, as results are named: igt@template@A -> igt@template@a.
std::string as_reported(std::string_view name);

/// Whether a result named `result` is one of what the entry `entry` of a test list asks for:
/// itself, a dynamic subtest of it, or, for a whole binary, any of its subtests.
bool covers(std::string_view entry, std::string_view result);

}  // namespace kiln::igt
