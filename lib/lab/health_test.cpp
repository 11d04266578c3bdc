#include "lib/lab/health.h"

#include <gtest/gtest.h>

namespace kiln::lab {
namespace {

constexpr HealthRules kRules{Millis(60'000), Millis(600'000)};

WallTime at(int64_t seconds) {
  return WallTime(Millis(seconds * 1000));
}

TEST(Health, TheFirstCheckComesSoonAfterTheQuarantine) {
  EXPECT_EQ(next_check({at(100), 0, {}}, kRules), at(160));
}

TEST(Health, EachFailureDoublesTheWaitUpToABound) {
  EXPECT_EQ(next_check({at(100), 1, at(200)}, kRules), at(320));
  EXPECT_EQ(next_check({at(100), 2, at(400)}, kRules), at(640));
  EXPECT_EQ(next_check({at(100), 4, at(400)}, kRules), at(1000));
  EXPECT_EQ(next_check({at(100), 1'000'000, at(400)}, kRules), at(1000));
}

}  // namespace
}  // namespace kiln::lab
