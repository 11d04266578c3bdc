#include "lib/hygiene/fit.h"

#include <gtest/gtest.h>

namespace kiln::hygiene {
namespace {

const Settings kUsual{"performance", "on", "tsc"};

TEST(Usual, IsWhatMostBootsHad) {
  EXPECT_EQ(usual_of({}), Settings());
  EXPECT_EQ(usual_of({{"powersave", "", "tsc"},
                      {"", "off", ""},
                      {"performance", "", "hpet"},
                      {"performance", "", "tsc"}}),
            (Settings{"performance", "off", "tsc"}));
  EXPECT_EQ(usual_of({{"b", "", ""}, {"a", "", ""}, {"a", "", ""}, {"b", "", ""}}).governor, "b")
      << "of equally many the first";
}

TEST(Unfit, AsTheRuleIsFit) {
  EXPECT_EQ(unfit_because({kUsual, 0, 95, 0.5, 5}, kUsual), "");
  EXPECT_EQ(unfit_because({}, kUsual), "") << "what it does not say is not held against it";
  EXPECT_EQ(unfit_because({{"powersave", "off", "hpet"}, {}, {}, {}, {}}, {}), "")
      << "without a rule nothing breaks it";
}

TEST(Unfit, EachReasonIsNamed) {
  EXPECT_EQ(unfit_because({kUsual, 1, {}, {}, {}}, kUsual), "heat slowed the CPUs once");
  EXPECT_EQ(unfit_because({{"powersave", "on", "tsc"}, {}, {}, {}, {}}, kUsual),
            "the governor is powersave, as a rule performance there");
  EXPECT_EQ(unfit_because({{"performance", "off", "hpet,tsc"}, {}, {}, {}, {}}, kUsual),
            "turbo is off, as a rule on there; the clocksource is hpet,tsc, as a rule tsc there");
  EXPECT_EQ(unfit_because({{}, {}, {}, 1.26, 12}, kUsual),
            "other work kept 1.3 CPUs busy before the bench; the host took 12 % of the CPUs' time");
}

}  // namespace
}  // namespace kiln::hygiene
