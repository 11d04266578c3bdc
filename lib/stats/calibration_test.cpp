// Is a nominal 5 % really 5 %, and does power come as the formula says? Seeded simulation.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "lib/stats/multiple.h"
#include "lib/stats/student.h"

namespace kiln::stats {
namespace {

/// Boots whose levels differ far more than a pair does: what pairing is for.
struct Machine {
  double between_boots = 0.15;
  double within_pair = 0.02;
  double effect = 0;
};

/// Log ratios of one experiment.
std::vector<double> simulate(std::mt19937_64& random, const Machine& machine, int pairs) {
  std::normal_distribution<double> level(0, machine.between_boots);
  std::normal_distribution<double> noise(0, machine.within_pair);
  std::vector<double> differences;
  for (int i = 0; i < pairs; ++i) {
    const double boot = level(random);
    const double left = 100 * std::exp(boot + noise(random));
    const double right = 100 * std::exp(boot + machine.effect + noise(random));
    differences.push_back(std::log(right / left));
  }
  return differences;
}

/// Half-width of what `trials` of chance `p` may stray: 4 standard errors (1 in 16,000).
double bound(double p, int trials) {
  return 4 * std::sqrt(p * (1 - p) / trials);
}

TEST(Calibration, AlarmsWithoutAnEffectAreTheNominalShare) {
  std::mt19937_64 random(1);
  constexpr int kTrials = 4000;
  for (const int pairs : {3, 6, 12}) {
    int alarms = 0;
    int flips = 0;
    for (int i = 0; i < kTrials; ++i) {
      const std::vector<double> d = simulate(random, {}, pairs);
      alarms += paired_t(d).p < 0.05 ? 1 : 0;
      flips += sign_flip_p(d, 1) < 0.05 ? 1 : 0;
    }
    EXPECT_NEAR(alarms / double{kTrials}, 0.05, bound(0.05, kTrials)) << pairs;
    // The exact test has steps: with 3 pairs it never speaks, with 6 its level is 2/64.
    const double level = pairs == 3 ? 0 : pairs == 6 ? 2.0 / 64 : 0.05;
    EXPECT_NEAR(flips / double{kTrials}, level, bound(0.05, kTrials)) << pairs;
  }
}

TEST(Calibration, IntervalsCoverTheTruth) {
  std::mt19937_64 random(2);
  constexpr int kTrials = 4000;
  int in95 = 0;
  int in90 = 0;
  const Machine machine{.effect = -0.03};
  for (int i = 0; i < kTrials; ++i) {
    const PairedT p = paired_t(simulate(random, machine, 6));
    in95 += p.ci95.low <= machine.effect && machine.effect <= p.ci95.high ? 1 : 0;
    in90 += p.ci90.low <= machine.effect && machine.effect <= p.ci90.high ? 1 : 0;
  }
  EXPECT_NEAR(in95 / double{kTrials}, 0.95, bound(0.95, kTrials));
  EXPECT_NEAR(in90 / double{kTrials}, 0.90, bound(0.90, kTrials));
}

TEST(Calibration, PowerGrowsAsTheFormulaSays) {
  std::mt19937_64 random(3);
  constexpr int kTrials = 3000;
  const double sd = std::sqrt(2.0) * Machine{}.within_pair;
  double last = 0;
  for (const int pairs : {4, 6, 9, 14}) {
    const Machine machine{.effect = 0.03};
    int seen = 0;
    for (int i = 0; i < kTrials; ++i) seen += paired_t(simulate(random, machine, pairs)).p < 0.05;
    const double formula = power(pairs, machine.effect, sd);
    EXPECT_NEAR(seen / double{kTrials}, formula, bound(formula, kTrials)) << pairs;
    EXPECT_GT(formula, last);
    last = formula;
  }
}

TEST(Calibration, EquivalenceIsClaimedWronglyAtMostInFivePercent) {
  std::mt19937_64 random(4);
  constexpr int kTrials = 4000;
  const Interval margin{std::log1p(-0.02), std::log1p(0.02)};
  const Machine at_the_margin{.effect = std::log1p(0.02)};
  int claimed = 0;
  for (int i = 0; i < kTrials; ++i)
    claimed += tost_p(paired_t(simulate(random, at_the_margin, 12)), margin) < 0.05 ? 1 : 0;
  EXPECT_LE(claimed / double{kTrials}, 0.05 + bound(0.05, kTrials));
}

TEST(Calibration, TheSmallestDetectableEffectIsDetectedInEightOfTen) {
  std::mt19937_64 random(5);
  constexpr int kTrials = 3000;
  const double sd = std::sqrt(2.0) * Machine{}.within_pair;
  const Machine machine{.effect = smallest_detectable(6, sd)};
  int seen = 0;
  for (int i = 0; i < kTrials; ++i) seen += paired_t(simulate(random, machine, 6)).p < 0.05;
  EXPECT_NEAR(seen / double{kTrials}, 0.8, bound(0.8, kTrials));
}

TEST(Calibration, BenjaminiHochbergHoldsTheShareOfFalseDiscoveries) {
  std::mt19937_64 random(6);
  constexpr int kRuns = 400;
  double false_share = 0;
  for (int run = 0; run < kRuns; ++run) {
    std::vector<double> p;
    for (int metric = 0; metric < 20; ++metric)  // 5 of 20 metrics really change
      p.push_back(paired_t(simulate(random, {.effect = metric < 5 ? 0.08 : 0.0}, 8)).p);
    const std::vector<double> adjusted = benjamini_hochberg(p);
    int found = 0;
    int wrong = 0;
    for (size_t i = 0; i < p.size(); ++i) {
      found += adjusted[i] < 0.05 ? 1 : 0;
      wrong += adjusted[i] < 0.05 && i >= 5 ? 1 : 0;
    }
    if (found > 0) false_share += wrong / double(found);
  }
  EXPECT_LE(false_share / kRuns, 0.05 + bound(0.05, kRuns));
}

}  // namespace
}  // namespace kiln::stats
