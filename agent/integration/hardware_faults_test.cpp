/// Faults that are really there, on the machine that is only hardware to the agent: the class of
/// the session is right, the kernel is never blamed, the machine is ready again or in quarantine
/// for the right reason. docs/machine-faults.md is held against what happens here; the time to
/// return is printed, since computers that test differ.
#include <ctime>
#include <optional>

#include "agent/integration/hardware_real.h"
#include "agent/ssh/host_key.h"
#include "lib/os/tcp.h"

namespace kiln::agent {
namespace {

using machine::LifeState;
using machine::RecoveryStep;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using Steady = std::chrono::steady_clock;

constexpr Millis kPatient{45'000};
constexpr Millis kLong{180'000};

class HardwareFaultTest : public HardwareRealTest {
 protected:
  void SetUp() override {
    HardwareRealTest::SetUp();
    if (HasFatalFailure()) return;
    (void)machine().begin({}, {}, {});
    machine().end();
    ASSERT_EQ(machine().record().state(), LifeState::kReady) << machine().record().why();
    states_.clear();
    at_ = [this](LifeState state) {
      const bool trouble = state == LifeState::kCollecting || state == LifeState::kRecovering;
      if (trouble && !since_) since_ = Steady::now();
      if (state == LifeState::kReady && since_ && !returned_) returned_ = Steady::now();
      if (state == strike_in_) strike_();
    };
  }

  /// On the machine, beside what a session does there, as soon as the first bytes of its copy have
  /// arrived. `command` without single quotes.
  void in_the_copy(const std::string& command) {
    at_home("setsid timeout 100 sh -c 'while set -- /boot/kiln/*; [ ! -s \"$1\" ]; do :; done; " +
            command + "' </dev/null >/dev/null 2>&1 &");
  }
  SessionOutcome session() { return boot(kernel_.image, "", kPatient, kLong); }
  void program(const std::string& name) const {
    os::Command command;
    command.argv = {rack_->path(name)};
    EXPECT_TRUE(os::run_ok(command));
  }
  void put_in_place_of(const std::string& name, const std::string& other) const {
    std::filesystem::rename(rack_->path(name), rack_->path(name + ".kept"));
    if (!other.empty()) rack_->script(name, other);
  }
  void put_back(const std::string& name) const {
    std::filesystem::rename(rack_->path(name + ".kept"), rack_->path(name));
  }
  /// A disk that holds one sector, with what the firmware starts.
  void another_disk(std::string sector) const {
    program("off");
    sector.resize(1 << 20);
    ASSERT_TRUE(os::write_atomic(rack_->path("sector"), sector));
    put_in_place_of("disk.qcow2", "");
    os::Command convert;
    convert.argv = {"qemu-img",
                    "convert",
                    "-f",
                    "raw",
                    "-O",
                    "qcow2",
                    rack_->path("sector"),
                    rack_->path("disk.qcow2")};
    ASSERT_TRUE(os::run_ok(convert));
  }
  uint64_t tried(RecoveryStep step) {
    return machine().record().counts()[static_cast<size_t>(step)].tried;
  }

  /// The session is infrastructure's, and the machine was ready after it.
  void expect_ready(const std::string& fault, const SessionOutcome& outcome,
                    const std::string& error_class, const std::string& words) {
    EXPECT_EQ(outcome.ending, Ending::kInfrastructure) << outcome.error;
    EXPECT_EQ(outcome.error_class, error_class) << outcome.error;
    EXPECT_THAT(outcome.error, HasSubstr(words));
    EXPECT_THAT(states_, Not(Contains("quarantined")));
    expect_home();
    tell(fault, error_class, "ready");
  }
  /// Hurried, since nothing of it will answer.
  void expect_quarantine(const ::testing::Matcher<std::string>& why) {
    machine_.reset();
    adjust_ = [](HardwareMachine::Config& config) {
      config.spec.limits.boot = Millis(12'000);
      config.spec.limits.silence = Millis(3'000);
      config.spec.limits.long_off = Millis(1'000);
      config.spec.limits.down = Millis(5'000);
      config.spec.power.settle = Millis(3'000);
    };
    const SessionOutcome outcome = session();
    EXPECT_EQ(outcome.ending, Ending::kInfrastructure) << outcome.error;
    EXPECT_EQ(outcome.error_class, "INFRA_DUT") << outcome.error;
    EXPECT_EQ(machine().record().state(), LifeState::kQuarantined);
    EXPECT_THAT(machine().facts().broken, why);
  }
  /// Its cause is gone; nobody tells Kiln.
  void expect_return(const std::string& fault) {
    machine_.reset();
    since_ = Steady::now();
    returned_.reset();
    adjust_ = [](HardwareMachine::Config& config) {
      config.spec.limits.look_again = Millis(1'000);
      config.spec.limits.qualifying = 1;  // the other boots are as this one
    };
    (void)machine();
    EXPECT_TRUE(testing::eventually(
        [this] { return machine_->record().state() == LifeState::kReady; }, kLong));
    expect_home();
    tell(fault, "INFRA_DUT", "quarantine");
  }
  /// A line for people, and whether the page says the same.
  void tell(const std::string& fault, const std::string& error_class, const std::string& end) {
    EXPECT_TRUE(since_ && returned_) << "when was it back?";
    const double seconds =
        since_ && returned_ ? std::chrono::duration<double>(*returned_ - *since_).count() : -1;
    std::cout << fmt::format("[ fault    ] {} | {} | {} | {:.1f} s\n", fault, error_class, end,
                             seconds);
    const auto page =
        os::read_file(os::Path(KILN_SOURCE_DIR) / "docs/machine-faults.md", 1 << 20).value_or("");
    const size_t at = page.find("\n| " + fault + " | real: ");
    ASSERT_NE(at, std::string::npos) << "not in docs/machine-faults.md: " << fault;
    EXPECT_THAT(page.substr(at + 1, page.find('\n', at + 1) - at),
                HasSubstr(fmt::format(" | {} | {} | ", error_class, end)));
  }

  std::optional<LifeState> strike_in_;
  std::function<void()> strike_;
  std::optional<Steady::time_point> since_;
  std::optional<Steady::time_point> returned_;
};

TEST_F(HardwareFaultTest, ADiskThatIsFull) {
  at_home("fallocate -l $(($(stat -f -c %a /) * $(stat -f -c %S /) - 1000000)) /filler");
  expect_ready("disk full", session(), "INFRA_DEPLOY", " free, ");
  at_home("rm /filler");
}

TEST_F(HardwareFaultTest, AConnectionThatBreaksInTheMiddleOfTheCopy) {
  in_the_copy("pkill -9 sshd-session");
  expect_ready("network flap mid-copy", session(), "INFRA_DEPLOY", "");
}

TEST_F(HardwareFaultTest, SomeoneElseRebootsItInTheMiddleOfTheCopy) {
  in_the_copy("/bin/busybox reboot -f");
  expect_ready("someone logged in reboots it mid-copy", session(), "INFRA_DEPLOY", "");
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

TEST_F(HardwareFaultTest, ARootThatTurnedReadOnly) {
  at_home("echo u >/proc/sysrq-trigger; sleep 1");
  const auto begun = machine().begin({}, {}, {});
  EXPECT_TRUE(begun) << render(begun.error());
  machine().end();
  EXPECT_EQ(tried(RecoveryStep::kCheckedBoot), 1U);
  EXPECT_EQ(tried(RecoveryStep::kPowerCycle), 0U);
  expect_home();
  tell("root turned read-only", "none", "ready");
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
