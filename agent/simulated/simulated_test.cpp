#include "agent/simulated/simulated.h"

#include <gtest/gtest.h>

#include <map>

namespace kiln::agent {
namespace {

TEST(Simulated, TroublesAreAsFrequentAsAskedAndAlwaysTheSame) {
  SimulatedConfig config;
  config.troubles = 30;
  std::map<PlayedTrouble, int> counts;
  for (int64_t id = 1; id <= 2000; ++id) {
    const PlayedTrouble trouble = trouble_of(config, "m1", id);
    EXPECT_EQ(trouble, trouble_of(config, "m1", id));
    ++counts[trouble];
  }
  EXPECT_NEAR(counts[PlayedTrouble::kNone], 1400, 100);
  EXPECT_EQ(counts.size(), 7U) << "every trouble comes";
  config.troubles = 0;
  EXPECT_EQ(trouble_of(config, "m1", 1), PlayedTrouble::kNone);
}

TEST(Simulated, AGoodSessionAnswersEachTestAndBench) {
  SimulatedConfig config;
  config.troubles = 0;
  config.mean = Millis(2);
  SessionOrder order;
  order.machine = "m1";
  order.session_id = 5;
  order.expected.kernel_build_id = "abc";
  order.phases.resize(1);
  order.phases[0].name = "gem";
  order.phases[0].test_list = "# two\nigt@a@b\nigt@c\n";
  order.benches.resize(1);
  order.benches[0].name = "kmap";
  const SessionOutcome outcome = simulate(config, order, SystemClock(), [](const auto&) {}, {});
  EXPECT_EQ(outcome.ending, Ending::kTested);
  ASSERT_EQ(outcome.results.size(), 2U);
  EXPECT_EQ(outcome.results[1].test, "igt@c");
  EXPECT_EQ(outcome.measurements.size(), 1U);
  EXPECT_TRUE(outcome.identity.proved);
}

TEST(Simulated, OneTestKnowsABrokenKernel) {
  SimulatedConfig config;
  config.troubles = 0;
  config.mean = Millis(2);
  SessionOrder order;
  order.phases.resize(1);
  order.phases[0].test_list = "igt@a@unless-broken\nigt@b\n";
  for (const auto& [release, outcome] :
       {std::pair{"9.8.7-kiln", "pass"}, std::pair{"9.8.7-broken", "fail"}}) {
    order.expected.release = release;
    const SessionOutcome played = simulate(config, order, SystemClock(), [](const auto&) {}, {});
    ASSERT_EQ(played.results.size(), 2U);
    EXPECT_EQ(played.results[0].outcome, outcome);
    EXPECT_EQ(played.results[1].outcome, "pass");
  }
}

TEST(Simulated, EndsAtOnceWhenTold) {
  SimulatedConfig config;
  config.mean = std::chrono::hours(1);
  std::stop_source stop;
  stop.request_stop();
  SessionOrder order;
  order.timeout = std::chrono::hours(1);
  const SessionOutcome outcome = simulate(
      config, order, SystemClock(), [](const auto&) {}, stop.get_token());
  EXPECT_EQ(outcome.ending, Ending::kCancelled);
}

}  // namespace
}  // namespace kiln::agent
