#include "lib/hygiene/conditions.h"

#include <gmock/gmock.h>

#include "lib/os/process.h"

namespace kiln::hygiene {
namespace {

/// The script runs on this computer's shells, too, whatever this computer has in /sys.
TEST(Reading, ScriptAndReaderAgreeInEachShell) {
  std::vector<std::vector<std::string>> shells = {{"sh", "-c"}, {"bash", "-c"}};
  if (!os::find_program("busybox").empty()) shells.push_back({"busybox", "sh", "-c"});
  for (const std::vector<std::string>& shell : shells) {
    os::Command command;
    command.argv = shell;
    command.argv.push_back(reading_script(/*look_for_load=*/true));
    const auto exit = os::run(command);
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->code, 0);
    EXPECT_EQ(exit->err, "");
    const Reading reading = read_reading(exit->out, When::kBefore);
    EXPECT_GT(reading.all_ticks.value_or(0), 0) << exit->out;
    ASSERT_TRUE(reading.other_load) << exit->out;
    EXPECT_GE(*reading.other_load, 0);
    EXPECT_LT(*reading.other_load, 10'000);
  }
}

TEST(Reading, OfARealMachine) {
  const Reading reading = read_reading(
      "release=6.1\nhygiene:clocksource=tsc\nhygiene:no_turbo=1\nhygiene:governor=powersave\n"
      "hygiene:governor=performance\nhygiene:governor=powersave\nhygiene:throttled=3\n"
      "hygiene:throttled=4\nhygiene:heat=48000\nhygiene:heat=61500\n"
      "hygiene:stat=cpu  100 1 20 5000 7 0 3 40 9 0\n"
      "hygiene:uptime=100.00 50.0\nhygiene:stat=cpu  100 1 20 5000 7 0 3 40 9 0\n"
      "hygiene:uptime=100.25 50.0\nhygiene:stat=cpu  110 1 30 5020 7 0 3 45 9 0\nend=1\n",
      When::kBefore);
  EXPECT_EQ(reading.settings, (Settings{"performance,powersave", "off", "tsc"}));
  EXPECT_EQ(reading.throttled, 7);
  EXPECT_EQ(reading.celsius, 61.5);
  EXPECT_EQ(reading.stolen_ticks, 45);
  EXPECT_EQ(reading.all_ticks, 5216);
  EXPECT_DOUBLE_EQ(reading.other_load.value_or(-1), 1.0);
}

TEST(Reading, WhatIsNotThereIsNotThere) {
  const Reading none = read_reading("hygiene:clocksource=kvm-clock\n", When::kBoot);
  EXPECT_EQ(none.settings, (Settings{"", "", "kvm-clock"}));
  EXPECT_FALSE(none.throttled || none.celsius || none.other_load || none.all_ticks);
  EXPECT_EQ(read_reading("", When::kBoot).settings, Settings());
}

TEST(Reading, HostileWordsAreNoNumbers) {
  const Reading reading = read_reading(
      "hygiene:throttled=-5\nhygiene:throttled=1e300\nhygiene:heat=nan\nhygiene:heat=9e99\n"
      "hygiene:stat=cpu 1 2 3\nhygiene:stat=cpu -1 2 3 4 5 6 7 8\nhygiene:no_turbo=maybe\n"
      "hygiene:uptime=inf\nhygiene:uptime=inf\nhygiene:\nhygiene:x\n"
      "hygiene:governor=\xff\x01 one\nhygiene:clocksource=" +
          std::string(5000, 'x') + "\n",
      When::kBoot);
  EXPECT_FALSE(reading.throttled || reading.celsius || reading.other_load || reading.all_ticks);
  EXPECT_EQ(reading.settings.turbo, "");
  EXPECT_EQ(reading.settings.governor, "\xef\xbf\xbdone");
  EXPECT_EQ(reading.settings.clocksource.size(), 40U);
}

/// A load is looked for only where the machine can sleep for a part of a second.
TEST(Reading, WithoutASleepThereIsNoLoad) {
  EXPECT_FALSE(read_reading("hygiene:uptime=100.00 1\nhygiene:stat=cpu  1 0 0 9 0 0 0 0\n"
                            "hygiene:uptime=100.01 1\nhygiene:stat=cpu  2 0 0 9 0 0 0 0\n",
                            When::kBefore)
                   .other_load);
}

Reading reading(When when, int64_t throttled) {
  Reading out;
  out.when = when;
  out.settings = {"performance", "on", "tsc"};
  out.throttled = throttled;
  return out;
}

TEST(SumUp, CountsFromTheProofOnAndOverRestarts) {
  // Counters start at 0 again with the second boot.
  const Conditions sum =
      sum_up({reading(When::kBoot, 5), reading(When::kBefore, 5), reading(When::kBoot, 1),
              reading(When::kBefore, 1), reading(When::kAfter, 3), reading(When::kEnd, 3)});
  EXPECT_EQ(sum.throttled, 2);
  EXPECT_EQ(sum.settings, (Settings{"performance", "on", "tsc"}));
  EXPECT_EQ(sum_up({}), Conditions());
  EXPECT_FALSE(sum_up({reading(When::kBoot, 5)}).throttled) << "one look counts nothing";
}

TEST(SumUp, ASettingThatChangesIsBoth) {
  Reading later = reading(When::kAfter, 0);
  later.settings.clocksource = "hpet";
  EXPECT_EQ(sum_up({reading(When::kBefore, 0), later}).settings.clocksource, "hpet,tsc");
}

TEST(SumUp, StolenTimeIsThatOfTheBenches) {
  const auto at = [](When when, int64_t stolen, int64_t all) {
    Reading out;
    out.when = when;
    out.stolen_ticks = stolen;
    out.all_ticks = all;
    return out;
  };
  const Conditions sum =
      sum_up({at(When::kBoot, 0, 0), at(When::kBefore, 500, 1000), at(When::kAfter, 510, 1100),
              at(When::kBefore, 900, 2000), at(When::kAfter, 910, 2100)});
  EXPECT_DOUBLE_EQ(sum.stolen_percent.value_or(-1), 10);
}

}  // namespace
}  // namespace kiln::hygiene
