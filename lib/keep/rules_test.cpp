#include "lib/keep/rules.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace kiln::keep {
namespace {

const WallTime kNow{Millis(1'790'000'000'000)};

RunFacts run(int64_t id, const std::string& job, int days_ago) {
  return {id, job, true, kNow - std::chrono::days(days_ago), false, false};
}

std::vector<int64_t> kept(const std::vector<RunFacts>& runs, const Rules& rules) {
  std::vector<int64_t> ids;
  for (const Fate& fate : decide(runs, rules, kNow)) {
    EXPECT_EQ(fate.kept, !fate.why.empty());
    if (fate.kept) ids.push_back(fate.id);
  }
  return ids;
}

using Ids = std::vector<int64_t>;

TEST(Keep, WithoutRulesEverythingStays) {
  EXPECT_EQ(kept({run(1, "a", 4000), run(2, "b", 1)}, {}), (Ids{1, 2}));
  EXPECT_TRUE(keeps_everything({}));
  EXPECT_TRUE(keeps_everything({0, 0, false}));
}

TEST(Keep, TheNewestOfEachJobStay) {
  const std::vector<RunFacts> runs = {run(1, "a", 9), run(2, "a", 8), run(3, "b", 7),
                                      run(4, "a", 6)};
  EXPECT_EQ(kept(runs, {2, 0, true}), (Ids{2, 3, 4}));
  EXPECT_EQ(kept(runs, {1, 0, true}), (Ids{3, 4}));
}

TEST(Keep, AnUnfinishedRunCountsForNobody) {
  std::vector<RunFacts> runs = {run(1, "a", 9), run(2, "a", 8)};
  runs[1].ended = false;
  EXPECT_EQ(kept(runs, {1, 0, true}), (Ids{1, 2}));
}

TEST(Keep, TheLastDaysStay) {
  const std::vector<RunFacts> runs = {run(1, "a", 31), run(2, "a", 30), run(3, "a", 29)};
  EXPECT_EQ(kept(runs, {0, 30, true}), (Ids{3}));
}

TEST(Keep, RulesAdd) {
  const std::vector<RunFacts> runs = {run(1, "a", 90), run(2, "b", 80), run(3, "b", 2),
                                      run(4, "b", 1)};
  EXPECT_EQ(kept(runs, {1, 7, true}), (Ids{1, 3, 4}));
}

TEST(Keep, FindingsAndPeopleKeep) {
  std::vector<RunFacts> runs = {run(1, "a", 90), run(2, "a", 80), run(3, "a", 70), run(4, "a", 1)};
  runs[0].open_findings = true;
  runs[1].kept_by_hand = true;
  EXPECT_EQ(kept(runs, {1, 0, true}), (Ids{1, 2, 4}));
  EXPECT_EQ(kept(runs, {1, 0, false}), (Ids{2, 4}));
}

/// A clock that went back, or a run from the future: kept by the days, never lost by them.
TEST(Keep, AWrongClockKeeps) {
  EXPECT_EQ(kept({run(1, "a", -400)}, {0, 1, true}), (Ids{1}));
}

TEST(Keep, MoreRulesNeverKeepLess) {
  std::mt19937 random(11);
  for (int round = 0; round < 300; ++round) {
    std::vector<RunFacts> runs;
    for (int64_t id = 1; id <= 40; ++id) {
      RunFacts one = run(id, std::string(1, static_cast<char>('a' + random() % 4)),
                         static_cast<int>(random() % 60));
      one.ended = random() % 8 != 0;
      one.open_findings = random() % 6 == 0;
      one.kept_by_hand = random() % 9 == 0;
      runs.push_back(one);
    }
    Rules few{1 + static_cast<int>(random() % 5), static_cast<int>(random() % 20), false};
    Rules more{few.runs + static_cast<int>(random() % 3), few.days + static_cast<int>(random() % 9),
               true};
    const Ids less = kept(runs, few);
    const Ids all = kept(runs, more);
    EXPECT_TRUE(std::includes(all.begin(), all.end(), less.begin(), less.end()));
    for (const RunFacts& one : runs)
      if (!one.ended || one.kept_by_hand) {
        EXPECT_TRUE(std::binary_search(less.begin(), less.end(), one.id));
      }
  }
}

}  // namespace
}  // namespace kiln::keep
