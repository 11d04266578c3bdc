#pragma once
/// Faults that are really there, on the machine that is only hardware to the agent: the class of
/// the session is right, the kernel is never blamed, the machine is ready again or in quarantine
/// for the right reason. docs/machine-faults.md is held against what happens here; the time to
/// return is printed, since computers that test differ. For tests only.
#include <optional>

#include "agent/integration/hardware_real.h"

namespace kiln::agent {

using machine::LifeState;
using machine::RecoveryStep;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using Steady = std::chrono::steady_clock;

inline constexpr Millis kPatient{45'000};
inline constexpr Millis kLong{180'000};

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
    ASSERT_TRUE(run_program({"qemu-img", "convert", "-f", "raw", "-O", "qcow2",
                             rack_->path("sector"), rack_->path("disk.qcow2")}));
  }

  /// After that fault the next session finds a machine whose whole file system was checked.
  void expect_checked(const std::string& fault) {
    const std::string last_check = "tune2fs -l /dev/vda1 | grep \"^Last checked:\"";
    const std::string before = at_home(last_check);
    EXPECT_THAT(before, HasSubstr("Last checked:"));
    const uint64_t cycles = tried(RecoveryStep::kPowerCycle);
    at_home(fault);
    const auto begun = machine().begin({}, {}, {});
    EXPECT_TRUE(begun) << render(begun.error());
    machine().end();
    EXPECT_EQ(tried(RecoveryStep::kCheckedBoot), 1U);
    EXPECT_EQ(tried(RecoveryStep::kPowerCycle), cycles);
    EXPECT_NE(at_home(last_check), before) << "was it checked?";
    expect_home();
  }
  /// The session is infrastructure's, and the machine was ready after it.
  void expect_ready(const std::string& fault, const SessionOutcome& outcome,
                    const std::string& error_class, const std::string& words) {
    EXPECT_EQ(outcome.ending, Ending::kInfrastructure) << outcome.error;
    EXPECT_EQ(outcome.error_class, error_class)
        << outcome.error << ", by way of " << ::testing::PrintToString(states_);
    EXPECT_THAT(outcome.error, HasSubstr(words));
    EXPECT_THAT(states_, Not(Contains("quarantined")));
    expect_home();
    tell(fault, error_class, "ready");
  }
  /// For a machine of which nothing will answer.
  void hurry() {
    machine_.reset();
    adjust_ = [](HardwareMachine::Config& config) {
      config.spec.limits.boot = Millis(12'000);
      config.spec.limits.silence = Millis(3'000);
      config.spec.limits.long_off = Millis(1'000);
      config.spec.limits.down = Millis(5'000);
      config.spec.power.settle = Millis(3'000);
    };
  }
  void expect_quarantine(const ::testing::Matcher<std::string>& why) {
    hurry();
    expect_quarantined(session(), why);
  }
  void expect_quarantined(const SessionOutcome& outcome,
                          const ::testing::Matcher<std::string>& why) {
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

}  // namespace kiln::agent
