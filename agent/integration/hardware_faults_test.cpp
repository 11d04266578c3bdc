/// Faults before, beside and behind a session's kernel: see hardware_faults.h.
#include "agent/integration/hardware_faults.h"

#include <ctime>

#include "agent/ssh/host_key.h"
#include "lib/os/tcp.h"

namespace kiln::agent {
namespace {

TEST_F(HardwareFaultTest, ADiskThatIsFull) {
  at_home("fallocate -l $(($(stat -f -c %a /) * $(stat -f -c %S /) - 1000000)) /filler");
  expect_ready("disk full", session(), "INFRA_DEPLOY", " free, ");
  at_home("rm /filler");
}

TEST_F(HardwareFaultTest, AConnectionThatBreaksInTheMiddleOfTheCopy) {
  in_the_copy("pkill -9 sshd-session");
  machine_.reset();
  (void)run_session("");
  (void)machine().begin({}, {}, {});
  machine().end();
  since_ = returned_ = Steady::now();  // it never left
  expect_home();
  tell("network flap mid-copy", "none", "ready");
}

TEST_F(HardwareFaultTest, SomeoneElseRebootsItInTheMiddleOfTheCopy) {
  in_the_copy("/bin/busybox reboot -f");
  machine_.reset();
  // Patient enough to see that it was: one that does not answer in that time is INFRA_DEPLOY.
  adjust_ = [](HardwareMachine::Config& config) { config.spec.limits.answer = kLong; };
  expect_ready("someone logged in reboots it mid-copy", session(), "INFRA_DUT",
               "its boot id has changed");
}

TEST_F(HardwareFaultTest, PowerFailsInTheMiddleOfTheCopy) {
  strike_in_ = LifeState::kDeploying;
  strike_ = [this] { program("off"); };
  expect_ready("power fails mid-copy", session(), "INFRA_DEPLOY", "");
  EXPECT_GE(tried(RecoveryStep::kPowerCycle), 1U);
}

TEST_F(HardwareFaultTest, SshThatAcceptsAndStalls) {
  machine_.reset();
  adjust_ = [](HardwareMachine::Config& config) { config.spec.limits.silence = Millis(3'000); };
  at_home("setsid sh -c 'sleep 0.5; pkill -STOP sshd' </dev/null >/dev/null 2>&1 &");
  EXPECT_TRUE(testing::eventually(
      [this] { return !os::read_greeting("127.0.0.1", spec_.shell.port, 16, Millis(1'000)); }));
  const auto begun = machine().begin({}, {}, {});
  EXPECT_TRUE(begun) << render(begun.error());
  machine().end();
  EXPECT_THAT(states_, Contains("recovering"));
  expect_home();
  tell("SSH accepts and stalls", "none", "ready");
}

TEST_F(HardwareFaultTest, ABootLoaderThatStartsTheWrongKernel) {
  at_home(
      "cp /boot/grub/grub.cfg /boot/grub/kept; "
      "sed -i 's/default=\"${next_entry}\"/default=known-good/' /boot/grub/grub.cfg; sync");
  expect_ready("wrong kernel booted", session(), "WRONG_KERNEL", "kiln.session=7-abc");
  at_home("mv /boot/grub/kept /boot/grub/grub.cfg; sync");
}

TEST_F(HardwareFaultTest, ABootEntryThatCannotBeWritten) {
  at_home(
      "g=/boot/grub/grubenv; mount --bind $g $g && mount -o remount,bind,ro $g && mount | grep $g");
  expect_ready("boot entry cannot be written", session(), "INFRA_DEPLOY", "");
  at_home("umount /boot/grub/grubenv");
}

/// What it is checked for is no mark of the system's own, so it is Kiln's mark that does it.
TEST_F(HardwareFaultTest, ARootThatTurnedReadOnly) {
  expect_checked("echo u >/proc/sysrq-trigger; sleep 1");
  tell("root turned read-only", "none", "ready");
}

/// Its kernel goes on writing, and only says so where nobody reads.
TEST_F(HardwareFaultTest, AFileSystemThatNotesAnError) {
  expect_checked("echo kiln >/sys/fs/ext4/vda1/trigger_fs_error; sync");
  EXPECT_EQ(at_home("cat /sys/fs/ext4/vda1/errors_count"), "0\n");
  tell("its file system notes an error", "none", "ready");
}

TEST_F(HardwareFaultTest, APduThatSaysOnAndTheMachineStaysOff) {
  program("off");
  put_in_place_of("on", "true");
  put_in_place_of("state", "echo on");
  expect_quarantine(HasSubstr("it does not answer"));
  put_back("on");
  put_back("state");
  program("on");
  expect_return("PDU says on, the machine is off");
}

TEST_F(HardwareFaultTest, AFirmwareThatFindsNothingToStartAndWaits) {
  another_disk("");
  expect_quarantine(AllOf(HasSubstr("it does not answer"), HasSubstr("after long-power-cycle: ")));
  program("off");
  put_back("disk.qcow2");
  program("on");
  expect_return("firmware waits: no bootable disk");
}

TEST_F(HardwareFaultTest, AMachineThatRebootsAndReboots) {
  std::string sector("\xb0\xfe\xe6\x64\xf4", 5);  // mov al, 0xfe; out 0x64, al; hlt
  sector.resize(510);
  another_disk(sector + "\x55\xaa");
  expect_quarantine(AllOf(HasSubstr("it does not answer"), HasSubstr("after long-power-cycle: ")));
  program("off");
  put_back("disk.qcow2");
  program("on");
  expect_return("reboot loop");
}

TEST_F(HardwareFaultTest, AHostKeyThatChanged) {
  const std::string its = read_host_key(spec_.shell.host_key_file)->fingerprint;
  os::Command keygen;
  const std::string key = (folder_.path() / "new").string();
  keygen.argv = {"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key};
  ASSERT_TRUE(os::run_ok(keygen));
  const std::string file = "/etc/ssh/ssh_host_ed25519_key";
  at_home(fmt::format("cp -p {0} {0}.kept; cat >{0} <<'END'\n{1}END\nsync; pkill -HUP -o sshd",
                      file, *os::read_file(key)));
  const uint64_t cycles = tried(RecoveryStep::kPowerCycle);
  expect_quarantine(AllOf(HasSubstr("SSH is refused"), HasSubstr(its),
                          HasSubstr(read_host_key(key + ".pub")->fingerprint)));
  EXPECT_EQ(tried(RecoveryStep::kPowerCycle), cycles) << "no reboot changes a key";
  auto shell =
      connect_until({"127.0.0.1", spec_.shell.port, "root", spec_.shell.key_file, key + ".pub"},
                    Millis(20'000), {}, {});
  ASSERT_TRUE(shell) << render(shell.error());
  EXPECT_TRUE((*shell)->run(
      {.command = fmt::format("mv {0}.kept {0}; sync; pkill -HUP -o sshd", file)}, {}));
  expect_return("host key changed");
}

/// None of it is in the session's way; what is off about the clock stands with it.
TEST_F(HardwareFaultTest, AClockAYearOffAndGarbageOnTheSerialLine) {
  at_home(
      "date -s \"@$(($(date +%s) - 31536000))\"; /bin/busybox hwclock -w -u; "
      "setsid timeout 60 sh -c 'while :; do head -c 2000 /dev/urandom >/dev/ttyS0; sleep 0.2; done'"
      " </dev/null >/dev/null 2>&1 &");
  machine_.reset();
  const v1::SessionDone done = run_session("");
  EXPECT_NEAR(done.session().identity().clock_offset_seconds(), -31536000, 86400);
  (void)machine().begin({}, {}, {});
  machine().end();
  since_ = returned_ = Steady::now();  // it never left
  at_home(fmt::format("date -s @{}; /bin/busybox hwclock -w -u", std::time(nullptr)));
  expect_home();
  tell("clock a year off", "none", "ready");
  tell("serial garbage", "none", "ready");
}

}  // namespace
}  // namespace kiln::agent
