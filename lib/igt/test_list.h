#pragma once
/// Test lists as igt_runner --test-list reads them: one `igt@binary[@subtest[@dynamic]]` a line,
/// empty lines, comments from `#` to the end of the line. Pure.
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"

namespace kiln::igt {

struct TestListEntry {
  std::string name;  ///< as written
  int line = 0;      ///< from 1
  int column = 0;
};

struct TestList {
  std::string file;
  std::vector<TestListEntry> entries;  ///< in order, at least one, no name twice

  [[nodiscard]] std::vector<std::string> names() const;
};

/// kBadInput with file, line and column: a malformed line, a name that stands twice (the runner
/// would run it twice and keep one result), or a list without a test (names the file).
Result<TestList> parse_test_list(std::string_view text, const std::string& file);

/// kBadInput for the first entry that is none of `known` (igt@binary@subtest), with the nearest
/// one as the hint. A dynamic subtest is known when its subtest is, a binary when any of its
/// subtests is.
Status check_known(const TestList& list, std::string_view text, std::span<const std::string> known);

/// Entries without a result among `finished` (names as reported), in order. A whole binary counts
/// as finished with the first result of any of its subtests.
std::vector<std::string> without_finished(std::span<const std::string> names,
                                          std::span<const std::string> finished);

/// The text to hand to igt_runner: one name a line.
std::string format_test_list(std::span<const std::string> names);

}  // namespace kiln::igt
