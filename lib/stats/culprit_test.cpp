// The culprit among patches or commits: failures that always come, failures that come now and then.
#include "lib/stats/culprit.h"

#include <gtest/gtest.h>

#include <bit>
#include <limits>

#include "lib/stats/simulate.h"

namespace kiln::stats {
namespace {

using Prefixes = std::vector<PrefixRuns>;

Prefixes confirmed(int patches, PrefixRuns baseline, PrefixRuns patched) {
  Prefixes out(static_cast<size_t>(patches) + 1);
  out.front() = baseline;
  out.back() = patched;
  return out;
}

struct Search {
  Culprit found;
  int runs = 0;
};

/// Runs what is asked for, at most `most` times, on kernels with the given failure rates.
Search search(Prefixes prefixes, int culprit, double before, double after, int most,
              Random* random) {
  Search out;
  for (out.found = find_culprit(prefixes, {}); out.runs < most; ++out.runs) {
    const std::optional<int> next = next_prefix(out.found);
    if (!next) break;
    PrefixRuns& runs = prefixes[static_cast<size_t>(*next)];
    EXPECT_TRUE(runs.testable) << *next;
    ++runs.runs;
    runs.failures += random->chance(*next < culprit ? before : after) ? 1 : 0;
    out.found = find_culprit(prefixes, {});
  }
  return out;
}

TEST(Culprit, AFailureThatAlwaysComesTakesLog2Runs) {
  Random random(1);
  for (const int patches : {1, 2, 3, 4, 5, 7, 8, 9, 16, 31, 50, 64, 100, 1000}) {
    // ceil(log2 N); one more where the answer would hang on one run against half of so many.
    const int most = std::bit_width(static_cast<unsigned>(patches - 1)) + (patches > 64 ? 1 : 0);
    for (int culprit = 1; culprit <= patches; culprit += patches > 200 ? 37 : 1) {
      const Search got = search(confirmed(patches, {0, 5}, {5, 5}), culprit, 0, 1, 99, &random);
      ASSERT_TRUE(got.found.decided) << culprit << " of " << patches;
      EXPECT_EQ(got.found.first, culprit);
      EXPECT_EQ(got.found.last, culprit);
      EXPECT_TRUE(got.found.shown);
      EXPECT_LE(got.runs, most) << culprit << " of " << patches;
    }
  }
}

TEST(Culprit, AFailureThatComesNowAndThenIsFoundInNineOfTen) {
  Random random(2);
  for (const auto& [before, after] : {std::pair{0.05, 0.6}, {0.0, 0.5}, {0.2, 0.9}}) {
    int right = 0;
    int decided = 0;
    double runs = 0;
    constexpr int kTrials = 150;
    for (int trial = 0; trial < kTrials; ++trial) {
      const int culprit = 1 + trial % 8;
      PrefixRuns baseline{0, 14};
      PrefixRuns patched{0, 14};
      for (int i = 0; i < 14; ++i) {
        baseline.failures += random.chance(before) ? 1 : 0;
        patched.failures += random.chance(after) ? 1 : 0;
      }
      const Search got =
          search(confirmed(8, baseline, patched), culprit, before, after, 80, &random);
      decided += got.found.decided ? 1 : 0;
      right += got.found.decided && got.found.first == culprit && got.found.last == culprit ? 1 : 0;
      runs += got.runs;
    }
    EXPECT_GE(decided, 0.97 * kTrials) << after;
    EXPECT_GE(right, 0.9 * kTrials) << after;
    EXPECT_LT(runs / kTrials, 35) << after;
  }
}

TEST(Culprit, AContradictionIsNotHidden) {
  // Prefix 1 failed and then passed: no longer a failure that always comes, so no answer yet.
  Prefixes prefixes = confirmed(2, {0, 5}, {5, 5});
  prefixes[1] = {1, 1};
  EXPECT_EQ(find_culprit(prefixes, {}).first, 1);
  EXPECT_TRUE(find_culprit(prefixes, {}).decided);
  prefixes[1] = {1, 2};
  const Culprit open = find_culprit(prefixes, {});
  EXPECT_FALSE(open.decided);
  EXPECT_EQ(next_prefix(open), 1);
  EXPECT_LT(open.rate_after, 1);
}

TEST(Culprit, PrefixesThatCannotBeTestedLeaveARange) {
  Random random(3);
  Prefixes prefixes = confirmed(4, {0, 5}, {5, 5});
  prefixes[2].testable = false;
  const Search got = search(prefixes, 2, 0, 1, 9, &random);
  EXPECT_TRUE(got.found.decided);
  EXPECT_EQ(got.found.first, 2);
  EXPECT_EQ(got.found.last, 3);
  for (PrefixRuns& prefix : prefixes) prefix.testable = false;
  const Search none = search(prefixes, 2, 0, 1, 9, &random);
  EXPECT_TRUE(none.found.decided);
  EXPECT_EQ(none.runs, 0);
  EXPECT_EQ(none.found.last - none.found.first, 3);
}

TEST(Culprit, FindingsShareTheirBoots) {
  // Two failures of a series of four: the first by patch 1, the second by patch 4.
  std::vector<Prefixes> findings(2, confirmed(4, {0, 5}, {5, 5}));
  const std::vector<int> culprits{1, 4};
  std::vector<Culprit> found(2);
  int boots = 0;
  for (;; ++boots) {
    for (size_t i = 0; i < 2; ++i) found[i] = find_culprit(findings[i], {});
    const std::optional<int> next = next_prefix(found);
    if (!next) break;
    ASSERT_LT(boots, 9);
    for (size_t i = 0; i < 2; ++i) {
      PrefixRuns& runs = findings[i][static_cast<size_t>(*next)];
      ++runs.runs;
      runs.failures += *next >= culprits[i] ? 1 : 0;
    }
  }
  EXPECT_EQ(found[0].first, 1);
  EXPECT_EQ(found[1].first, 4);
  EXPECT_EQ(boots, 3);  // prefix 2 serves both
}

TEST(Culprit, NoPatchNoCulprit) {
  EXPECT_EQ(find_culprit({}, {}).first, 0);
  EXPECT_FALSE(find_culprit(Prefixes(1), {}).decided);
  EXPECT_EQ(next_prefix(find_culprit(Prefixes(1), {})), std::nullopt);
  const Culprit one = find_culprit(confirmed(1, {0, 5}, {5, 5}), {});
  EXPECT_TRUE(one.decided);
  EXPECT_EQ(one.first, 1);
  EXPECT_EQ(one.confidence, 1);
}

TEST(Culprit, ImpossibleCountsAreCut) {
  constexpr int kMost = std::numeric_limits<int>::max();
  Prefixes prefixes = confirmed(3, {-4, 5}, {kMost, 5});
  prefixes[1] = {3, -1};
  prefixes[2] = {kMost, kMost};
  const Culprit got = find_culprit(prefixes, {});
  double sum = 0;
  for (const double chance : got.chance) sum += chance;
  EXPECT_NEAR(sum, 1, 1e-9);
}

}  // namespace
}  // namespace kiln::stats
