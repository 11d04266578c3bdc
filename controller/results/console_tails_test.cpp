#include "controller/results/console_tails.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::results {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ConsoleTails, EachSessionHasItsOwnLines) {
  ConsoleTails tails;
  tails.add(1, "one");
  tails.add(2, "other");
  tails.add(1, "two");
  EXPECT_EQ(tails.of(1).first, 1);
  EXPECT_THAT(tails.of(1).lines, ElementsAre("one", "two"));
  EXPECT_EQ(tails.of(1).all_lines, 2);
  EXPECT_EQ(tails.of(1).all_bytes, 8);  // with the lines' ends
  tails.drop(1);
  EXPECT_THAT(tails.of(1).lines, IsEmpty());
  EXPECT_EQ(tails.of(1).all_lines, 0);
  EXPECT_THAT(tails.of(2).lines, ElementsAre("other"));
}

TEST(ConsoleTails, OldLinesGoAndNumbersStay) {
  ConsoleTails tails;
  const std::string line(1000, 'x');
  for (int i = 0; i < 1000; ++i) tails.add(1, line);
  const auto said = tails.of(1);
  EXPECT_EQ(said.lines.size(), ConsoleTails::kMost / line.size());
  EXPECT_EQ(said.all_lines, 1000);
  EXPECT_EQ(said.first, 1001 - static_cast<int64_t>(said.lines.size()));
}

TEST(ConsoleTails, ManySessionsShareTheMemory) {
  constexpr size_t kTotal = 1 << 20;
  ConsoleTails tails(kTotal);
  const std::string line(100, 'x');
  for (int64_t session = 1; session <= 2000; ++session)
    for (int i = 0; i < 100; ++i) tails.add(session, line);
  for (int64_t session = 1; session <= 2000; ++session) tails.add(session, line);
  size_t bytes = 0;
  for (int64_t session = 1; session <= 2000; ++session)
    for (const std::string& text : tails.of(session).lines) bytes += text.size();
  EXPECT_LE(bytes, 2000 * ConsoleTails::kLeast);
  EXPECT_EQ(tails.of(1).all_lines, 101);
}

TEST(ConsoleTails, AnEndlessLineIsCut) {
  ConsoleTails tails;
  tails.add(1, std::string(10 * ConsoleTails::kMostLine, 'x'));
  EXPECT_THAT(tails.of(1).lines, ElementsAre(std::string(ConsoleTails::kMostLine, 'x') + "..."));
}

}  // namespace
}  // namespace kiln::results
