#include "lib/nights/night.h"

#include <gtest/gtest.h>

#include <vector>

namespace kiln::nights {
namespace {

Night night(int64_t id, const std::string& tree, const std::string& result = "no-regression") {
  return {id, {tree, "job"}, true, result, 20, 20, 0};
}

TEST(Unchanged, NeedsTheSameTreeAndTheSameJob) {
  const std::vector<Night> nights{night(7, "aaa")};
  EXPECT_EQ(unchanged({"aaa", "job"}, nights), "nothing changed since run 7");
  EXPECT_EQ(unchanged({"bbb", "job"}, nights), std::nullopt);
  EXPECT_EQ(unchanged({"aaa", "other"}, nights), std::nullopt);
  EXPECT_EQ(unchanged({"aaa", "job"}, {}), std::nullopt);
}

TEST(Unchanged, LooksAtTheLastNightThatCameToItsEnd) {
  std::vector<Night> nights{night(9, "bbb", "infrastructure"), night(8, "bbb"), night(7, "aaa")};
  nights[1].ended = false;
  EXPECT_EQ(unchanged({"bbb", "job"}, nights), std::nullopt);
  EXPECT_EQ(unchanged({"aaa", "job"}, nights), "nothing changed since run 7");
  // A night that found regressions has told all there is to tell of that tree.
  EXPECT_EQ(unchanged({"ccc", "job"}, std::vector<Night>{night(9, "ccc", "regression")}),
            "nothing changed since run 9");
  nights[1] = night(8, "bbb");
  nights[1].got = 19;
  EXPECT_EQ(unchanged({"bbb", "job"}, nights), std::nullopt);
}

TEST(LastGood, HasNoRegressionAndNoLoss) {
  std::vector<Night> nights{night(9, "d", "regression"), night(8, "c", "infrastructure"),
                            night(7, "b"), night(6, "a"), night(5, "a")};
  nights[2].regressed = 1;
  nights[3].got = 12;
  ASSERT_NE(last_good(nights), nullptr);
  EXPECT_EQ(last_good(nights)->run_id, 5);
  EXPECT_EQ(last_good(std::vector<Night>{nights[0], nights[1]}), nullptr);
}

}  // namespace
}  // namespace kiln::nights
