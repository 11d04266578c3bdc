#include "lib/igt/bounded.h"

#include <gtest/gtest.h>

namespace kiln::igt {
namespace {

TEST(BoundedText, ShortTextIsWhole) {
  BoundedText text(16);
  text.append("0123");
  text.append("456789abcdef");
  EXPECT_EQ(text.str(), "0123456789abcdef");
}

TEST(BoundedText, LongTextKeepsBothEnds) {
  BoundedText text(16);
  for (int i = 0; i < 26; ++i) text.append(std::string(1, static_cast<char>('a' + i)));
  EXPECT_EQ(text.str(), "abcd\n[... 10 bytes left out ...]\nopqrstuvwxyz");
  BoundedText at_once(16);
  at_once.append("abcdefghijklmnopqrstuvwxyz");
  EXPECT_EQ(at_once.str(), text.str());
}

TEST(BoundedText, BudgetIsShared) {
  Budget budget{10};
  BoundedText one(16);
  BoundedText two(16);
  one.append("01234567", &budget);
  two.append("abcdefgh", &budget);
  EXPECT_EQ(budget.left, 0U);
  EXPECT_EQ(one.str(), "01234567");
  EXPECT_EQ(two.str(), "ab\n[... 6 bytes left out ...]\n");
}

}  // namespace
}  // namespace kiln::igt
