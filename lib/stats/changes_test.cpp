// Change points: the energy statistic by its definition, small series by hand, two years of nights.
#include "lib/stats/changes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "lib/stats/energy.h"
#include "lib/stats/simulate.h"
#include "lib/stats/test_oracle.h"

namespace kiln::stats {
namespace {

TEST(EnergyOracle, BestSplitAgreesWithTheDefinition) {
  ASSERT_EQ(oracle()["energy"].size(), 3U);
  for (const auto& row : oracle()["energy"]) {
    const Split got = best_split(row["values"].get<Values>(), row["least"].get<size_t>());
    EXPECT_EQ(got.at, row["at"].get<size_t>());
    expect_close(got.statistic, row["statistic"], "statistic");
  }
}

TEST(Energy, ShufflesTellAStepFromNone) {
  Values step(40);
  Values none(40);
  Random random(8);
  for (size_t i = 0; i < step.size(); ++i) {
    none[i] = random.normal();
    step[i] = none[i] + (i < 25 ? 0 : 4);
  }
  const Split split = best_split(step, 5);
  EXPECT_EQ(split.at, 25U);
  EXPECT_EQ(split_p(step, split, 5, 499, 1), 1.0 / 500);
  EXPECT_GT(split_p(none, best_split(none, 5), 5, 499, 1), 0.05);
  EXPECT_EQ(best_split(Values{1, 2, 3}, 2).at, 0U);
  EXPECT_EQ(split_p(Values{1, 2, 3}, {}, 2, 99, 1), 1);
  EXPECT_EQ(best_split({}, 2).at, 0U);
}

TEST(EnergyCalibration, SplitsOfNothingComeAtTheNominalRate) {
  Random random(9);
  int found = 0;
  constexpr int kTrials = 400;
  for (int trial = 0; trial < kTrials; ++trial) {
    Values values(30);
    for (double& value : values) value = random.normal();
    found += split_p(values, best_split(values, 5), 5, 199, static_cast<uint64_t>(trial)) <= 0.05;
  }
  EXPECT_NEAR(found / double{kTrials}, 0.05, 4 * std::sqrt(0.05 * 0.95 / kTrials));
}

std::vector<Night> nights(const Values& values) {
  std::vector<Night> out;
  for (size_t i = 0; i < values.size(); ++i)
    out.push_back({static_cast<int64_t>(i) + 100, values[i]});
  return out;
}

/// `count` values around `level` that spread by about 1 %.
void add(Values* values, int count, double level) {
  for (int i = 0; i < count; ++i)
    values->push_back(level * (1 + 0.01 * std::sin(2.4 * static_cast<double>(values->size()))));
}

TEST(Changes, AStepIsGivenWithItsSizeAndItsNights) {
  Values values;
  add(&values, 30, 100);
  add(&values, 25, 110);
  const History got = find_changes(nights(values), {}, {});
  EXPECT_FALSE(got.machine_told_apart);
  ASSERT_EQ(got.code.size(), 1U);
  const Change& change = got.code[0];
  EXPECT_EQ(change.first_new, 30U);
  EXPECT_EQ(change.after, 29U);
  EXPECT_EQ(change.until, 30U);
  EXPECT_GE(change.location_confidence, 0.95);
  EXPECT_NEAR(change.change_percent, 10, 0.3);
  EXPECT_LT(change.ci95_percent.low, 10);
  EXPECT_GT(change.ci95_percent.high, 10);
  EXPECT_NEAR(change.level_before, 100, 0.3);
  EXPECT_NEAR(change.level_after, 110, 0.3);
  EXPECT_LE(change.p, 0.01);
}

TEST(Changes, WhatIsSmallerThanOfInterestIsMergedAway) {
  Values values;
  add(&values, 40, 100);
  add(&values, 40, 101.5);
  add(&values, 40, 108);
  const History got = find_changes(nights(values), {}, {.smallest_percent = 2});
  ASSERT_EQ(got.code.size(), 1U);
  EXPECT_EQ(got.code[0].first_new, 80U);
  EXPECT_EQ(find_changes(nights(values), {}, {.smallest_percent = 1}).code.size(), 2U);
}

TEST(Changes, ThereAndBackAreTwo) {
  Values values;
  add(&values, 40, 100);
  add(&values, 15, 93);
  add(&values, 40, 100);
  const History got = find_changes(nights(values), {}, {});
  ASSERT_EQ(got.code.size(), 2U);
  EXPECT_LT(got.code[0].change_percent, 0);
  EXPECT_GT(got.code[1].change_percent, 0);
  // A fortnight in two years.
  Values long_one;
  add(&long_one, 300, 100);
  add(&long_one, 14, 94);
  add(&long_one, 400, 100);
  const History dip = find_changes(nights(long_one), {}, {});
  ASSERT_EQ(dip.code.size(), 2U);
  EXPECT_EQ(dip.code[0].first_new, 300U);
  EXPECT_EQ(dip.code[1].first_new, 314U);
}

TEST(Changes, AChangeOfTheMachineIsTheMachines) {
  // Both step at the same night: the metric of the code that changes and that of the one that
  // stays.
  Values metric;
  Values machine;
  add(&metric, 40, 100);
  add(&metric, 40, 106);
  add(&machine, 40, 100);
  add(&machine, 40, 106);
  add(&metric, 30, 117);  // and later the code alone
  add(&machine, 30, 106);
  const History got = find_changes(nights(metric), nights(machine), {});
  EXPECT_TRUE(got.machine_told_apart);
  ASSERT_EQ(got.machine.size(), 1U);
  EXPECT_EQ(got.machine[0].first_new, 40U);
  ASSERT_EQ(got.code.size(), 1U);
  EXPECT_EQ(got.code[0].first_new, 80U);
  EXPECT_NEAR(got.code[0].change_percent, 10.4, 0.5);
  // Too little of a history: the step is reported, and that it may be the machine's.
  const History alone = find_changes(nights(metric), nights(Values(13, 100)), {});
  EXPECT_FALSE(alone.machine_told_apart);
  EXPECT_EQ(alone.code.size(), 2U);
}

TEST(Changes, HoldsWhateverItIsGiven) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(find_changes({}, {}, {}).code.empty());
  EXPECT_TRUE(find_changes(nights(Values(50, 7)), nights(Values(50, 7)), {}).code.empty());
  Values values;
  add(&values, 20, 100);
  values.insert(values.begin() + 5, nan);
  add(&values, 20, 120);
  const History gaps = find_changes(nights(values), {}, {.least_nights = -3});
  ASSERT_EQ(gaps.code.size(), 1U);
  EXPECT_EQ(gaps.code[0].first_new, 21U);  // an index into what was given, NaN and all
  // Zeros and negative values: no logarithms.
  Values counts(20, 0);
  counts.insert(counts.end(), 20, 5);
  const History steps = find_changes(nights(counts), {}, {});
  ASSERT_EQ(steps.code.size(), 1U);
  EXPECT_EQ(steps.code[0].level_after, 5);
  EXPECT_TRUE(std::isinf(steps.code[0].change_percent));
  std::vector<Night> far{{std::numeric_limits<int64_t>::min(), 1}};
  for (int i = 0; i < 20; ++i) far.push_back({std::numeric_limits<int64_t>::max() - 20 + i, 1});
  EXPECT_TRUE(find_changes(far, far, {}).machine_told_apart);
}

TEST(ChangesCalibration, TwoYearsOfNights) {
  Random random(20261124);
  Score code;
  Score machine;
  Score quiet;
  for (int history = 0; history < 6; ++history) {
    const SimulatedNights nightly = simulate_nights({}, &random);
    const History got = find_changes(nightly.metric, nightly.machine, {});
    add_score(nightly.code_changes, got.code, nightly.metric, 5, &code);
    add_score(nightly.machine_changes, got.machine, nightly.machine, 5, &machine);
    const SimulatedNights still =
        simulate_nights({.code_changes = 0, .machine_changes = 1}, &random);
    add_score({}, find_changes(still.metric, still.machine, {}).code, still.metric, 5, &quiet);
  }
  EXPECT_EQ(code.truths, 36);
  EXPECT_GE(code.found, 0.95 * code.truths);       // recall
  EXPECT_GE(code.found, 0.95 * code.reported);     // precision
  EXPECT_GE(code.in_interval, 0.85 * code.found);  // of a nominal 95 %
  EXPECT_LE(code.nights_wide, 5 * code.found);     // and not by being wide
  EXPECT_GE(machine.found, 0.9 * machine.truths);
  EXPECT_GE(machine.found, 0.9 * machine.reported);
  EXPECT_LE(quiet.reported, 1);  // six histories in which the code never changed
}

}  // namespace
}  // namespace kiln::stats
