// Likelihoods against SciPy's; what the rules make of tests whose rates are known, worked out
// exactly.
#include "lib/stats/rates.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "lib/stats/noise.h"
#include "lib/stats/simulate.h"
#include "lib/stats/test_oracle.h"

namespace kiln::stats {
namespace {

/// First number of pairs at which "failed each time, passed each time" is a regression.
int first_regression(const RatePrior& prior) {
  for (int n = 1; n <= 40; ++n)
    if (decide_rates({0, n, n, n}, prior, {}).answer == RateAnswer::kRegression) return n;
  return 0;
}

TEST(RatesOracle, EvidenceAgreesWithScipy) {
  ASSERT_EQ(oracle()["rates"].size(), 32U);
  for (const auto& row : oracle()["rates"]) {
    const auto counts = row["counts"].get<std::vector<int>>();
    const RateCounts c{counts[0], counts[1], counts[2], counts[3]};
    const RatePrior prior{row["history"][0].get<double>(), row["history"][1].get<double>()};
    const RateDecision got = decide_rates(c, prior, {});
    double log_ratio = row["log_ratio"].get<double>();
    if (got.answer == RateAnswer::kAsBefore) log_ratio = -log_ratio;
    EXPECT_NEAR(got.confidence, std::max(0.0, 1 - std::exp(-log_ratio)), 1e-9) << row.dump();
  }
}

TEST(RatesOracle, IntervalsAgreeWithScipy) {
  for (const auto& row : oracle()["rate_intervals"])
    expect_interval(rate_interval(row["failures"].get<int>(), row["runs"].get<int>()),
                    row["interval"], row.dump().c_str());
}

TEST(Rates, AFailureThatAlwaysComesIsDecidedByFiveOrSixEach) {
  EXPECT_EQ(first_regression({}), 6);
  EXPECT_EQ(first_regression({0, 5}), 6);
  EXPECT_EQ(first_regression({0, 10}), 5);
  EXPECT_EQ(first_regression({0, 1e6}), 5);
  EXPECT_EQ(first_regression({1, 20}), 5);
  EXPECT_EQ(first_regression({10, 20}), 6);
  const RateDecision before = decide_rates({0, 4, 4, 4}, {0, 20}, {});
  EXPECT_EQ(before.answer, RateAnswer::kMore);
  EXPECT_EQ(before.more_each, 1);
  const RateDecision decided = decide_rates({0, 5, 5, 5}, {0, 20}, {});
  EXPECT_GE(decided.confidence, 0.9995);
  EXPECT_EQ(decided.more_each, 0);
  EXPECT_EQ(decided.baseline_low, 0);
  EXPECT_EQ(decided.patched_high, 1);
  EXPECT_LT(decided.baseline_high, 0.62);
  EXPECT_GT(decided.patched_low, 0.38);
}

TEST(Rates, TheSameRateOnBothSidesIsAsBefore) {
  EXPECT_EQ(decide_rates({6, 6, 6, 6}, {}, {}).answer, RateAnswer::kAsBefore);
  EXPECT_EQ(decide_rates({3, 12, 3, 12}, {}, {}).answer, RateAnswer::kAsBefore);
  EXPECT_EQ(decide_rates({4, 4, 0, 4}, {}, {}).answer, RateAnswer::kAsBefore);  // better, not worse
  // A history of such failures makes it sooner.
  EXPECT_EQ(decide_rates({0, 9, 1, 9}, {}, {}).answer, RateAnswer::kMore);
  EXPECT_EQ(decide_rates({0, 9, 1, 9}, {5, 50}, {}).answer, RateAnswer::kAsBefore);
}

TEST(Rates, NothingRunIsNothingKnown) {
  const RateDecision none = decide_rates({}, {}, {});
  EXPECT_EQ(none.answer, RateAnswer::kMore);
  EXPECT_EQ(none.confidence, 0);
  EXPECT_EQ(none.baseline_high, 1);
  EXPECT_EQ(none.more_each, 2);  // "as before" would be possible then
}

TEST(Rates, TheBoundEndsIt) {
  const RateRules rules{.max_runs_each = 3};
  const RateDecision last = decide_rates({0, 3, 3, 3}, {}, rules);
  EXPECT_EQ(last.answer, RateAnswer::kUndecided);
  EXPECT_NEAR(last.confidence, 0.986469, 1e-6);
  EXPECT_EQ(last.more_each, 0);
  const RateDecision more = decide_rates({0, 1, 1, 1}, {}, rules);
  EXPECT_EQ(more.answer, RateAnswer::kMore);
  EXPECT_EQ(more.more_each, 2);
}

TEST(Rates, ImpossibleInputIsCut) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double inf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(decide_rates({-3, 6, 9, 6}, {}, {}).answer, RateAnswer::kRegression);
  for (const RatePrior& prior : {RatePrior{nan, nan}, {inf, inf}, {-5, -5}, {9, 3}, {1, 1e300}}) {
    const RateDecision got = decide_rates({0, 6, 6, 6}, prior, {});
    EXPECT_TRUE(std::isfinite(got.confidence)) << prior.failures << "/" << prior.runs;
    EXPECT_NE(got.answer, RateAnswer::kAsBefore);
  }
  const RateDecision huge = decide_rates({0, 2147483647, 2147483647, 2147483647}, {}, {});
  EXPECT_EQ(huge.answer, RateAnswer::kRegression);
  EXPECT_EQ(decide_rates({0, 9, 9, 9}, {}, {.confidence = 7, .smallest_increase = nan}).answer,
            RateAnswer::kMore);
}

// The figures asked for: docs/statistics.md, "Failure rates". Exact, so without bounds of chance.

TEST(RatesCalibration, LessThanOneFalseRegressionInAThousandRuns) {
  // A run whose flaky tests (test and config) fail at 1 to 30 %, spread evenly: fourteen of them.
  double sum = 0;
  constexpr int kRates = 8;
  for (int i = 0; i < kRates; ++i) {
    const double rate = 0.01 + 0.29 * (i + 0.5) / kRates;
    const RateOutlook look = outlook(rate, rate, {}, {});
    EXPECT_NEAR(look.regression + look.as_before + look.undecided, 1, 1e-12);
    EXPECT_GT(look.as_before, 0.9) << rate;
    sum += look.suspicion * look.regression;
  }
  const double false_per_run = 14 * sum / kRates;
  EXPECT_LT(false_per_run, 1e-3);
  EXPECT_GT(false_per_run, 1e-4);  // or the calculation is broken
}

TEST(RatesCalibration, ARealRegressionIsFound) {
  const RateOutlook always = outlook(0, 1, {}, {});
  EXPECT_EQ(always.regression, 1);
  EXPECT_EQ(always.runs_each, 6);
  EXPECT_EQ(outlook(0, 1, {0, 20}, {}).runs_each, 5);
  EXPECT_GE(outlook(0.05, 0.6, {}, {}).regression, 0.95);
  EXPECT_GE(outlook(0.05, 0.6, {2, 40}, {}).regression, 0.95);
}

TEST(RatesCalibration, IntervalsHoldAtEveryLook) {
  Random random(5);
  for (const double rate : {0.05, 0.5}) {
    int left_out = 0;
    constexpr int kTrials = 400;
    for (int trial = 0; trial < kTrials; ++trial) {
      int failures = 0;
      bool always_in = true;
      for (int n = 1; n <= 40; ++n) {
        failures += random.chance(rate) ? 1 : 0;
        const Interval in = rate_interval(failures, n);
        always_in = always_in && in.low <= rate && rate <= in.high;
      }
      left_out += always_in ? 0 : 1;
    }
    EXPECT_LE(left_out, 0.05 * kTrials) << rate;
  }
}

}  // namespace
}  // namespace kiln::stats
