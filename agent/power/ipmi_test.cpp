/// Against OpenIPMI's simulator, with QEMU as the machine behind it.
#include <gmock/gmock.h>

#include "agent/power/testing.h"
#include "agent/power/verified.h"

namespace kiln::agent {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class IpmiTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string missing = testing::IpmiSim::missing();
    if (!missing.empty()) GTEST_SKIP() << missing;
    if (os::find_program("qemu-system-i386").empty()) GTEST_SKIP() << "QEMU is not installed";
    sim_ = std::make_unique<testing::IpmiSim>(folder_.path(), [](const testing::IpmiSim& sim) {
      return testing::qemu_behind_bmc(sim, "");
    });
    driver_ = make_ipmi({sim_->bmc()});
    ASSERT_TRUE(testing::eventually([&] { return driver_->read({}).has_value(); })) << sim_->log();
  }
  PowerState read() {
    const auto state = driver_->read({});
    EXPECT_TRUE(state) << render(state.error());
    return state.value_or(PowerState::kUnknown);
  }
  os::TempFolder folder_ = *os::TempFolder::make(::testing::TempDir(), "ipmi-");
  std::unique_ptr<testing::IpmiSim> sim_;
  std::unique_ptr<PowerDriver> driver_;
};

TEST_F(IpmiTest, ATransactionSwitchesTheMachineAndReadsItBack) {
  EXPECT_EQ(read(), PowerState::kOff);
  PowerUnits units;
  SystemClock clock;
  VerifiedPowerConfig config;
  config.poll = Millis(200);
  config.off_time = Millis(100);
  VerifiedPower power(make_ipmi({sim_->bmc()}), config, units, clock);
  const auto on = power.switch_to(true, {});
  ASSERT_TRUE(on) << render(on.error());
  EXPECT_TRUE(on->is(PowerState::kOn)) << on->why;
  EXPECT_EQ(read(), PowerState::kOn);
  const auto cycled = power.cycle({});
  ASSERT_TRUE(cycled) << render(cycled.error());
  EXPECT_TRUE(cycled->is(PowerState::kOn)) << cycled->why;
  const auto off = power.switch_to(false, {});
  ASSERT_TRUE(off) << render(off.error());
  EXPECT_TRUE(off->is(PowerState::kOff)) << off->why;
  EXPECT_EQ(read(), PowerState::kOff);
  EXPECT_EQ(power.record().came_true, power.record().asked);
}

TEST_F(IpmiTest, AWrongPasswordIsAnErrorAndNeverAState) {
  testing::write_file(folder_.path() / "password", "wrong\n", 0600);
  const auto state = driver_->read({});
  ASSERT_FALSE(state);
  EXPECT_THAT(state.error().message, AllOf(HasSubstr("BMC 127.0.0.1"), Not(HasSubstr("wrong"))));
}

TEST_F(IpmiTest, ThePasswordIsInNoArgument) {
  const auto access = ipmi_access(sim_->bmc());
  ASSERT_TRUE(access);
  for (const std::string& word : access->argv) EXPECT_THAT(word, Not(HasSubstr("s3cret")));
  EXPECT_EQ(access->env.at("IPMI_PASSWORD"), "s3cret");
}

TEST(Secrets, AFileThatOthersMayReadIsRefusedWithTheMend) {
  const auto folder = os::TempFolder::make(::testing::TempDir(), "secret-");
  const os::Path file = folder->path() / "pw";
  testing::write_file(file, "a b c\r\n", 0644);
  const auto open = read_secret({file.string(), ""});
  ASSERT_FALSE(open);
  EXPECT_EQ(open.error().kind, ErrorKind::kPermission);
  EXPECT_EQ(open.error().hint, "chmod 600 " + file.string());
  testing::write_file(file, "a b c\r\n", 0600);
  EXPECT_EQ(read_secret({file.string(), ""}).value(), "a b c");
  testing::write_file(file, "\n", 0600);
  EXPECT_FALSE(read_secret({file.string(), ""}));
  EXPECT_FALSE(read_secret({"", "KILN_NO_SUCH_VARIABLE"}));
}

}  // namespace
}  // namespace kiln::agent
