#include "lib/igt/test_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::igt {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string error_of(std::string_view text) {
  const auto list = parse_test_list(text, "jobs/x.testlist");
  return list ? "" : render(list.error());
}

TEST(TestList, NamesCommentsAndBlanks) {
  const auto list = parse_test_list(
      "# i915 without a GPU\n\nigt@i915_selftest@mock@requests\r\n  igt@gem_pread@basic  # fast\n"
      "igt@drm_buddy",
      "x");
  ASSERT_TRUE(list.has_value());
  EXPECT_THAT(list->names(), ElementsAre("igt@i915_selftest@mock@requests", "igt@gem_pread@basic",
                                         "igt@drm_buddy"));
  EXPECT_EQ(list->entries[1].line, 4);
  EXPECT_EQ(list->entries[1].column, 3);
}

TEST(TestList, SaysWhereALineIsMalformed) {
  EXPECT_EQ(error_of("igt@a@b\ngem_pread@basic\n"),
            "error: `gem_pread@basic` is no test name\n"
            " --> jobs/x.testlist:2:1\n"
            "2 | gem_pread@basic\n"
            "  | ^^^^^^^^^^^^^^^ did you mean `igt@gem_pread@basic`?");
  EXPECT_EQ(error_of("igt@gem_pread@*\n"),
            "error: `*` may not stand in a test name\n"
            " --> jobs/x.testlist:1:15\n"
            "1 | igt@gem_pread@*\n"
            "  |               ^ patterns are not expanded: list each test");
  EXPECT_EQ(error_of("  igt@@basic\n"),
            "error: the binary's name is empty\n"
            " --> jobs/x.testlist:1:6\n"
            "1 |   igt@@basic\n"
            "  |      ^ write igt@binary@subtest");
  EXPECT_EQ(error_of("igt@a@b@c@d\n"),
            "error: a test name has at most three parts after `igt`\n"
            " --> jobs/x.testlist:1:10\n"
            "1 | igt@a@b@c@d\n"
            "  |          ^^ write igt@binary@subtest@dynamic");
  EXPECT_EQ(error_of("igt@a@b c\n"),
            "error: byte 0x20 may not stand in a test name\n"
            " --> jobs/x.testlist:1:8\n"
            "1 | igt@a@b c\n"
            "  |        ^");
}

TEST(TestList, NamesThatStandTwice) {
  EXPECT_EQ(error_of("igt@a@b\n# x\nigt@A@b\n"),
            "error: `igt@A@b` stands twice\n"
            " --> jobs/x.testlist:3:1\n"
            "3 | igt@A@b\n"
            "  | ^^^^^^^ first on line 1");
}

TEST(TestList, EmptyListNamesTheFile) {
  for (const std::string_view text : {"", "\n\n", "# only words\n"}) {
    const auto list = parse_test_list(text, "jobs/empty.testlist");
    ASSERT_FALSE(list.has_value());
    EXPECT_EQ(list.error().kind, ErrorKind::kBadInput);
    EXPECT_EQ(list.error().message, "jobs/empty.testlist holds no test");
  }
}

TEST(TestList, BinaryBytesAreRefusedWithValidText) {
  const auto list = parse_test_list(std::string("igt@a\xff\x00z", 8), "x");
  ASSERT_FALSE(list.has_value());
  EXPECT_EQ(list.error().message, "byte 0xff may not stand in a test name");
}

TEST(TestList, UnknownNamesGetTheNearest) {
  const std::vector<std::string> known{"igt@gem_pread@basic", "igt@i915_selftest@mock"};
  const std::string text = "igt@gem_pread@basic\nigt@i915_selftest@mock@requests\nigt@gem_pread\n";
  const auto good = parse_test_list(text, "x");
  ASSERT_TRUE(good.has_value());
  EXPECT_TRUE(check_known(*good, text, known).has_value());
  const std::string bad_text = "# words\nigt@gem_pread@basics\n";
  const auto bad = parse_test_list(bad_text, "x");
  ASSERT_TRUE(bad.has_value());
  const Status status = check_known(*bad, bad_text, known);
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(render(status.error()),
            "error: unknown test `igt@gem_pread@basics`\n"
            " --> x:2:1\n"
            "2 | igt@gem_pread@basics\n"
            "  | ^^^^^^^^^^^^^^^^^^^^ did you mean `igt@gem_pread@basic`?");
}

TEST(TestList, WithoutFinished) {
  const std::vector<std::string> names{"igt@template@A", "igt@a@b", "igt@a@bc", "igt@whole",
                                       "igt@s@mock@x"};
  const std::vector<std::string> finished{"igt@template@a", "igt@a@bc", "igt@whole@one",
                                          "igt@s@mock"};
  const auto left = without_finished(names, finished);
  EXPECT_THAT(left, ElementsAre("igt@a@b", "igt@s@mock@x"));
  EXPECT_EQ(format_test_list(left), "igt@a@b\nigt@s@mock@x\n");
  EXPECT_THAT(without_finished(names, names), IsEmpty());
}

}  // namespace
}  // namespace kiln::igt
