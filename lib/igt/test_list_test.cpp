#include "lib/igt/test_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/igt/name.h"

namespace kiln::igt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
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

/// The text that a user sees for a list that names an unknown test, "" when all are known.
std::string refusal(const std::string& text, const std::string& known) {
  const auto list = parse_test_list(text, "x.testlist");
  if (!list) return "no list";
  const Status status = check_known(*list, text, KnownTests(known));
  return status ? "" : render(status.error());
}

constexpr const char* kKnown =
    "igt@gem_pread@basic\nigt@gem_pread@self\nigt@i915_selftest@mock\nigt@template@A\n"
    "igt@meta_test\nTESTLIST\nigt@bad name\n";

TEST(TestList, KnownAreSubtestsTheirDynamicOnesAndWholeBinaries) {
  EXPECT_EQ(refusal("igt@gem_pread@basic\nigt@i915_selftest@mock@requests\nigt@gem_pread\n"
                    "igt@Template@a\nigt@meta_test\n",
                    kKnown),
            "");
}

TEST(TestList, BinariesInFoldersKeepTheirNames) {
  const std::string text = "igt@amdgpu/amd_basic@memory-alloc\n";
  const auto list = parse_test_list(text, "x");
  ASSERT_TRUE(list.has_value());
  EXPECT_THAT(list->names(), ElementsAre("igt@amdgpu/amd_basic@memory-alloc"));
  EXPECT_EQ(test_name("amdgpu/amd_basic", "memory-alloc"), list->names().front());
}

TEST(TestList, UnknownNamesGetTheNearest) {
  EXPECT_EQ(refusal("# words\nigt@gem_pread@basics\n", kKnown),
            "error: unknown test `igt@gem_pread@basics`\n"
            " --> x.testlist:2:1\n"
            "2 | igt@gem_pread@basics\n"
            "  | ^^^^^^^^^^^^^^^^^^^^ did you mean `igt@gem_pread@basic`?");
  // The binary is mistyped, and a dynamic subtest does not hide that.
  EXPECT_THAT(refusal("igt@i915_selftset@mock@requests\n", kKnown),
              HasSubstr("did you mean `igt@i915_selftest@mock`?"));
}

TEST(TestList, ASubtestIsLookedForInItsOwnBinaryFirst) {
  const KnownTests known("igt@gem_pwrite@self\nigt@gem_pread@selfish\n");
  EXPECT_EQ(known.nearest("igt@gem_pread@self"), "igt@gem_pread@selfish");
}

TEST(TestList, ANameLikeNoOtherSaysSo) {
  EXPECT_THAT(refusal("igt@quite_something@else\n", kKnown),
              HasSubstr("the machine's image holds no test of a like name"));
}

TEST(TestList, KnownTestsOfGarbageAreNone) {
  EXPECT_TRUE(KnownTests(std::string("\xff\x00 igt\nnothing here\n", 18)).empty());
  EXPECT_TRUE(KnownTests("").empty());
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
