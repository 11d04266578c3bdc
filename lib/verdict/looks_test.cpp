/// Runs that look at their figures as they come: when they end, when they go on, and how often they
/// err.
#include "lib/verdict/looks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "lib/stats/simulate.h"
#include "lib/verdict/test_rows.h"

namespace kiln::verdict {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::kHigh;
using testing::kLow;
using testing::Rows;
using Kind = job::MetricSpec::Kind;

constexpr PairBudget kPlenty{};

Rows job_with(const std::string& glob, Kind kind, int pairs, int max_pairs) {
  Rows rows;
  rows.functional();
  job::MetricSpec spec;
  spec.metric = glob;
  spec.kind = kind;
  rows.input.job.metrics = {spec};
  rows.input.job.pairs = pairs;
  rows.input.job.max_pairs = max_pairs;
  return rows;
}

/// Pairs `from` to `to` of wall clock with an effect and a spread, both in logs.
void measure(Rows* rows, const std::string& config, int from, int to, double effect, double spread,
             bool emulated = false, const std::string& metric = "ns") {
  const double wiggle[] = {0.5, -1, 1, -0.5, 0.8, -0.8};
  for (int pair = from; pair <= to; ++pair) {
    rows->measure("performance", "baseline", config, pair, metric, 100, "ns", emulated);
    rows->measure("performance", "patched", config, pair, metric,
                  100 * std::exp(effect + spread * wiggle[pair % 6]), "ns", emulated);
  }
}

TEST(LookPlan, LooksAfterEachStepUpToTheLastPair) {
  job::JobSpec job;
  job.pairs = 6;
  job.max_pairs = 20;
  const LookPlan plan = look_plan(job, 12);
  EXPECT_THAT(plan.taken, ElementsAre(6, 12));
  EXPECT_EQ(plan.at_most, 4);  // 18 and 20 may follow
  EXPECT_EQ(next_look(job, 12), 18);
  EXPECT_EQ(next_look(job, 18), 20);
  EXPECT_EQ(next_look(job, 20), std::nullopt);
  EXPECT_EQ(next_look(job, 8), 12);  // ended in between, and goes on
  EXPECT_THAT(look_plan(job, 8).taken, ElementsAre(6, 8));
  EXPECT_THAT(look_plan(job, 0).taken, IsEmpty());
}

TEST(LookPlan, AJobWithoutAMaximumLooksOnce) {
  job::JobSpec job;
  job.pairs = 6;
  job.max_pairs = 0;
  EXPECT_EQ(look_plan(job, 6).at_most, 1);
  EXPECT_EQ(next_look(job, 6), std::nullopt);
  EXPECT_EQ(look_plan(job, 7).at_most, 1 + 1);  // more pairs than it asks for: still no error
}

TEST(FurtherPairs, AnUndecidedConfigGoesOnAndADecidedOneEnds) {
  Rows rows = job_with("ns", Kind::kWallClock, 6, 24);
  measure(&rows, kHigh, 1, 6, 0.01, 0.05);   // open
  measure(&rows, kLow, 1, 6, -0.10, 0.002);  // so large that the first look shows it
  const auto further = further_pairs(rows.input, kPlenty);
  ASSERT_EQ(further.size(), 1U);
  EXPECT_EQ(further[0].config, kHigh);
  EXPECT_EQ(further[0].from, 7);
  EXPECT_EQ(further[0].to, 12);
  EXPECT_THAT(further[0].open, ElementsAre("ns"));
  const Output out = judge(rows.input);
  EXPECT_EQ(out.comparisons[0].answer, "inconclusive");
  EXPECT_EQ(out.comparisons[0].looks_taken, 1);
  EXPECT_EQ(out.comparisons[0].looks_at_most, 4);
  EXPECT_EQ(out.comparisons[1].answer, "faster");
}

TEST(FurtherPairs, TheLastLookIsTheLast) {
  Rows rows = job_with("ns", Kind::kWallClock, 6, 12);
  measure(&rows, kHigh, 1, 12, 0.01, 0.05);
  EXPECT_THAT(further_pairs(rows.input, kPlenty), IsEmpty());
  const Comparison c = judge(rows.input).comparisons.at(0);
  EXPECT_EQ(c.looks_taken, 2);
  EXPECT_EQ(c.looks_at_most, 2);
  EXPECT_GT(c.p_repeated, c.p_value);
  EXPECT_GT(c.more_pairs, 0);
}

TEST(FurtherPairs, OnlyWhatDecidesAndNeedsATestAsksForMore) {
  Rows emulated = job_with("ns", Kind::kWallClock, 6, 24);
  measure(&emulated, kHigh, 1, 6, 0.01, 0.05, true);
  EXPECT_THAT(further_pairs(emulated.input, kPlenty), IsEmpty());
  EXPECT_EQ(judge(emulated.input).comparisons.at(0).looks_at_most, 0);

  Rows exact = job_with("flushes", Kind::kCounter, 2, 8);
  Rows overlapping = job_with("flushes", Kind::kCounter, 2, 8);
  for (int pair = 1; pair <= 2; ++pair)
    for (const auto& [variant, patched] :
         {std::pair{"baseline", false}, std::pair{"patched", true}}) {
      exact.measure("performance", variant, kHigh, pair, "flushes", patched ? 0 : 40 + pair, "");
      overlapping.measure("performance", variant, kHigh, pair, "flushes",
                          40 + pair * (patched ? 3 : -3) + (pair == 2 && patched ? -20 : 0), "");
    }
  EXPECT_THAT(further_pairs(exact.input, kPlenty), IsEmpty());
  EXPECT_EQ(further_pairs(overlapping.input, kPlenty).size(), 1U)
      << "a counter that needs a test decides on any machine";
}

TEST(FurtherPairs, InstructionBootsAskForNone) {
  Rows rows = job_with("ns", Kind::kWallClock, 2, 8);
  const double patched[] = {100, 110, 95};
  for (int pair = 1; pair <= 3; ++pair) {
    rows.measure("instructions", "baseline", kHigh, pair, "ns", 100, "ns");
    rows.measure("instructions", "patched", kHigh, pair, "ns", patched[pair - 1], "ns");
  }
  EXPECT_EQ(judge(rows.input).comparisons.at(0).answer, "inconclusive");
  EXPECT_THAT(further_pairs(rows.input, kPlenty), IsEmpty());
}

TEST(FurtherPairs, TheBudgetIsSharedByTheConfigs) {
  Rows rows = job_with("ns", Kind::kWallClock, 6, 24);
  measure(&rows, kHigh, 1, 6, 0.01, 0.05);
  measure(&rows, kLow, 1, 6, 0.01, 0.05);
  const auto further = further_pairs(rows.input, {750, 100});  // seven pairs
  ASSERT_EQ(further.size(), 2U);
  EXPECT_EQ(further[0].to, 9);
  EXPECT_EQ(further[1].to, 10);
  EXPECT_EQ(further_pairs(rows.input, {150, 100}).size(), 1U);
  EXPECT_THAT(further_pairs(rows.input, {99, 100}), IsEmpty());
  EXPECT_THAT(further_pairs(rows.input, {-5, 100}), IsEmpty());
}

TEST(FurtherPairs, APairOfWhichASideIsMissingIsTakenAgain) {
  Rows rows = job_with("ns", Kind::kWallClock, 6, 24);
  measure(&rows, kHigh, 1, 7, 0.01, 0.05);
  std::erase_if(rows.input.sessions,
                [](const SessionRow& row) { return row.pair == 7 && row.variant == "patched"; });
  const auto further = further_pairs(rows.input, kPlenty);
  ASSERT_EQ(further.size(), 1U);
  EXPECT_EQ(further[0].from, 7);
  EXPECT_EQ(further[0].to, 12);
}

TEST(FurtherPairs, NothingIsDecidedOnTheWayToALook) {
  Rows rows = job_with("ns", Kind::kWallClock, 6, 24);
  measure(&rows, kHigh, 1, 8, -0.10, 0.002);
  const auto further = further_pairs(rows.input, kPlenty);
  ASSERT_EQ(further.size(), 1U) << "it went on after 6 pairs, so that it looks again at 12";
  EXPECT_EQ(further[0].from, 9);
  EXPECT_EQ(further[0].to, 12);
}

TEST(Looks, ALookWithoutNewPairsIsNone) {
  Rows rows = job_with("ns", Kind::kWallClock, 6, 12);
  measure(&rows, kHigh, 1, 12, -0.10, 0.002);
  for (SessionRow& row : rows.input.sessions)
    if (row.pair > 6) row.ending = "infrastructure";
  const Comparison c = judge(rows.input).comparisons.at(0);
  EXPECT_EQ(c.answer, "faster") << "the six pairs still say what they said";
}

TEST(Looks, ExcludedPairsGiveNoInformation) {
  Rows rows = job_with("ns", Kind::kWallClock, 6, 12);
  measure(&rows, kHigh, 1, 12, -0.05, 0.01);
  for (SessionRow& row : rows.input.sessions)
    if (row.pair == 2) row.ending = "infrastructure";
  const PairedMetric metric = pair_metrics(rows.input).at(0);
  const stats::Looks looks = looks_of(metric, look_plan(rows.input.job, 12));
  EXPECT_THAT(looks.pairs, ElementsAre(5, 11));
  EXPECT_EQ(looks.planned_pairs, 11) << "at the last pair all of alpha is spent";
}

/// A run on a real machine as its driver lets it happen: pairs come in as further_pairs() asks.
struct Ended {
  std::string answer;
  int pairs = 0;
};

Ended simulate_run(double effect, stats::Random* random) {
  Rows rows = job_with("ns", Kind::kWallClock, 4, 12);
  rows.input.job.configs = {kHigh};
  const stats::Pairs values = stats::simulate_pairs({}, 12, effect, random);
  int taken = 0;
  int until = 4;
  while (true) {
    for (; taken < until; ++taken) {
      const auto i = static_cast<size_t>(taken);
      rows.measure("performance", "baseline", kHigh, taken + 1, "ns", values.left[i], "ns", false);
      rows.measure("performance", "patched", kHigh, taken + 1, "ns", values.right[i], "ns", false);
    }
    const auto further = further_pairs(rows.input, kPlenty);
    if (further.empty()) break;
    until = further.front().to;
  }
  return {compare_metrics(rows.input).comparisons.at(0).answer, taken};
}

TEST(LooksProperty, ARunThatGoesOnUntilItIsDecidedRaisesNoMoreFalseAlarms) {
  constexpr int kRuns = 400;
  stats::Random random(5);
  int alarms = 0;
  for (int i = 0; i < kRuns; ++i) {
    const Ended ended = simulate_run(0, &random);
    alarms += ended.answer == "faster" || ended.answer == "slower" ? 1 : 0;
  }
  // An alarm needs an effect of interest, too, so that the share lies below 5 %.
  EXPECT_LE(alarms, kRuns * 0.05 + 4 * std::sqrt(kRuns * 0.05 * 0.95));
}

TEST(LooksProperty, ALargeEffectIsFoundSoonerThanTheMaximum) {
  constexpr int kRuns = 100;
  stats::Random random(6);
  int found = 0;
  int pairs = 0;
  for (int i = 0; i < kRuns; ++i) {
    const Ended ended = simulate_run(-0.08, &random);
    found += ended.answer == "faster" ? 1 : 0;
    pairs += ended.pairs;
  }
  EXPECT_GE(found, 98);
  EXPECT_LT(pairs, kRuns * 10);
}

}  // namespace
}  // namespace kiln::verdict
