#include "agent/console/readable.h"

#include <gtest/gtest.h>

#include <random>

namespace kiln::agent {
namespace {

TEST(ReadableTest, TakesTerminalCommandsOut) {
  EXPECT_EQ(readable_line("\x1b[2J\x1b[01;32m[  OK  ]\x1b[0m Started\x1b(B x\x1b=y"),
            "[  OK  ] Started xy");
  EXPECT_EQ(readable_line("\x1b]0;title\ahello\x1b]2;t\x1b\\!"), "hello!");
  EXPECT_EQ(readable_line("a\tb\b\x7f\r"), "a\tb");
  EXPECT_EQ(readable_line("SeaBIOS \xc2\x9b"
                          "31mred"),
            "SeaBIOS 31mred");
}

TEST(ReadableTest, KeepsTextAndMarksWhatIsNoCharacter) {
  EXPECT_EQ(readable_line("caf\xc3\xa9 \xe2\x82\xac"), "caf\xc3\xa9 \xe2\x82\xac");
  EXPECT_EQ(readable_line("torn \xe2\x82 end \xff"),
            "torn \xef\xbf\xbd\xef\xbf\xbd end \xef\xbf\xbd");
}

TEST(ReadableTest, ACommandThatIsCutSwallowsNothingBehindIt) {
  EXPECT_EQ(readable_line("panic\x1b"), "panic");
  EXPECT_EQ(readable_line("panic\x1b[12"), "panic");
  EXPECT_EQ(readable_line("\x1b]no end of it"), "no end of it");
}

TEST(ReadableTest, NothingThatCommandsATerminalIsLeft) {
  std::mt19937 random(11);
  for (int round = 0; round < 500; ++round) {
    std::string raw;
    for (int i = 0; i < 60; ++i)
      raw += random() % 4 == 0 ? '\x1b' : static_cast<char>(random() % 256);
    for (const char c : readable_line(raw)) {
      EXPECT_TRUE(c == '\t' || static_cast<unsigned char>(c) >= 0x20) << raw;
      EXPECT_NE(c, '\x7f');
    }
  }
}

}  // namespace
}  // namespace kiln::agent
