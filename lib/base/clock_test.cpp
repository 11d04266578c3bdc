#include "lib/base/clock.h"

#include <gtest/gtest.h>

namespace kiln {
namespace {

TEST(DistinctTimes, NeverTheSameTwice) {
  FakeClock clock;
  clock.advance(Millis(5'000));
  DistinctTimes times(clock);
  const WallTime first = times.next();
  EXPECT_EQ(first, clock.now());
  EXPECT_EQ(times.next(), first + Millis(1));
  clock.advance(Millis(10));
  EXPECT_EQ(times.next(), clock.now());
}

}  // namespace
}  // namespace kiln
