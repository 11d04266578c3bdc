// The 2x2 and the noise floor, against SciPy's.
#include "lib/stats/interaction.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "lib/stats/noise.h"
#include "lib/stats/simulate.h"
#include "lib/stats/test_oracle.h"

namespace kiln::stats {
namespace {

TEST(InteractionOracle, UnmatchedPairsAgreeWithScipysWelch) {
  for (const auto& row : oracle()["welch"]) {
    const Interaction got = interaction(row["a"].get<Values>(), row["b"].get<Values>(), false, {});
    EXPECT_FALSE(got.matched);
    for (const auto& [name, value] : {std::pair{"difference", got.difference},
                                      {"error", got.error},
                                      {"df", got.df},
                                      {"t", got.t},
                                      {"p", got.p},
                                      {"p_tost", got.p_tost}})
      expect_close(value, row[name], name);
    expect_interval(got.ci95, row["ci95"], "ci95");
    expect_interval(got.ci90, row["ci90"], "ci90");
  }
}

TEST(InteractionOracle, MatchedPairsAgreeWithScipysPairedT) {
  const auto& row = oracle()["matched"];
  const Interaction got = interaction(row["on"].get<Values>(), row["off"].get<Values>(), true, {});
  EXPECT_TRUE(got.matched);
  expect_close(got.difference, row["mean"], "mean");
  expect_close(got.p, row["p"], "p");
  expect_close(got.p_tost, row["p_tost"], "p_tost");
  expect_interval(got.ci95, row["ci95"], "ci95");
  expect_interval(got.ci90, row["ci90"], "ci90");
}

TEST(Interaction, ThreeAnswers) {
  const auto ask = [](const Values& on, const Values& off) {
    const Interaction got = interaction(on, off, false, {});
    return answer(got, {}, got.p);
  };
  const Values none{.001, -.001, .002, -.002, .001, -.001};
  EXPECT_EQ(ask({-.05, -.052, -.048, -.051, -.049, -.05}, none), Answer::kChanged);
  // Faster by 5 % with HIGHMEM and without: HIGHMEM has no part in it.
  EXPECT_EQ(ask({-.05, -.052, -.048, -.051, -.049, -.05}, {-.05, -.051, -.049, -.05, -.05, -.05}),
            Answer::kEquivalent);
  EXPECT_EQ(ask({-.05, .05, -.02, .04, .01, -.03}, none), Answer::kInconclusive);
  EXPECT_EQ(ask({-.05}, none), Answer::kInconclusive);
  EXPECT_EQ(ask({}, {}), Answer::kInconclusive);
}

TEST(Interaction, EffectsStandBesideTheirDifference) {
  const Interaction got = interaction(Values{-.10, -.12}, Values{.01, .03}, true, {});
  EXPECT_NEAR(got.on.mean, -.11, 1e-12);
  EXPECT_NEAR(got.off.mean, .02, 1e-12);
  EXPECT_NEAR(got.difference, -.13, 1e-12);
  EXPECT_NEAR(got.percent, 100 * std::expm1(-.13), 1e-9);
  EXPECT_FALSE(interaction(Values{1, 2}, Values{1, 2, 3}, true, {}).matched);
  const Interaction exact = interaction(Values{.1, .1}, Values{0, 0}, false, {});
  EXPECT_EQ(exact.p, 0);
  EXPECT_EQ(exact.ci95.low, .1);
}

TEST(NoiseOracle, FloorAgreesWithScipy) {
  const auto& row = oracle()["noise"];
  const NoiseFloor got = noise_floor(row["log_ratios"].get<Values>(), 6);
  EXPECT_EQ(got.pairs, 25);
  EXPECT_EQ(got.experiments, 4);
  EXPECT_EQ(got.alarms, row["alarms"].get<int>());
  expect_close(got.mean, row["mean"], "mean");
  expect_close(got.sd, row["sd"], "sd");
  expect_interval(got.sd95, row["sd95"], "sd95");
}

TEST(NoiseOracle, ExactBinomialAgreesWithScipy) {
  for (const auto& row : oracle()["binomial"])
    expect_interval(exact_binomial(row["hits"].get<int>(), row["tries"].get<int>(),
                                   row["confidence"].get<double>()),
                    row["interval"], row.dump().c_str());
  EXPECT_EQ(exact_binomial(0, 0).high, 1);
  EXPECT_EQ(exact_binomial(9, 3).high, 1);
}

TEST(Noise, NothingIsKnownOfNothing) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const NoiseFloor none = noise_floor(Values{nan, 0.1}, 0);
  EXPECT_EQ(none.pairs, 1);
  EXPECT_TRUE(std::isinf(none.sd95.high));
  EXPECT_TRUE(std::isinf(detectable_percent(none, 12)));
  EXPECT_EQ(none.experiments, 0);
  EXPECT_TRUE(none.as_nominal);
}

TEST(Noise, AMachineThatCannotBeBelievedIsSeen) {
  // The second boot of a pair is always 2 % slower: an A/A pair is not what it should be.
  Random random(4);
  Values biased;
  Values honest;
  for (int i = 0; i < 120; ++i) {
    biased.push_back(0.02 + 0.01 * random.normal());
    honest.push_back(0.01 * random.normal());
  }
  const NoiseFloor bad = noise_floor(biased, 6);
  EXPECT_GT(bad.mean95.low, 0);
  EXPECT_GT(bad.alarms, 15);
  EXPECT_FALSE(bad.as_nominal);
  const NoiseFloor good = noise_floor(honest, 6);
  EXPECT_TRUE(good.as_nominal);
  EXPECT_LE(good.sd95.low, 0.01);
  EXPECT_GE(good.sd95.high, 0.01);
  EXPECT_NEAR(detectable_percent(good, 6), 100 * std::expm1(smallest_detectable(6, good.sd)),
              1e-12);
  EXPECT_GT(detectable_percent(good, 4), detectable_percent(good, 12));
  const Alarms both = alarms_of(std::vector<NoiseFloor>{bad, good});
  EXPECT_EQ(both.experiments, 40);
  EXPECT_EQ(both.alarms, bad.alarms + good.alarms);
}

}  // namespace
}  // namespace kiln::stats
