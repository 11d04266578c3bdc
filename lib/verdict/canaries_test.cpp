/// The baseline against itself: what it tells of the machine, and what a machine whose alarms
/// cannot be believed does to a comparison.
#include "lib/verdict/canaries.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "lib/stats/simulate.h"
#include "lib/verdict/test_rows.h"

namespace kiln::verdict {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kHigh;
using testing::Rows;
using Kind = job::MetricSpec::Kind;

job::MetricSpec spec_of(const std::string& glob, Kind kind) {
  job::MetricSpec spec;
  spec.metric = glob;
  spec.kind = kind;
  return spec;
}

/// Six pairs of a clear slowdown on a real machine.
Rows slower() {
  Rows rows;
  rows.functional();
  rows.input.job.metrics = {spec_of("*/ns", Kind::kWallClock)};
  const double wiggle[] = {0.5, -1, 1, -0.5, 0.8, -0.8};
  for (int pair = 1; pair <= 6; ++pair) {
    rows.measure("performance", "baseline", kHigh, pair, "a/ns", 100, "ns", false);
    rows.measure("performance", "patched", kHigh, pair, "a/ns", 105 + 0.2 * wiggle[pair - 1], "ns",
                 false);
  }
  return rows;
}

void canary_boot(Rows* rows, int pair, const std::string& metric, double value,
                 const std::string& ending = "tested") {
  SessionRow& row = rows->session("canary", "baseline", kHigh);
  row.results.clear();
  row.pair = pair;
  row.emulated = false;
  row.ending = ending;
  row.measurements.push_back({"bench", metric, value, "ns"});
}

/// Earlier runs, a pair each: the second boot to the first by these log ratios.
CanaryHistory history_of(const std::string& metric, const std::vector<double>& ratios) {
  CanaryHistory out{metric, {}};
  for (size_t i = 0; i < ratios.size(); ++i) {
    const auto run = static_cast<int64_t>(i) + 1;
    out.boots.push_back({run, 1, 100});
    out.boots.push_back({run, 1, 100 * std::exp(ratios[i])});
  }
  return out;
}

std::vector<double> quiet(int pairs) {
  stats::Random random(3);
  std::vector<double> out;
  for (int i = 0; i < pairs; ++i) out.push_back(0.01 * random.normal());
  return out;
}

/// The second boot is always slower: warm, throttled.
std::vector<double> biased(int pairs) {
  std::vector<double> out = quiet(pairs);
  for (double& ratio : out) ratio += 0.05;
  return out;
}

TEST(Canaries, AreNeverJudgedAsTheSeries) {
  Rows rows = slower();
  const size_t before = judge(rows.input).comparisons.at(0).pairs.size();
  canary_boot(&rows, 7, "a/ns", 100);
  canary_boot(&rows, 7, "a/ns", 500);
  const Output out = judge(rows.input);
  ASSERT_EQ(out.comparisons.size(), 1U);
  EXPECT_EQ(out.comparisons[0].pairs.size(), before);
  EXPECT_EQ(out.results_got, judge(slower().input).results_got);
}

TEST(Canaries, WhatIsLookedUpIsWhatWallClockCompares) {
  Rows rows = slower();
  rows.input.job.metrics.push_back(spec_of("*/flushes", Kind::kCounter));
  job::MetricSpec arms = spec_of("arms/*", Kind::kWallClock);
  arms.left_arm = "x";
  arms.right_arm = "y";
  rows.input.job.metrics.push_back(arms);
  rows.measure("performance", "baseline", kHigh, 1, "b/ns", 1, "ns", false);
  rows.measure("performance", "baseline", kHigh, 1, "b/flushes", 1, "");
  rows.measure("performance", "baseline", kHigh, 1, "arms/q", 1, "ns", false);
  std::vector<std::string> names;
  for (const CanaryHistory& metric : canaries_to_look_up(rows.input)) {
    EXPECT_THAT(metric.boots, IsEmpty());
    names.push_back(metric.metric);
  }
  EXPECT_THAT(names, ElementsAre("a/ns", "b/ns"));
}

TEST(Canaries, ThisRunsPairsFollowThoseOfEarlierRuns) {
  Rows rows = slower();
  rows.input.canaries = {history_of("a/ns", {0.01, -0.01})};
  canary_boot(&rows, 1, "a/ns", 300, "infrastructure");  // tried again
  canary_boot(&rows, 1, "a/ns", 100);
  canary_boot(&rows, 1, "a/ns", 100 * std::exp(0.03));
  canary_boot(&rows, 2, "a/ns", 100);  // its second boot never came
  const auto floors = noise_floors(rows.input);
  ASSERT_EQ(floors.size(), 1U);
  EXPECT_EQ(floors.at("a/ns").pairs, 3);
  EXPECT_NEAR(floors.at("a/ns").mean, 0.01, 1e-9);
}

TEST(Canaries, AQuietMachineIsBelieved) {
  Rows rows = slower();
  rows.input.canaries = {history_of("a/ns", quiet(72))};
  const Output out = judge(rows.input);
  EXPECT_TRUE(out.comparisons.at(0).decides);
  EXPECT_EQ(out.comparisons.at(0).answer, "slower");
  ASSERT_EQ(out.noise.size(), 1U);
  const Noise& noise = out.noise[0];
  EXPECT_EQ(noise.family, "*/ns");
  EXPECT_EQ(noise.pairs, 72);
  EXPECT_EQ(noise.experiments, 12);
  EXPECT_NEAR(noise.sd_percent, 1, 0.25);
  EXPECT_LT(noise.sd_low_percent, noise.sd_percent);
  EXPECT_GT(noise.sd_high_percent, noise.sd_percent);
  EXPECT_THAT(noise.not_believed, IsEmpty());
}

TEST(Canaries, AMachineThatSeesDifferencesWhereThereAreNoneDecidesNothing) {
  Rows rows = slower();
  rows.input.canaries = {history_of("a/ns", biased(72))};
  const Output out = judge(rows.input);
  const Comparison& c = out.comparisons.at(0);
  EXPECT_FALSE(c.decides);
  EXPECT_EQ(c.note,
            "not believed: this machine raised 12 alarms in 12 comparisons of its baseline against "
            "itself, where 5 % are nominal");
  EXPECT_THAT(out.findings, IsEmpty());
  EXPECT_EQ(out.exit_code, 0);
  EXPECT_THAT(out.noise.at(0).not_believed, ElementsAre("a/ns"));
  EXPECT_GT(out.noise.at(0).rate_low, 0.5);
}

TEST(Canaries, AMachineThatIsNotBelievedAsksForNoPairs) {
  Rows rows = slower();
  rows.input.job.max_pairs = 24;
  for (SessionRow& row : rows.input.sessions)
    for (MeasurementRow& value : row.measurements)
      if (row.variant == "patched") value.value = 100 + 10 * (row.pair % 2);
  EXPECT_EQ(further_pairs(rows.input, {}).size(), 1U);
  rows.input.canaries = {history_of("a/ns", biased(72))};
  EXPECT_THAT(further_pairs(rows.input, {}), IsEmpty());
}

TEST(Canaries, AClaimOnAMachineThatIsNotBelievedIsNotDecidable) {
  Rows rows = slower();
  rows.input.canaries = {history_of("a/ns", biased(72))};
  job::ClaimSpec claim;
  claim.rule = job::ClaimSpec::Rule::kComparison;
  claim.metric = "a/ns";
  claim.config = kHigh;
  claim.expect = "faster";
  rows.input.job.claims = {claim};
  const Output out = judge(rows.input);
  EXPECT_EQ(out.claims.at(0).answer, "not-decidable");
  EXPECT_THAT(out.claims.at(0).why, HasSubstr("not believed"));
}

TEST(Canaries, AnEmulatedMachineDecidesNothingAnyway) {
  Rows rows = slower();
  for (SessionRow& row : rows.input.sessions) row.emulated = true;
  rows.input.canaries = {history_of("a/ns", biased(72))};
  EXPECT_EQ(judge(rows.input).comparisons.at(0).note,
            "emulated machine: wall clock is information only");
}

TEST(Canaries, BrokenValuesSayNothing) {
  Rows rows = slower();
  CanaryHistory history = history_of("a/ns", {0.01});
  history.boots.push_back({9, 1, 0});
  history.boots.push_back({9, 1, -3});
  rows.input.canaries = {history};
  EXPECT_EQ(noise_floors(rows.input).at("a/ns").pairs, 1);
  EXPECT_EQ(machine_noise(rows.input).at(0).sd_percent, 0);
}

}  // namespace
}  // namespace kiln::verdict
