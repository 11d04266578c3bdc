// Bounds against nested quadrature and the published tables; the three answers; false alarms.
#include "lib/stats/looks.h"

#include <gtest/gtest.h>

#include <cmath>

#include "lib/stats/simulate.h"
#include "lib/stats/test_oracle.h"

namespace kiln::stats {
namespace {

Looks looks_at(std::vector<int> pairs, int planned, Spending spending = Spending::kObrienFleming) {
  return {spending, 0.05, planned, std::move(pairs)};
}

TEST(LooksOracle, BoundsAgreeWithNestedQuadrature) {
  ASSERT_EQ(oracle()["looks"].size(), 8U);
  for (const auto& row : oracle()["looks"]) {
    Looks looks;
    looks.spending = row["spending"] == "pocock" ? Spending::kPocock : Spending::kObrienFleming;
    looks.alpha = row["alpha"].get<double>();
    looks.pairs = row["pairs"].get<std::vector<int>>();
    looks.planned_pairs = row["planned"].get<int>();
    const std::vector<LookBound> got = look_bounds(looks);
    ASSERT_EQ(got.size(), row["bounds"].size());
    for (size_t i = 0; i < got.size(); ++i)
      expect_close(got[i].z, row["bounds"][i], row.dump().c_str());
  }
}

TEST(Looks, BoundsAreThePublishedOnes) {
  // Five equal looks, two-sided 5 %, as the tables give them to 4 digits.
  const Values obrien{4.8769, 3.3569, 2.6803, 2.2898, 2.0310};
  const Values pocock{2.4380, 2.4268, 2.4102, 2.3966, 2.3860};
  const std::vector<LookBound> a = look_bounds(looks_at({4, 8, 12, 16, 20}, 20));
  const std::vector<LookBound> b = look_bounds(looks_at({4, 8, 12, 16, 20}, 20, Spending::kPocock));
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_NEAR(a[i].z, obrien[i], 2e-4) << i;
    EXPECT_NEAR(b[i].z, pocock[i], 2e-4) << i;
  }
  EXPECT_NEAR(a.back().spent, 0.05, 1e-12);
  EXPECT_NEAR(a[2].nominal_p, std::erfc(a[2].z / std::sqrt(2)), 1e-15);
}

TEST(Looks, ALookWithoutNewPairsOrBeyondThePlanSpendsNothing) {
  const std::vector<LookBound> got = look_bounds(looks_at({6, 6, 4, 12, 15}, 12));
  ASSERT_EQ(got.size(), 5U);
  EXPECT_TRUE(std::isinf(got[1].z));
  EXPECT_TRUE(std::isinf(got[2].z));
  EXPECT_EQ(got[2].nominal_p, 0);
  EXPECT_NEAR(got[3].z, look_bounds(looks_at({6, 12}, 12))[1].z, 1e-12);
  EXPECT_TRUE(std::isinf(got[4].z));
  EXPECT_TRUE(look_bounds(looks_at({}, 12)).empty());
  EXPECT_NEAR(look_bounds(looks_at({9}, 0))[0].nominal_p, 0.05, 1e-12);  // no plan: one look
}

TEST(Looks, RepeatedPCrossesAlphaAtTheBound) {
  for (const Spending spending : {Spending::kObrienFleming, Spending::kPocock}) {
    const Looks looks = looks_at({4, 8}, 12, spending);
    const double bound = look_bounds(looks).back().nominal_p;
    const std::vector<double> got =
        repeated_p(looks, Values{1e-30, bound / 3, bound, bound * 1.01, 0.5, 1});
    EXPECT_NEAR(got[2], 0.05, 1e-12);
    EXPECT_LT(got[1], 0.05);
    EXPECT_GT(got[3], 0.05);
    EXPECT_GT(got[4], 0.5);
    EXPECT_EQ(got[5], 1);
    EXPECT_TRUE(std::is_sorted(got.begin(), got.end()));
    EXPECT_GE(got[0], 1e-9);
  }
  // At the only look it is the p-value itself.
  const std::vector<double> plain = repeated_p(looks_at({12}, 12), Values{0.001, 0.03, 0.2});
  EXPECT_NEAR(plain[0], 0.001, 1e-6);
  EXPECT_NEAR(plain[1], 0.03, 1e-5);
  EXPECT_NEAR(plain[2], 0.2, 1e-4);
}

Compared compare_logs(const Values& logs) {
  Values left(logs.size(), 100);
  Values right;
  for (const double value : logs) right.push_back(100 * std::exp(value));
  return compare(left, right, {});
}

TEST(Looks, ThreeAnswersAndWhenToStop) {
  const Looks second = looks_at({4, 8}, 12);
  const Compared faster = compare_logs({-.05, -.06, -.04, -.055, -.045, -.05, -.06, -.04});
  const Compared same = compare_logs({.001, -.001, .002, -.002, .001, 0, -.001, .0005});
  const Compared open = compare_logs({-.03, .04, -.05, .01, -.04, .02, -.03, .01});
  const LookResult changed = look(faster, {}, second);
  EXPECT_EQ(changed.answer, Answer::kChanged);
  EXPECT_TRUE(changed.stop);
  EXPECT_EQ(changed.more_pairs, 0);
  EXPECT_LT(changed.repeated95_percent.high, 0);
  EXPECT_LT(changed.repeated95.low, faster.paired.ci95.low);  // wider than without looks
  EXPECT_LE(changed.repeated_p, 0.05);
  EXPECT_EQ(look(same, {}, second).answer, Answer::kEquivalent);
  const LookResult undecided = look(open, {}, second);
  EXPECT_EQ(undecided.answer, Answer::kInconclusive);
  EXPECT_FALSE(undecided.stop);
  EXPECT_GT(undecided.more_pairs, 4);
  EXPECT_FALSE(undecided.within_plan);
  EXPECT_TRUE(look(open, {}, looks_at({4, 6, 8}, 8)).stop);  // the last look
}

TEST(Looks, ASmallButSureChangeIsNoneOfInterest) {
  const Compared sure = compare_logs({-.005, -.0051, -.0049, -.005, -.0052, -.0048, -.005, -.005});
  EXPECT_EQ(look(sure, {}, looks_at({8}, 12)).answer, Answer::kEquivalent);
  EXPECT_EQ(look(sure, {.smallest_percent = 0.1}, looks_at({8}, 12)).answer, Answer::kChanged);
}

TEST(Looks, OtherComparisonsOfTheRunCount) {
  const Compared one = compare_logs({-.03, -.01, -.05, .0, -.04, -.02, -.03, -.01});
  std::vector<Compared> all(20, compare_logs({-.03, .04, -.05, .01, -.04, .02, -.03, .01}));
  all[3] = one;
  const Looks looks = looks_at({8}, 8);
  EXPECT_EQ(look(one, {}, looks).answer, Answer::kChanged);
  const std::vector<LookResult> got = look_at_all(all, {}, looks);
  ASSERT_EQ(got.size(), 20U);
  EXPECT_NEAR(got[3].adjusted_p, std::min(1.0, 20 * got[3].repeated_p), 1e-12);
  EXPECT_EQ(got[3].answer, Answer::kInconclusive);
}

TEST(Looks, NothingMeasuredIsNothingSaid) {
  const LookResult none = look(compare({}, {}, {}), {}, looks_at({}, 12));
  EXPECT_EQ(none.answer, Answer::kInconclusive);
  EXPECT_FALSE(none.stop);
  EXPECT_TRUE(std::isinf(none.repeated95.high));
  const LookResult equal = look(compare_logs(Values(6, 0.0)), {}, looks_at({6}, 12));
  EXPECT_EQ(equal.answer, Answer::kEquivalent);
  EXPECT_EQ(equal.repeated95.low, 0);
}

/// Share of experiments that cross a bound at any look, t tests on what a moving machine gives.
double alarms(const std::vector<int>& pairs, Spending spending, int trials, uint64_t seed) {
  Random random(seed);
  const int planned = pairs.back();
  const std::vector<LookBound> bounds = look_bounds(looks_at(pairs, planned, spending));
  int alarmed = 0;
  for (int trial = 0; trial < trials; ++trial) {
    const Pairs got = simulate_pairs({}, planned, 0, &random);
    Values logs;
    for (size_t i = 0; i < got.left.size(); ++i)
      logs.push_back(std::log(got.right[i] / got.left[i]));
    for (size_t k = 0; k < pairs.size(); ++k) {
      const auto n = static_cast<size_t>(pairs[k]);
      if (paired_t(std::span(logs).first(n)).p > bounds[k].nominal_p) continue;
      ++alarmed;
      break;
    }
  }
  return static_cast<double>(alarmed) / trials;
}

TEST(LooksCalibration, FalseAlarmsOverAllLooksAreTheNominalShare) {
  constexpr int kTrials = 3000;
  const double bound = 4 * std::sqrt(0.05 * 0.95 / kTrials);  // chance: 1 in 16,000
  EXPECT_NEAR(alarms({4, 8, 12}, Spending::kObrienFleming, kTrials, 1), 0.05, bound);
  EXPECT_NEAR(alarms({6, 12, 18, 24}, Spending::kObrienFleming, kTrials, 2), 0.05, bound);
  EXPECT_NEAR(alarms({6, 12, 18, 24}, Spending::kPocock, kTrials, 3), 0.05, bound);
}

}  // namespace
}  // namespace kiln::stats
