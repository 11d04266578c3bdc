/// Sessions on the machine that is only hardware to the agent: see hardware_real.h.
#include "agent/integration/hardware_real.h"

#include <thread>

#include "lib/os/tcp.h"

namespace kiln::agent {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr Millis kPatient{45'000};
constexpr Millis kLong{180'000};

/// From a machine that is off to results, through the whole agent.
TEST_F(HardwareRealTest, ASessionRunsOnTheBuiltKernel) {
  const v1::SessionDone done = run_session("igt@sw_sync@alloc_timeline\n");
  ASSERT_EQ(done.session().results_size(), 1);
  EXPECT_EQ(done.session().results(0).outcome(), "pass");
  (void)machine().begin({}, {}, {});
  machine().end();
  expect_home();
}

/// All that is done there is done by dropbear.
TEST_F(HardwareRealTest, KexecStartsTheBuiltKernelToo) {
  rack_->by_dropbear(spec_);
  run_kexec_session("GRUB");
  const auto greeting =
      os::read_greeting(spec_.shell.address, spec_.shell.port, 64, Millis(20'000));
  ASSERT_TRUE(greeting) << render(greeting.error());
  EXPECT_THAT(*greeting, HasSubstr("dropbear"));
}

/// It resets itself; GRUB has forgotten it by then. What it wrote down is the session's.
TEST_F(HardwareRealTest, AKernelThatPanicsAtBootIsTheKernelsFault) {
  const SessionOutcome outcome = boot(kernel_.image, "root=/dev/nowhere", kPatient, kLong);
  EXPECT_EQ(outcome.ending, Ending::kTestFailed);
  EXPECT_EQ(outcome.error_class, "BOOT_FAIL");
  EXPECT_THAT(outcome.error, HasSubstr("Kernel panic - not syncing: VFS: Unable to mount root fs"));
  EXPECT_THAT(states_, Contains("triage"));
  EXPECT_THAT(states_, Not(Contains("quarantined")));
  ASSERT_TRUE(outcome.artifacts.contains("pstore"));
  EXPECT_THAT(outcome.artifacts.at("pstore"),
              HasSubstr("Kernel panic - not syncing: VFS: Unable to mount root fs"));
  EXPECT_EQ(at_home("ls /sys/fs/pstore | grep -c dmesg"), "0\n");
  expect_home();
}

/// Real code that says nothing and hears nothing: only its power ends it.
TEST_F(HardwareRealTest, AKernelThatGivesNoSignOfLifeIsSwitchedOff) {
  std::string image = *os::read_file(kernel_.image, 64 << 20);
  const size_t code = (static_cast<uint8_t>(image.at(0x1f1)) + 1U) * 512;
  image.replace(code, 3, "\xfa\xf4\xeb");  // cli; hlt; and again
  image.at(code + 3) = '\xfd';
  const os::Path dead = folder_.path() / "dead";
  ASSERT_TRUE(os::write_atomic(dead, image));
  const SessionOutcome outcome = boot(dead, "", Millis(8'000), kLong);
  EXPECT_EQ(outcome.error_class, "BOOT_FAIL") << outcome.error;
  EXPECT_THAT(outcome.error, HasSubstr("the kernel does not boot"));
  // One more when it was off before.
  EXPECT_GE(helped(machine::RecoveryStep::kPowerCycle), 1U);
  expect_home();
}

/// It is up, says so, and nobody can reach it, which the known-good system can be. It hears a
/// BREAK.
TEST_F(HardwareRealTest, AKernelWithoutNetworkIsTheKernelsFault) {
  const SessionOutcome outcome =
      boot(kernel_.image, "kiln.ip=10.0.2.99/24", kPatient, Millis(60'000));
  EXPECT_EQ(outcome.error_class, "BOOT_FAIL") << outcome.error;
  EXPECT_THAT(outcome.error, HasSubstr("the kernel boots and cannot be reached"));
  EXPECT_EQ(helped(machine::RecoveryStep::kSysrq), 1U);
  expect_home();
}

/// Nobody can switch it, nobody hears it, and all that runs there is stopped: sshd, and what feeds
/// the watchdog.
TEST_F(HardwareRealTest, AHangThatNobodyCouldEndIsEndedByItsOwnWatchdog) {
  spec_.power.driver = machine::NoPower();
  spec_.console = machine::NoConsole();
  adjust_ = [](HardwareMachine::Config& config) { config.watchdog = Millis(10'000); };
  program("on");
  const Status begun = machine().begin({}, {}, {});
  ASSERT_TRUE(begun) << render(begun.error());
  agent::BootSpec built;
  built.kernel = kernel_.image;
  built.cmdline = "kiln.session=7-abc";
  ASSERT_TRUE(machine().boot().arm(built));
  ASSERT_TRUE(machine().power().on());
  auto shell = machine().connect(kLong, {});
  ASSERT_TRUE(shell) << render(shell.error());
  ShellRequest hang;
  hang.command = "uname -r; (sleep 1; kill -STOP -1) </dev/null >/dev/null 2>&1 &";
  const auto said = (*shell)->run(hang, {});
  ASSERT_TRUE(said) << render(said.error());
  EXPECT_EQ(said->out, kernel_.release + "\n");
  shell->reset();
  // Its kernel takes the connection; who would greet is stopped.
  const auto greets = [this] {
    return os::read_greeting(spec_.shell.address, spec_.shell.port, 16, Millis(2'000)).has_value();
  };
  const auto deadline = clock_.steady() + kPatient;
  while (greets() && clock_.steady() < deadline) std::this_thread::sleep_for(Millis(200));
  const auto reboots = tried(machine::RecoveryStep::kReboot);
  const auto off = machine().power().off();
  EXPECT_TRUE(off) << render(off.error());
  EXPECT_EQ(tried(machine::RecoveryStep::kReboot), reboots) << "it heard a word";
  machine().end();
  expect_home();
}

/// By GRUB, which its BIOS starts.
TEST_F(HardwareRealTest, AMachineThatWasAddedIsOkAllOver) {
  add_and_check();
}

}  // namespace
}  // namespace kiln::agent
