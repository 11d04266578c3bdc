#include "controller/app/log_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> cut(const std::string& log, size_t piece) {
  std::vector<std::string> lines;
  LineCutter cutter([&](int64_t number, std::string_view line) {
    EXPECT_EQ(number, static_cast<int64_t>(lines.size()) + 1);
    lines.emplace_back(line);
    return true;
  });
  for (size_t at = 0; at < log.size(); at += piece)
    EXPECT_TRUE(cutter.take(std::string_view(log).substr(at, piece)));
  cutter.finish();
  EXPECT_EQ(cutter.lines(), static_cast<int64_t>(lines.size()));
  EXPECT_EQ(cutter.bytes(), static_cast<int64_t>(log.size()));
  return lines;
}

TEST(LineCutter, PiecesOfAnySizeAreTheSameLines) {
  const std::string log = "one\ntwo\r\n\nfour, without an end";
  for (size_t piece = 1; piece <= log.size(); ++piece)
    EXPECT_THAT(cut(log, piece), ElementsAre("one", "two", "", "four, without an end"));
  EXPECT_THAT(cut("", 1), IsEmpty());
  EXPECT_THAT(cut("\n", 1), ElementsAre(""));
}

TEST(LineCutter, AnEndlessLineIsCut) {
  const std::string log = std::string(10 * LineCutter::kMostLine, 'x') + "\nnext\n";
  const auto lines = cut(log, 1000);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0], std::string(LineCutter::kMostLine, 'x') + "...");
  EXPECT_EQ(lines[1], "next");
}

LogPage page(int64_t first, int count, int64_t lines, int64_t* looked_at = nullptr) {
  LogPage out(first, count);
  int64_t number = 1;
  while (number <= lines && out.take(number, "line " + std::to_string(number))) ++number;
  if (looked_at != nullptr) *looked_at = number;
  return out;
}

TEST(LogPage, ARangeAndNoMoreIsRead) {
  int64_t looked_at = 0;
  const LogPage some = page(5, 2, 1'000'000, &looked_at);
  EXPECT_EQ(some.first_line(), 5);
  EXPECT_THAT(some.lines(), ElementsAre("line 5", "line 6"));
  EXPECT_EQ(looked_at, 6);
  EXPECT_THAT(page(5, 10, 6).lines(), ElementsAre("line 5", "line 6"));
  const LogPage beyond = page(50, 10, 6);
  EXPECT_THAT(beyond.lines(), IsEmpty());
  EXPECT_EQ(beyond.first_line(), 0);
}

TEST(LogPage, TheEndOfALog) {
  const LogPage end = page(0, 2, 9);
  EXPECT_EQ(end.first_line(), 8);
  EXPECT_THAT(end.lines(), ElementsAre("line 8", "line 9"));
  EXPECT_THAT(page(0, 2, 1).lines(), ElementsAre("line 1"));
  EXPECT_THAT(page(0, 2, 0).lines(), IsEmpty());
}

TEST(LogPage, LongLinesFillItSooner) {
  const std::string line(LineCutter::kMostLine, 'x');
  LogPage from(1, 2000);
  int64_t number = 1;
  while (number < 2000 && from.take(number, line)) ++number;
  EXPECT_EQ(from.lines().size(), LogPage::kMostBytes / line.size());
  LogPage end(0, 2000);
  for (number = 1; number < 2000; ++number) end.take(number, line);
  EXPECT_LE(end.lines().size() * line.size(), LogPage::kMostBytes);
  EXPECT_EQ(end.first_line() + static_cast<int64_t>(end.lines().size()), 2000);
}

}  // namespace
}  // namespace kiln::controller
