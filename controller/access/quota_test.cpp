#include "controller/access/quota.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::controller {
namespace {

using ::testing::HasSubstr;

TEST(Quota, RunsThatHaveNotEndedAreBoundedAndThoseBeingPreparedCount) {
  FakeClock clock;
  Quota quota(clock, {3, 0});
  EXPECT_TRUE(quota.enter("anna", 2));
  {
    const auto first = quota.enter("anna", 1);
    const auto second = quota.enter("anna", 1);
    ASSERT_TRUE(first && second);
    const auto third = quota.enter("anna", 1);
    ASSERT_FALSE(third);
    EXPECT_EQ(third.error().kind, ErrorKind::kNoSpace);
    EXPECT_EQ(third.error().message, "anna has 3 runs that have not ended; a user may have 3");
    EXPECT_THAT(third.error().hint, HasSubstr("runs_a_user in kilnd.yaml"));
    EXPECT_TRUE(quota.enter("bob", 1)) << "others are not disturbed";
  }
  EXPECT_TRUE(quota.enter("anna", 1)) << "none is being prepared any more";
  EXPECT_FALSE(quota.enter("anna", 3));
}

TEST(Quota, SubmissionsInAMinuteAreBoundedAndRefusalsDoNotCount) {
  FakeClock clock;
  Quota quota(clock, {0, 2});
  EXPECT_TRUE(quota.enter("anna", 0));
  clock.advance(Millis(30'000));
  EXPECT_TRUE(quota.enter("anna", 0));
  for (int i = 0; i < 10; ++i) {
    const auto refused = quota.enter("anna", 0);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message,
              "anna has handed in 2 jobs within a minute, which is as many as a user may");
    EXPECT_THAT(refused.error().hint, HasSubstr("try again in 30 s"));
  }
  EXPECT_TRUE(quota.enter("bob", 0));
  clock.advance(Millis(30'000));
  EXPECT_TRUE(quota.enter("anna", 0)) << "the first one is a minute old";
  EXPECT_FALSE(quota.enter("anna", 0));
}

TEST(Quota, TheFoldersOwnerIsNotBounded) {
  FakeClock clock;
  Quota quota(clock, {1, 1});
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(quota.enter("local", 100));
}

}  // namespace
}  // namespace kiln::controller
