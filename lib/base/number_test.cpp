#include "lib/base/number.h"

#include <gtest/gtest.h>

namespace kiln {
namespace {

/// "value|what is left", or "none|what is left".
std::string taken(std::string_view text) {
  const auto number = take_number(text);
  return (number ? std::to_string(*number) : "none") + "|" + std::string(text);
}

TEST(TakeNumber, TakesTheDigitsInFront) {
  EXPECT_EQ(taken("12,812"), "12|,812");
  EXPECT_EQ(taken("007"), "7|");
  EXPECT_EQ(taken("18446744073709551615."), "18446744073709551615|.");
}

TEST(TakeNumber, TakesNothingWhenThereIsNone) {
  EXPECT_EQ(taken(""), "none|");
  EXPECT_EQ(taken("-1"), "none|-1");
  EXPECT_EQ(taken(" 1"), "none| 1");
  EXPECT_EQ(taken("18446744073709551616"), "none|18446744073709551616");
}

}  // namespace
}  // namespace kiln
