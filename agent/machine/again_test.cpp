#include "agent/machine/again.h"

#include <gtest/gtest.h>

namespace kiln::agent {
namespace {

TEST(AgainTest, OnlyAConnectionThatBrokeIsAReasonAndTheSameBootThePlace) {
  EXPECT_TRUE(is_tried_again({1, true, false, false}, 2));
  EXPECT_FALSE(is_tried_again({2, true, false, false}, 2));
  EXPECT_FALSE(is_tried_again({1, false, false, false}, 2));
  EXPECT_FALSE(is_tried_again({1, true, true, false}, 2));
  EXPECT_FALSE(is_tried_again({1, true, false, true}, 2));
}

}  // namespace
}  // namespace kiln::agent
