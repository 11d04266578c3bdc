#include "lib/dmesg/line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::dmesg {
namespace {

using ::testing::ElementsAre;

/// "caller level time text" of each line, "-" for what is not told.
std::vector<std::string> parts(std::string_view raw) {
  std::vector<Line> lines;
  take_apart(raw, lines);
  std::vector<std::string> out;
  for (const Line& line : lines) {
    std::string who = "-";
    if (line.caller != kNoCaller)
      who = line.caller >= kProcessor ? "C" + std::to_string(line.caller - kProcessor)
                                      : "T" + std::to_string(line.caller);
    out.push_back(who + " " + (line.level < 0 ? "-" : std::to_string(line.level)) + " " +
                  (line.time ? std::to_string(*line.time) : "-") + " " + line.text);
  }
  return out;
}

TEST(Line, AllWaysToWriteOne) {
  EXPECT_THAT(parts("[   12.345678] text"), ElementsAre("- - 12.345678 text"));
  EXPECT_THAT(parts("[   12.345678][  T412] text"), ElementsAre("T412 - 12.345678 text"));
  EXPECT_THAT(parts("[   12.345678][    C1]  text"), ElementsAre("C1 - 12.345678  text"));
  EXPECT_THAT(parts("<4>[   12.345678][    C1] text"), ElementsAre("C1 4 12.345678 text"));
  EXPECT_THAT(parts("<4> [12.345678] text"), ElementsAre("- 4 12.345678 text"));
  EXPECT_THAT(parts("2026-11-24T21:15:00.123Z [   12.345678] text"),
              ElementsAre("- - 12.345678 text"));
  EXPECT_THAT(parts("4,812,12345678,-;text"), ElementsAre("- 4 12.345678 text"));
  EXPECT_THAT(parts("12,812,12345678,c,caller=C3;text"), ElementsAre("C3 4 12.345678 text"));
  EXPECT_THAT(parts("text only"), ElementsAre("- - - text only"));
  EXPECT_THAT(parts(""), ElementsAre("- - - "));
  EXPECT_THAT(parts("[   12.345678][  Tx] text"), ElementsAre("- - 12.345678 [  Tx] text"));
}

TEST(Line, TornOnes) {
  EXPECT_THAT(parts("usb 1-1: new[   12.345678] BUG: x"),
              ElementsAre("- - - usb 1-1: new", "- - 12.345678 BUG: x"));
  EXPECT_THAT(parts("[   12.345678][ T1] a[   12.345679][ T2] b[   12.345680] c"),
              ElementsAre("T1 - 12.345678 a", "T2 - 12.345679 b", "- - 12.345680 c"));
  EXPECT_THAT(parts("a\rb\r"), ElementsAre("- - - a", "- - - b"));
  EXPECT_THAT(parts("\r[   12.345678] x\r\r"), ElementsAre("- - 12.345678 x"));
  EXPECT_THAT(parts("array[12.34] and [ 1.5] are text"),
              ElementsAre("- - - array[12.34] and [ 1.5] are text"));
}

TEST(Line, ARecordHoldsLines) {
  EXPECT_THAT(parts(R"(6,1,2000000,-,caller=T5;a\x0ab\x09c)"),
              ElementsAre("T5 6 2.000000 a", "T5 6 2.000000 b\tc"));
  EXPECT_THAT(parts(R"([   12.345678] a\x0ab)"), ElementsAre(R"(- - 12.345678 a\x0ab)"));
}

TEST(Line, ControlBytesGo) {
  EXPECT_THAT(parts(std::string_view("\x1b[1;31m[   12.345678] a\0b\x7f\x1b[0m", 31)),
              ElementsAre("- - 12.345678 ab"));
}

TEST(Line, ALongOneIsLookedAtSoFar) {
  std::vector<Line> lines;
  take_apart(std::string(1 << 20, 'x'), lines);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].text.size(), kMaxLineBytes);
}

}  // namespace
}  // namespace kiln::dmesg
