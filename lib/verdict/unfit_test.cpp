#include "lib/verdict/unfit.h"

#include <gmock/gmock.h>

#include "lib/verdict/performance.h"
#include "lib/verdict/test_rows.h"

namespace kiln::verdict {
namespace {

using testing::kHigh;
using testing::Rows;

constexpr const char* kMetric = "pread/ns";

/// Six pairs on a real machine, the patched side 10 % slower.
struct Pairs : Rows {
  explicit Pairs(bool emulated = false) {
    input.job.metrics.push_back({});
    input.job.metrics.back().metric = "pread/*";
    input.job.pairs = 6;
    for (int pair = 1; pair <= 6; ++pair)
      for (const char* variant : {"baseline", "patched"}) {
        const double value = (*variant == 'b' ? 100 : 110) + 0.1 * pair;
        measure("performance", variant, kHigh, pair, kMetric, value, "ns", emulated);
        SessionRow& boot = input.sessions.back();
        boot.machine = "lab-1";
        boot.conditions = {{"performance", "on", "tsc"}, 0, 55, 0.01, {}};
      }
  }
  SessionRow& boot(int pair, const std::string& variant) {
    for (SessionRow& row : input.sessions)
      if (row.pair == pair && row.variant == variant) return row;
    return input.sessions.front();
  }
};

const Comparison& only_comparison(const Output& output) {
  EXPECT_EQ(output.comparisons.size(), 1U);
  return output.comparisons.at(0);
}

TEST(Unfit, AThrottledBootLeavesItsPairOutAndIsNamed) {
  Pairs rows;
  SessionRow& hot = rows.boot(3, "patched");
  hot.conditions.throttled = 2;
  hot.conditions.celsius = 98;
  const Output output = judge(rows.input);
  const Comparison& c = only_comparison(output);
  EXPECT_EQ(c.pairs.at(2).excluded, "patched boot: heat slowed the CPUs 2 times");
  EXPECT_GT(c.pairs.at(2).left, 0) << "shown all the same";
  EXPECT_EQ(c.pairs.at(1).excluded, "");
  ASSERT_EQ(output.hygiene.size(), 1U);
  const Hygiene& machine = output.hygiene[0];
  EXPECT_EQ(machine.machine, "lab-1");
  EXPECT_EQ(machine.boots, 12);
  EXPECT_EQ(machine.celsius, 98);
  EXPECT_EQ(machine.usual, (hygiene::Settings{"performance", "on", "tsc"}));
  ASSERT_EQ(machine.unfit.size(), 1U);
  EXPECT_EQ(machine.unfit[0].session_id, hot.id);
  EXPECT_EQ(machine.unfit[0].pair, 3);
}

/// Whatever was measured, the same boots are left out.
TEST(Unfit, ValuesHaveNoSay) {
  Pairs rows;
  rows.boot(2, "baseline").conditions.other_load = 3;
  const auto before = unfit_boots(rows.input);
  for (SessionRow& row : rows.input.sessions)
    for (MeasurementRow& m : row.measurements) m.value = 1e6 / m.value;
  EXPECT_EQ(unfit_boots(rows.input), before);
  EXPECT_EQ(before.size(), 1U);
}

TEST(Unfit, TheSeriesMakesNoRule) {
  Pairs rows;
  for (int pair = 1; pair <= 6; ++pair)
    rows.boot(pair, "patched").conditions.settings.clocksource = "hpet";
  const Output output = judge(rows.input);
  for (const PairValue& pair : only_comparison(output).pairs)
    EXPECT_EQ(pair.excluded, "patched boot: the clocksource is hpet, as a rule tsc there");
  EXPECT_EQ(only_comparison(output).decides, false);
  // Nor do this run's boots against what the machine was for months.
  rows.input.settings_before["lab-1"].assign(50, {"powersave", "on", "hpet"});
  EXPECT_THAT(unfit_boots(rows.input).begin()->second, ::testing::HasSubstr("powersave there"));
}

TEST(Unfit, CountsAndEmulatedMachinesAreNotDisturbed) {
  Pairs counted;
  counted.input.job.metrics[0].kind = job::MetricSpec::Kind::kCounter;
  counted.boot(3, "patched").conditions.throttled = 2;
  EXPECT_EQ(only_comparison(judge(counted.input)).pairs.at(2).excluded, "");
  Pairs emulated(true);
  emulated.boot(3, "patched").conditions.throttled = 2;
  const Output output = judge(emulated.input);
  EXPECT_EQ(only_comparison(output).pairs.at(2).excluded, "");
  EXPECT_THAT(output.hygiene.at(0).unfit, ::testing::IsEmpty());
}

}  // namespace
}  // namespace kiln::verdict
