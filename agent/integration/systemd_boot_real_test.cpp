/// systemd-boot on UEFI firmware (OVMF of 32 bits, whose variables outlive the power): the machine
/// of hardware_real.h with another way to boot.
#include "agent/integration/hardware_real.h"

namespace kiln::agent {
namespace {

using machine::LifeState;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class SystemdBootRealTest : public HardwareRealTest {
 protected:
  static void SetUpTestSuite() {
    if (const std::string guest = needed("KILN_HARDWARE_GUEST"); !guest.empty())
      rack_ = std::make_unique<Rack>(guest, QemuRack::Firmware::kUefi);
  }
};

TEST_F(SystemdBootRealTest, ASessionRunsOnTheBuiltKernel) {
  const v1::SessionDone done = run_session("igt@sw_sync@alloc_timeline\n");
  ASSERT_EQ(done.session().results_size(), 1);
  EXPECT_EQ(done.session().results(0).outcome(), "pass");
  (void)machine().begin({}, {}, {});
  EXPECT_THAT(at_home("cat /sys/firmware/efi/efivars/LoaderInfo-* | tr -d '\\000'"),
              HasSubstr("systemd-boot"));
  machine().end();
  expect_home();
}

/// It has no setup by firmware behind it, and finds its tables all the same.
TEST_F(SystemdBootRealTest, KexecStartsTheBuiltKernelToo) {
  run_kexec_session("BdsDxe");
}

TEST_F(SystemdBootRealTest, AMachineThatWasAddedIsOkAllOver) {
  add_and_check();
}

/// The loader forgot the entry before it started it.
TEST_F(SystemdBootRealTest, APowerCycleInTheMiddleOfASessionLeadsHome) {
  at_ = [this](LifeState state) {
    if (state != LifeState::kIdentifying) return;
    program("off");
    program("on");
  };
  const SessionOutcome outcome = boot(kernel_.image, "", Millis(45'000), Millis(180'000));
  EXPECT_THAT(states_, Contains("identifying"));
  EXPECT_NE(outcome.ending, Ending::kTested);
  ASSERT_TRUE(outcome.artifacts.contains("console"));
  EXPECT_THAT(outcome.artifacts.at("console"), HasSubstr("Linux version " + kernel_.release));
  EXPECT_THAT(states_, Not(Contains("quarantined")));
  expect_home();
}

}  // namespace
}  // namespace kiln::agent
