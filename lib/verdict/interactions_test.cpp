/// HIGHMEM x patch for figures: exact counts, instruction counts, and tests on pairs.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "lib/verdict/performance.h"
#include "lib/verdict/test_rows.h"

namespace kiln::verdict {
namespace {

using ::testing::IsEmpty;
using testing::kHigh;
using testing::kLow;
using testing::Rows;
using Kind = job::MetricSpec::Kind;

Rows two_configs(Kind kind) {
  Rows rows;
  rows.functional();
  job::MetricSpec spec;
  spec.metric = "*";
  spec.kind = kind;
  rows.input.job.metrics = {spec};
  rows.input.config_wants_highmem = {{kHigh, true}, {kLow, false}};
  return rows;
}

/// Pairs of wall clock on a real machine, effects in logs.
Rows wall_clock(double on, double off, int pairs_off = 6) {
  Rows rows = two_configs(Kind::kWallClock);
  const double wiggle[] = {0.5, -1, 1, -0.5, 0.8, -0.8};
  for (int pair = 1; pair <= 6; ++pair)
    for (const auto& [config, effect] : {std::pair{kHigh, on}, std::pair{kLow, off}}) {
      if (config == kLow && pair > pairs_off) continue;
      // Both configs meet the same disturbance, which the pairing takes out.
      const double shared = 0.03 * wiggle[pair - 1];
      const double own = 0.002 * wiggle[(pair + (config == kLow ? 3 : 0)) % 6];
      rows.measure("performance", "baseline", config, pair, "ns", 100, "ns", false);
      rows.measure("performance", "patched", config, pair, "ns",
                   100 * std::exp(effect + shared + own), "ns", false);
    }
  return rows;
}

MetricInteraction only(const Rows& rows) {
  const auto found = compare_metrics(rows.input).interactions;
  EXPECT_EQ(found.size(), 1U);
  return found.empty() ? MetricInteraction{} : found.front();
}

TEST(Interactions, AnEffectThatOnlyHighmemHasDiffers) {
  const MetricInteraction x = only(wall_clock(-0.10, 0));
  EXPECT_EQ(x.answer, "differs");
  EXPECT_TRUE(x.matched);
  EXPECT_TRUE(x.decides);
  EXPECT_EQ(x.on.config, kHigh);
  EXPECT_EQ(x.off.config, kLow);
  EXPECT_NEAR(x.difference_percent, 100 * std::expm1(-0.10), 0.5);
  EXPECT_LT(x.ci_high_percent, 0);
  EXPECT_GT(x.ci_low_percent, -11);
  EXPECT_LT(x.p_adjusted, 0.001);
}

TEST(Interactions, AnEffectThatBothHaveIsEqual) {
  const MetricInteraction x = only(wall_clock(-0.10, -0.10));
  EXPECT_EQ(x.answer, "equal");
  EXPECT_EQ(figure_of(x),
            fmt::format("{:+.1f} % without HIGHMEM: the same effect", x.off.change_percent));
}

TEST(Interactions, PairsThatHaveNoPartnerAreNotMatched) {
  const MetricInteraction x = only(wall_clock(-0.10, -0.10, 4));
  EXPECT_FALSE(x.matched);
  EXPECT_EQ(x.answer, "inconclusive") << "the shared disturbance stays in";
}

TEST(Interactions, LooksMakeItHarder) {
  Rows rows = wall_clock(-0.04, -0.03);
  const MetricInteraction once = only(rows);
  rows.input.job.pairs = 6;
  rows.input.job.max_pairs = 24;
  const MetricInteraction first = only(rows);
  EXPECT_GT(first.p_value, once.p_value);
  EXPECT_LT(first.ci_low_percent, once.ci_low_percent);
  EXPECT_GT(first.ci_high_percent, once.ci_high_percent);
}

TEST(Interactions, InstructionCountsNeedNoTest) {
  Rows rows = two_configs(Kind::kWallClock);
  const auto one = [&](double on, double off) {
    Rows copy = rows;
    for (const auto& [config, patched] : {std::pair{kHigh, on}, std::pair{kLow, off}}) {
      copy.measure("instructions", "baseline", config, 1, "ns", 400, "ns");
      copy.measure("instructions", "patched", config, 1, "ns", patched, "ns");
    }
    return only(copy);
  };
  const MetricInteraction differs = one(340, 396);
  EXPECT_EQ(differs.answer, "differs");
  EXPECT_TRUE(differs.exact);
  EXPECT_NEAR(differs.difference_percent, -14.14, 0.01);
  EXPECT_NEAR(differs.ci_high_percent - differs.ci_low_percent, 0.4, 1e-9);
  EXPECT_EQ(figure_of(differs),
            "-1.0 % without HIGHMEM: the effect differs by -14.1 % [-14.3, -13.9]");
  EXPECT_EQ(one(340, 340.4).answer, "equal");  // inside the noise
  EXPECT_EQ(one(340, 342).answer, "equal");    // real, below the smallest effect of interest
  EXPECT_EQ(one(340, 345).answer, "differs");
}

TEST(Interactions, CountsWithZerosAreComparedAsCounts) {
  Rows rows = two_configs(Kind::kCounter);
  rows.input.job.metrics[0].smallest_count = 8;
  const auto one = [&](double low_before) {
    Rows copy = rows;
    for (int pair = 1; pair <= 2; ++pair)
      for (const auto& [config, before] : {std::pair{kHigh, 72.0}, std::pair{kLow, low_before}}) {
        copy.measure("performance", "baseline", config, pair, "flushes", before, "");
        copy.measure("performance", "patched", config, pair, "flushes", 0, "");
      }
    return only(copy);
  };
  const MetricInteraction x = one(0);
  EXPECT_EQ(x.answer, "differs");
  EXPECT_FALSE(x.has_percent);
  EXPECT_EQ(figure_of(x), "0 -> 0 without HIGHMEM: the effect differs");
  EXPECT_EQ(one(68).answer, "equal");
}

TEST(Interactions, WithoutBothKindsOfConfigThereIsNone) {
  Rows rows = wall_clock(-0.10, 0);
  rows.input.config_wants_highmem[kLow] = true;
  EXPECT_THAT(compare_metrics(rows.input).interactions, IsEmpty());
  rows.input.config_wants_highmem.clear();
  EXPECT_THAT(compare_metrics(rows.input).interactions, IsEmpty());
}

TEST(Interactions, AnEmulatedMachinesWallClockDecidesNothing) {
  Rows rows = wall_clock(-0.10, 0);
  for (SessionRow& row : rows.input.sessions) row.emulated = true;
  EXPECT_FALSE(only(rows).decides);
}

TEST(Interactions, AClaimAboutHighmemShowsWhatItHasToDoWithIt) {
  Rows rows = two_configs(Kind::kWallClock);
  for (const auto& [config, patched] : {std::pair{kHigh, 340}, std::pair{kLow, 396}}) {
    rows.measure("instructions", "baseline", config, 1, "ns", 400, "ns");
    rows.measure("instructions", "patched", config, 1, "ns", patched, "ns");
  }
  job::ClaimSpec claim;
  claim.text = "faster with HIGHMEM";
  claim.rule = job::ClaimSpec::Rule::kComparison;
  claim.metric = "ns";
  claim.config = kHigh;
  claim.session = "instructions";
  claim.expect = "faster";
  rows.input.job.claims = {claim};
  const Output out = judge(rows.input);
  EXPECT_EQ(out.claims.at(0).answer, "confirmed");
  EXPECT_EQ(out.claims.at(0).figure,
            "ns in i386-highmem: -15.0 % [-15.1, -14.9] faster, -1.0 % without HIGHMEM: the effect "
            "differs by -14.1 % [-14.3, -13.9]");
}

}  // namespace
}  // namespace kiln::verdict
