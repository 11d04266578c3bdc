#include "lib/base/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/base/clock.h"
#include "lib/base/result.h"

namespace kiln {
namespace {

using testing::ElementsAre;

TEST(Text, FindsTheNearestName) {
  const std::vector<std::string> names{"repeats", "series", "source"};
  EXPECT_EQ(nearest("repeat", names), "repeats");
  EXPECT_EQ(nearest("sorce", names), "source");
  EXPECT_EQ(nearest("xyzzy-quux", names), "");
}

TEST(Text, SplitsLinesWithEitherEnding) {
  EXPECT_THAT(split_lines("a\r\nb\n\nc"), ElementsAre("a", "b", "", "c"));
  EXPECT_THAT(split_lines(""), ElementsAre());
}

TEST(Text, ReplacesInvalidUtf8ByteByByte) {
  EXPECT_EQ(to_valid_utf8("gr\xC3\xBC\xC3\x9F \xFF\xC3"),
            "gr\xC3\xBC\xC3\x9F \xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(to_valid_utf8("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");  // a surrogate
}

TEST(Text, QuotesForTheShell) {
  EXPECT_EQ(shell_quote("plain-1.0"), "plain-1.0");
  EXPECT_EQ(shell_quote("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_quote(""), "''");
}

TEST(Text, MatchesGlobs) {
  EXPECT_TRUE(glob_match("igt@gem_*@basic", "igt@gem_pread@basic"));
  EXPECT_TRUE(glob_match("*", ""));
  EXPECT_FALSE(glob_match("igt@gem_?", "igt@gem_pread"));
}

TEST(Clock, PrintsTimesAndSizesForPeople) {
  EXPECT_EQ(to_rfc3339(WallTime(Millis(1'000))), "1970-01-01T00:00:01.000Z");
  EXPECT_EQ(human_duration(Millis(390'000)), "6 min 30 s");
  EXPECT_EQ(human_duration(Millis(300)), "0.3 s");
  EXPECT_EQ(human_duration(Millis(7'500'000)), "2 h 05 min");
  EXPECT_EQ(human_bytes(212'000'000), "212 MB");
  EXPECT_EQ(human_bytes(1'400'000'000), "1.4 GB");
}

TEST(Error, RendersPositionSourceAndCaret) {
  Error error(ErrorKind::kBadInput, "unknown field `repeat`");
  error.position = Position{"jobs/kmap.yaml", 14, 3};
  error.source_line = "  repeat: 5";
  error.span = 6;
  error.hint = "did you mean `repeats`?";
  EXPECT_EQ(render(error),
            "error: unknown field `repeat`\n"
            " --> jobs/kmap.yaml:14:3\n"
            "14 |   repeat: 5\n"
            "   |   ^^^^^^ did you mean `repeats`?");
}

}  // namespace
}  // namespace kiln
