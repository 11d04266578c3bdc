#pragma once
/// Test lists as igt_runner --test-list reads them: one `igt@binary[@subtest[@dynamic]]` a line,
/// empty lines, comments from `#` to the end of the line. Pure.
#include <set>
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

/// Names of all tests that an image holds, for quick look-ups.
class KnownTests {
 public:
  /// `text` has one igt@binary[@subtest] a line, as `igt_runner --list-all` prints them; other
  /// lines are left away.
  explicit KnownTests(std::string_view text);

  [[nodiscard]] bool empty() const { return names_.empty(); }
  /// A dynamic subtest is known when its subtest is (dynamic ones show only while they run), a
  /// binary when any of its subtests is.
  [[nodiscard]] bool has(std::string_view name) const;
  /// The known test nearest to `name`, or "" when none is near enough to be meant.
  [[nodiscard]] std::string nearest(std::string_view name) const;

 private:
  std::set<std::string, std::less<>> names_;  ///< as reported, with the binaries alone
};

/// kBadInput for the first entry that is not known, at its place in `text`, with the nearest known
/// one as the hint.
Status check_known(const TestList& list, std::string_view text, const KnownTests& known);

/// Entries without a result among `finished` (names as reported), in order. A whole binary counts
/// as finished with the first result of any of its subtests.
std::vector<std::string> without_finished(std::span<const std::string> names,
                                          std::span<const std::string> finished);

/// The text to hand to igt_runner: one name a line.
std::string format_test_list(std::span<const std::string> names);

}  // namespace kiln::igt
