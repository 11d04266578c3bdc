// Values against SciPy's: testdata/oracle.json is written by oracle.py.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "lib/stats/compare.h"
#include "lib/stats/multiple.h"
#include "lib/stats/student.h"
#include "lib/stats/test_oracle.h"

namespace kiln::stats {
namespace {

TEST(Oracle, ComparisonsByRatioAgreeWithScipy) {
  ASSERT_EQ(oracle()["comparisons"].size(), 8U);
  for (const auto& wanted : oracle()["comparisons"]) {
    const Compared got = compare(wanted["left"].get<Values>(), wanted["right"].get<Values>(), {});
    SCOPED_TRACE(got.n);
    EXPECT_TRUE(got.by_ratio);
    for (const auto& [name, value] : {std::pair{"mean", got.paired.mean},
                                      {"sd", got.paired.sd},
                                      {"t", got.paired.t},
                                      {"p", got.paired.p},
                                      {"p_signflip", got.p_signflip},
                                      {"p_tost", got.p_tost},
                                      {"left_typical", got.left_typical},
                                      {"right_typical", got.right_typical},
                                      {"change_percent", got.change_percent},
                                      {"detectable_percent", got.detectable_percent}})
      expect_close(value, wanted[name], name);
    expect_interval(got.paired.ci95, wanted["ci95"], "ci95");
    expect_interval(got.paired.ci90, wanted["ci90"], "ci90");
    EXPECT_NEAR(got.ci95_percent.low, 100 * std::expm1(wanted["ci95"][0].get<double>()), 1e-6);
  }
}

TEST(Oracle, DifferencesWithZerosAgreeWithScipy) {
  const auto& wanted = oracle()["differences"];
  const Compared got = compare(wanted["left"].get<Values>(), wanted["right"].get<Values>(), {});
  EXPECT_FALSE(got.by_ratio);
  expect_close(got.paired.mean, wanted["mean"], "mean");
  expect_close(got.paired.p, wanted["p"], "p");
  expect_close(got.p_signflip, wanted["p_signflip"], "p_signflip");
  expect_interval(got.paired.ci95, wanted["ci95"], "ci95");
  EXPECT_NEAR(got.change_percent, 100 * got.paired.mean / got.left_typical, 1e-9);
}

TEST(Oracle, PowerAgreesWithScipysNoncentralT) {
  for (const auto& row : oracle()["power"])
    EXPECT_NEAR(power(row["n"].get<int>(), row["effect"].get<double>(), 1.0),
                row["power"].get<double>(), 1e-9)
        << row.dump();
  for (const auto& row : oracle()["pairs"])
    EXPECT_EQ(pairs_to_detect(row["effect"].get<double>(), 1.0), row["pairs"].get<int>());
}

TEST(Oracle, BenjaminiHochbergKeepsTheOrderGiven) {
  for (const auto& row : oracle()["benjamini_hochberg"]) {
    const Values got = benjamini_hochberg(row["p"].get<Values>());
    const Values wanted = row["adjusted"].get<Values>();
    ASSERT_EQ(got.size(), wanted.size());
    for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], wanted[i], 1e-12) << row.dump();
  }
  EXPECT_TRUE(benjamini_hochberg({}).empty());
}

TEST(Paired, NothingCanBeSaidOfFewerThanTwo) {
  for (const Values& one : {Values{}, Values{0.5}}) {
    const PairedT got = paired_t(one);
    EXPECT_EQ(got.p, 1);
    EXPECT_TRUE(std::isinf(got.ci95.low) && std::isinf(got.ci90.high));
    EXPECT_EQ(tost_p(got, {-1, 1}), 1);
  }
  const Compared got = compare(Values{10}, Values{20}, {});
  EXPECT_EQ(answer(got, {}, got.paired.p), Answer::kInconclusive);
  EXPECT_EQ(more_pairs(got, {}), 5);
  EXPECT_TRUE(std::isinf(got.detectable_percent));
  EXPECT_NEAR(got.change_percent, 100, 1e-9);
}

TEST(Paired, EqualDifferencesAreExact) {
  // 0.1 has no exact binary form: the mean of six of them must not look like a spread.
  const PairedT got = paired_t(Values(6, 0.1));
  EXPECT_EQ(got.sd, 0);
  EXPECT_EQ(got.p, 0);
  EXPECT_EQ(got.ci95.low, 0.1);
  EXPECT_EQ(paired_t(Values(6, 0.0)).p, 1);
  const Compared same = compare(Values(4, 37), Values(4, 37), {});
  EXPECT_EQ(answer(same, {}, same.paired.p), Answer::kEquivalent);
  EXPECT_EQ(same.detectable_percent, 0);
}

TEST(Compare, ZeroAgainstSomethingHasNoPercentageAndStillAnAnswer) {
  const Compared got = compare(Values(6, 0), Values{3, 3, 4, 3, 3, 5}, {});
  EXPECT_FALSE(got.has_percent);
  EXPECT_EQ(got.change_percent, 0);
  EXPECT_EQ(answer(got, {}, got.paired.p), Answer::kChanged);
  const Compared none = compare(Values(6, 0), Values(6, 0), {});
  EXPECT_EQ(answer(none, {}, none.paired.p), Answer::kEquivalent);
}

TEST(Compare, DifferencesOfACoarseClockSpeakByTheirNumberOnly) {
  // 60 against 58 frames in two boots: no spread is seen, and nothing is proved.
  const Compared two = compare(Values(2, 60), Values(2, 58), {});
  EXPECT_EQ(two.paired.p, 0.5);
  EXPECT_EQ(answer(two, {}, two.paired.p), Answer::kInconclusive);
  // The same where rounding alone makes a spread.
  const Compared rounded = compare(Values{100, 200, 300}, Values{101, 202, 303}, {});
  EXPECT_EQ(rounded.paired.p, 0.25);
  const Compared six = compare(Values(6, 60), Values(6, 58), {});
  EXPECT_EQ(six.paired.p, 0.03125);
  EXPECT_EQ(answer(six, {}, six.paired.p), Answer::kChanged);
}

TEST(Compare, NegativeValuesAreComparedByDifference) {
  const Compared got = compare(Values{-10, -12, -11}, Values{-5, -6, -5}, {});
  EXPECT_FALSE(got.by_ratio);
  EXPECT_NEAR(got.change_percent, 100.0 * (17.0 / 3) / 11, 1e-9);
}

TEST(Compare, ValuesThatAreNoFiniteNumberAreDroppedAndCounted) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double inf = std::numeric_limits<double>::infinity();
  const Compared got = compare(Values{10, nan, 10, 12}, Values{11, 11, inf, 13}, {});
  EXPECT_EQ(got.n, 2);
  EXPECT_EQ(got.dropped, 2);
  EXPECT_TRUE(std::isfinite(got.paired.p));
  const Compared none = compare(Values{nan}, Values{1}, {});
  EXPECT_EQ(none.n, 0);
  EXPECT_EQ(answer(none, {}, none.paired.p), Answer::kInconclusive);
}

TEST(Compare, ThreeAnswers) {
  const Values left{100, 104, 98, 101, 107, 95};
  const auto scaled = [&](const Values& factors) {
    Values out;
    for (size_t i = 0; i < left.size(); ++i) out.push_back(left[i] * factors[i]);
    return out;
  };
  const auto ask = [&](const Values& factors) {
    const Compared c = compare(left, scaled(factors), {});
    return answer(c, {}, c.paired.p);
  };
  EXPECT_EQ(ask({.95, .96, .97, .955, .965, .96}), Answer::kChanged);
  EXPECT_EQ(ask({1.001, .999, 1.002, .998, 1.0, 1.001}), Answer::kEquivalent);
  EXPECT_EQ(ask({.9, 1.1, 1.02, .97, 1.05, .94}), Answer::kInconclusive);
  // Sure, but smaller than anybody cares for: the same within the margin, not a change.
  EXPECT_EQ(ask({.995, .9951, .9949, .995, .9952, .9948}), Answer::kEquivalent);
  // The p-value to decide by is the caller's (adjusted for other comparisons).
  const Compared c = compare(left, scaled({.95, .96, .97, .955, .965, .96}), {});
  EXPECT_EQ(answer(c, {}, 0.06), Answer::kInconclusive);
}

TEST(Compare, MorePairsComesFromTheSpreadSeen) {
  const Values left{100, 104, 98, 101, 107, 95};
  const Values right{92, 115, 99, 97, 114, 88};
  const Compared c = compare(left, right, {});
  const int more = more_pairs(c, {});
  EXPECT_GT(more, 50);  // a spread of 9 % against a margin of 2 %
  EXPECT_LT(more_pairs(c, {.margin_percent = 10}), more);
  const int n = pairs_to_show_equivalence(0, 0.01, {-0.02, 0.02});
  EXPECT_GE(n, 3);
  EXPECT_LE(n, 6);
  EXPECT_EQ(pairs_to_show_equivalence(0.03, 0.01, {-0.02, 0.02}), kMostPairs);
  EXPECT_EQ(pairs_to_detect(0, 1), kMostPairs);
}

TEST(SignFlip, SmallestReachableValues) {
  EXPECT_EQ(sign_flip_p({}, 1), 1);
  EXPECT_EQ(sign_flip_p(Values{0, 0, 0}, 1), 1);
  EXPECT_EQ(sign_flip_p(Values{1, 2, 3, 4, 5}, 1), 2.0 / 32);
  EXPECT_EQ(sign_flip_p(Values{1, 2, 3, 4, 5, 6}, 1), 2.0 / 64);
  EXPECT_EQ(sign_flip_p(Values(20, 1), 1), 2.0 / (1 << 20));
}

TEST(SignFlip, ManyPairsAreDrawnRepeatablyAndNearTheTruth) {
  Values d;
  for (int i = 0; i < 50; ++i) d.push_back((i % 5) - 1.7);
  const double first = sign_flip_p(d, 7);
  EXPECT_EQ(first, sign_flip_p(d, 7));
  EXPECT_NE(first, sign_flip_p(d, 8));
  EXPECT_NEAR(first, paired_t(d).p, 0.02);  // the two tests agree for many small differences
  EXPECT_NEAR(sign_flip_p(Values(41, 1), 3), 1.0 / (kSignFlipDraws + 1), 1e-12);
  EXPECT_EQ(sign_flip_p(Values(40, 1), 3), std::ldexp(2, -40));
}

TEST(Means, OfNothingAndOfNonPositive) {
  EXPECT_TRUE(std::isnan(geometric_mean({})));
  EXPECT_TRUE(std::isnan(geometric_mean(Values{1, 0})));
  EXPECT_NEAR(geometric_mean(Values{1, 100}), 10, 1e-12);
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 2, 3}), 2.5);
  EXPECT_TRUE(std::isnan(arithmetic_mean({})));
}

}  // namespace
}  // namespace kiln::stats
