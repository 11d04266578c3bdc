#include "controller/scheduler/preparer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::scheduler {
namespace {

/// What the user sees of a job with one list, "" = all its tests are known.
std::string refusal(const std::string& text, const std::string& names) {
  Prepared prepared;
  auto list = igt::parse_test_list(text, "jobs/small.testlist");
  if (!list) return "no list";
  prepared.lists.push_back({"gem", text, list->names(), *list, text});
  const Status checked = Preparer::check_tests(prepared, names);
  return checked ? "" : render(checked.error());
}

TEST(CheckTests, AnUnknownSubtestIsRefusedAtItsLineWithTheNearest) {
  const std::string names = "igt@gem_pread@basic\nigt@gem_pread@self\n";
  EXPECT_EQ(refusal("igt@gem_pread@self\n", names), "");
  EXPECT_EQ(refusal("# reads\n  igt@gem_pread@slef  # mistyped\n", names),
            "error: unknown test `igt@gem_pread@slef`\n"
            " --> jobs/small.testlist:2:3\n"
            "2 |   igt@gem_pread@slef  # mistyped\n"
            "  |   ^^^^^^^^^^^^^^^^^^ did you mean `igt@gem_pread@self`?");
}

TEST(CheckTests, NamesThatNameNothingAreNoReasonToRefuse) {
  Prepared prepared;
  const Status checked = Preparer::check_tests(prepared, "<html>not found</html>\n");
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().kind, ErrorKind::kInfrastructure);
}

}  // namespace
}  // namespace kiln::scheduler
