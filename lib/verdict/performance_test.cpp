#include "lib/verdict/performance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "lib/verdict/test_rows.h"

namespace kiln::verdict {
namespace {

using ::testing::IsEmpty;
using testing::kHigh;
using testing::kLow;
using testing::Rows;
using Kind = job::MetricSpec::Kind;

job::MetricSpec spec(const std::string& metric, Kind kind) {
  job::MetricSpec out;
  out.metric = metric;
  out.kind = kind;
  return out;
}

/// Six pairs of wall clock; patched is `factor` of baseline, with 0.2 % of spread.
Rows wall_clock(double factor, bool emulated, double spread = 0.002) {
  Rows rows;
  rows.functional();
  rows.input.job.metrics = {spec("*/ns", Kind::kWallClock)};
  const double wiggle[] = {0.5, -1, 1, -0.5, 0.8, -0.8};
  for (int pair = 1; pair <= 6; ++pair) {
    const double level = 100 + 7 * (pair % 3);
    rows.measure("performance", "baseline", kHigh, pair, "i915/pread/ns", level, "ns", emulated);
    rows.measure("performance", "patched", kHigh, pair, "i915/pread/ns",
                 level * factor * (1 + spread * wiggle[pair - 1]), "ns", emulated);
  }
  return rows;
}

TEST(Performance, WallClockDecidesOnHardware) {
  const Output out = judge(wall_clock(1.05, false).input);
  ASSERT_EQ(out.comparisons.size(), 1U);
  const Comparison& c = out.comparisons[0];
  EXPECT_EQ(c.answer, "slower");
  EXPECT_TRUE(c.decides);
  EXPECT_NEAR(c.change_percent, 5, 0.1);
  EXPECT_LT(c.ci_low_percent, 5);
  EXPECT_EQ(c.pairs.size(), 6U);
  EXPECT_EQ(c.pairs[0].order, "AB");
  EXPECT_EQ(c.pairs[1].order, "BA");
  EXPECT_NEAR(c.p_signflip, 2.0 / 64, 1e-12);
  EXPECT_EQ(out.exit_code, 1);
  EXPECT_EQ(out.findings.at(0).cls, "regression");
  EXPECT_EQ(out.findings.at(0).interaction, "only with HIGHMEM and the series");
}

TEST(Performance, WallClockOfAnEmulatedMachineIsInformation) {
  const Output out = judge(wall_clock(1.05, true).input);
  EXPECT_EQ(out.comparisons.at(0).answer, "slower");
  EXPECT_FALSE(out.comparisons.at(0).decides);
  EXPECT_EQ(out.comparisons.at(0).note, "emulated machine: wall clock is information only");
  EXPECT_EQ(out.exit_code, 0);
  EXPECT_THAT(out.findings, IsEmpty());
}

TEST(Performance, FasterAndTheSameAreAnswers) {
  EXPECT_EQ(judge(wall_clock(0.95, false).input).comparisons.at(0).answer, "faster");
  const Output same = judge(wall_clock(1.0, false).input);
  EXPECT_EQ(same.comparisons.at(0).answer, "equivalent");
  EXPECT_EQ(same.exit_code, 0);
}

TEST(Performance, UndecidedWithRoomForASlowdownIsNoVerdict) {
  const Output out = judge(wall_clock(1.02, false, 0.08).input);
  EXPECT_EQ(out.comparisons.at(0).answer, "inconclusive");
  EXPECT_GT(out.comparisons.at(0).more_pairs, 0);
  EXPECT_GT(out.comparisons.at(0).detectable_percent, 2);
  EXPECT_EQ(out.result, "inconclusive");
  EXPECT_EQ(out.exit_code, 3);
}

TEST(Performance, APairWithoutASideStaysWithItsReason) {
  Rows rows = wall_clock(1.0, false);
  for (SessionRow& row : rows.input.sessions) {
    if (row.purpose != "performance" || row.pair != 3 || row.variant != "patched") continue;
    row.ending = "infrastructure";
    row.error = "QEMU was killed";
  }
  const Comparison c = judge(rows.input).comparisons.at(0);
  ASSERT_EQ(c.pairs.size(), 6U);
  EXPECT_EQ(c.pairs[2].excluded, "patched boot: QEMU was killed");
  // Tried again with success: the pair counts.
  SessionRow again = *std::find_if(
      rows.input.sessions.begin(), rows.input.sessions.end(),
      [](const SessionRow& row) { return row.pair == 3 && row.variant == "patched"; });
  again.ending = "tested";
  again.measurements = {{"bench", "i915/pread/ns", 107, "ns"}};
  rows.input.sessions.push_back(again);
  EXPECT_EQ(judge(rows.input).comparisons.at(0).pairs.at(2).excluded, "");
}

TEST(Performance, ArmsAreComparedInsideABootAndBlameNobody) {
  Rows rows;
  rows.functional();
  job::MetricSpec flushes = spec("*/tlb_flushes", Kind::kCounter);
  flushes.left_arm = "kmap";
  flushes.right_arm = "kmap_local";
  rows.input.job.metrics = {flushes};
  for (const char* variant : {"baseline", "patched"})
    for (int pair = 1; pair <= 2; ++pair) {
      rows.measure("performance", variant, kHigh, pair, "kmap/4t/tlb_flushes", 36 + pair,
                   "flushes");
      rows.measure("performance", variant, kHigh, pair, "kmap_local/4t/tlb_flushes", 0, "flushes");
    }
  const Output out = judge(rows.input);
  ASSERT_EQ(out.comparisons.size(), 1U);
  const Comparison& c = out.comparisons[0];
  EXPECT_EQ(c.metric, "4t/tlb_flushes");
  EXPECT_EQ(c.left, "kmap");
  EXPECT_EQ(c.right, "kmap_local");
  EXPECT_EQ(c.answer, "faster");
  EXPECT_TRUE(c.decides);
  EXPECT_EQ(c.pairs.size(), 4U);
  EXPECT_EQ(c.pairs[0].order, "same boot");
  EXPECT_NEAR(c.change_percent, -100, 1e-9);
  EXPECT_EQ(c.note, "");
  EXPECT_EQ(figure_of(c), "37.5 -> 0");
  EXPECT_EQ(out.exit_code, 0);
}

TEST(Performance, CountersEqualInEveryBootAreTheSame) {
  Rows rows;
  rows.input.job.metrics = {spec("flushes", Kind::kCounter)};
  for (const char* variant : {"baseline", "patched"})
    for (int pair = 1; pair <= 3; ++pair)
      rows.measure("performance", variant, kHigh, pair, "flushes", 12, "flushes");
  const Comparison c = judge(rows.input).comparisons.at(0);
  EXPECT_EQ(c.answer, "equivalent");
  EXPECT_EQ(c.change_percent, 0);
  EXPECT_EQ(c.detectable_percent, 0);
}

TEST(Performance, CountersWithinABootsOwnNoiseAreTheSame) {
  Rows rows;
  job::MetricSpec flushes = spec("flushes", Kind::kCounter);
  flushes.smallest_count = 8;
  rows.functional();
  rows.input.job.metrics = {flushes};
  for (int pair = 1; pair <= 3; ++pair) {
    rows.measure("performance", "baseline", kHigh, pair, "flushes", 0, "count");
    rows.measure("performance", "patched", kHigh, pair, "flushes", pair == 2 ? 2 : 0, "count");
  }
  const Output out = judge(rows.input);
  EXPECT_EQ(out.comparisons.at(0).answer, "equivalent");
  EXPECT_EQ(out.comparisons.at(0).note, "differences up to 8 are a boot's own noise");
  EXPECT_EQ(out.exit_code, 0);
}

TEST(Performance, ACounterThatGrowsInEveryBootIsARegressionEvenEmulated) {
  Rows rows;
  rows.functional();
  rows.input.job.metrics = {spec("flushes", Kind::kCounter)};
  for (int pair = 1; pair <= 3; ++pair) {
    rows.measure("performance", "baseline", kHigh, pair, "flushes", 0, "flushes");
    rows.measure("performance", "patched", kHigh, pair, "flushes", 10 + pair, "flushes");
  }
  const Output out = judge(rows.input);
  EXPECT_EQ(out.comparisons.at(0).note, "from 0 to 12: no percentage");
  EXPECT_EQ(out.exit_code, 1);
  EXPECT_EQ(out.findings.at(0).summary,
            "flushes (counter) is worse with the series: 0 -> 12 in i386-highmem");
}

TEST(Performance, CountersThatOverlapAreTested) {
  Rows rows;
  rows.functional();
  rows.input.job.metrics = {spec("flushes", Kind::kCounter)};
  const double baseline[] = {40, 0, 61};
  const double patched[] = {44, 52, 70};
  for (int pair = 1; pair <= 3; ++pair) {
    rows.measure("performance", "baseline", kHigh, pair, "flushes", baseline[pair - 1], "f");
    rows.measure("performance", "patched", kHigh, pair, "flushes", patched[pair - 1], "f");
  }
  const Comparison c = judge(rows.input).comparisons.at(0);
  EXPECT_EQ(c.answer, "inconclusive");
  EXPECT_EQ(c.note, "compared by difference: zeros have no logarithm");
}

TEST(Performance, InstructionBootsCountInstructions) {
  Rows rows;
  rows.functional();
  rows.input.job.metrics = {spec("*/ns_per_page", Kind::kWallClock)};
  const auto one = [&](double patched) {
    Rows copy = rows;
    copy.measure("instructions", "baseline", kHigh, 1, "k/ns_per_page", 400, "ns/page");
    copy.measure("instructions", "patched", kHigh, 1, "k/ns_per_page", patched, "ns/page");
    return judge(copy.input);
  };
  const Output slower = one(420);
  ASSERT_EQ(slower.comparisons.size(), 1U);
  EXPECT_EQ(slower.comparisons[0].kind, "instructions");
  EXPECT_EQ(slower.comparisons[0].unit, "instructions/page");
  EXPECT_NEAR(slower.comparisons[0].left_typical, 200, 1e-9);
  EXPECT_EQ(slower.comparisons[0].answer, "slower");
  EXPECT_EQ(slower.comparisons[0].note,
            "one pair of boots: instruction counts repeat within 0.1 %");
  EXPECT_EQ(slower.exit_code, 1);
  EXPECT_EQ(one(400.2).comparisons.at(0).answer, "equivalent");
  const Output small = one(402);  // 0.5 %: real, but below the smallest effect of interest
  EXPECT_EQ(small.comparisons.at(0).answer, "equivalent");
  EXPECT_EQ(small.comparisons.at(0).note,
            "a real difference, below the smallest effect of interest (1 %)");
  EXPECT_EQ(figure_of(small.comparisons.at(0)), "+0.50 % [+0.40, +0.60]");
}

TEST(Performance, ManyMetricsAreAdjusted) {
  Rows rows;
  rows.functional();
  rows.input.job.metrics = {spec("*", Kind::kWallClock)};
  // One metric that looks slower by itself, among nine that say nothing.
  const double seen[] = {1.02, 1.03, 1.0, 1.035, 1.005, 1.03};
  for (int pair = 1; pair <= 6; ++pair)
    for (int metric = 0; metric < 10; ++metric) {
      const double factor = metric == 0 ? seen[pair - 1] : (pair % 2 == 0 ? 1.05 : 0.95);
      const std::string name = "m" + std::to_string(metric);
      rows.measure("performance", "baseline", kHigh, pair, name, 100, "ns", false);
      rows.measure("performance", "patched", kHigh, pair, name, 100 * factor, "ns", false);
    }
  const Comparison c = judge(rows.input).comparisons.at(0);
  EXPECT_LT(c.p_value, 0.05);
  EXPECT_GT(c.p_adjusted, 0.05);
  EXPECT_EQ(c.answer, "inconclusive");
  EXPECT_EQ(c.note, "p below 0.05 by itself, not among 10 comparisons");
}

TEST(Performance, ValuesThatAreNoNumberAreNotMeasured) {
  Rows rows;
  rows.input.job.metrics = {spec("x", Kind::kCounter)};
  for (const char* variant : {"baseline", "patched"})
    rows.measure("performance", variant, kHigh, 1, "x", std::numeric_limits<double>::quiet_NaN(),
                 "");
  const Output out = judge(rows.input);
  ASSERT_EQ(out.comparisons.size(), 1U);
  EXPECT_EQ(out.comparisons[0].answer, "inconclusive");
  EXPECT_FALSE(out.comparisons[0].decides);
  EXPECT_EQ(figure_of(out.comparisons[0]), "no pair");
}

}  // namespace
}  // namespace kiln::verdict
