#include "agent/power/verified.h"

#include <gmock/gmock.h>

#include <thread>

namespace kiln::agent {
namespace {

using ::testing::HasSubstr;

/// What the gear does is the test's to say.
struct Gear {
  PowerState real = PowerState::kOn;
  PowerState shown = PowerState::kOn;
  bool reads = true;
  bool follows = true;        ///< a command changes what is real
  bool shows = true;          ///< and what is shown
  int refuse = 0;             ///< so many commands fail ...
  bool works_anyway = false;  ///< ... but happen
  int lag = 0;                ///< reads that still show the old state
  int commands = 0;
  std::string unit = "pdu x";
};

class ScriptedDriver final : public PowerDriver {
 public:
  explicit ScriptedDriver(Gear& gear) : gear_(gear) {}
  [[nodiscard]] std::string unit() const override { return gear_.unit; }
  [[nodiscard]] bool reads() const override { return gear_.reads; }
  Status set(bool on, std::stop_token) override {
    ++gear_.commands;
    const bool refused = gear_.refuse > 0;
    if (refused) --gear_.refuse;
    if (!refused || gear_.works_anyway) {
      const PowerState next = on ? PowerState::kOn : PowerState::kOff;
      if (gear_.follows) gear_.real = next;
      if (gear_.shows) next_ = next;
      lag_ = gear_.lag;
    }
    if (refused) return fail(ErrorKind::kInfrastructure, "the gear says no");
    return {};
  }
  Result<PowerState> read(std::stop_token) override {
    if (!gear_.reads) return PowerState::kUnknown;
    if (next_ && lag_-- <= 0) gear_.shown = *std::exchange(next_, std::nullopt);
    return gear_.shown;
  }

 private:
  Gear& gear_;
  std::optional<PowerState> next_;
  int lag_ = 0;
};

class MachineWitness final : public Witness {
 public:
  explicit MachineWitness(const Gear& gear) : gear_(gear) {}
  [[nodiscard]] std::string name() const override { return "SSH port"; }
  void before() override { was_on_ = gear_.real == PowerState::kOn; }
  Sign look() override {
    if (gear_.real == PowerState::kOn) return Sign::kAlive;
    return was_on_ ? Sign::kDead : Sign::kNothing;
  }

 private:
  const Gear& gear_;
  bool was_on_ = false;
};

class VerifiedPowerTest : public ::testing::Test {
 protected:
  std::unique_ptr<VerifiedPower> power(bool with_witness) {
    auto out = std::make_unique<VerifiedPower>(std::make_unique<ScriptedDriver>(gear_),
                                               VerifiedPowerConfig(), units_, clock_,
                                               [this](Millis time, std::stop_token stop) {
                                                 clock_.advance(time);
                                                 slept_ += time;
                                                 return !stop.stop_requested();
                                               });
    if (with_witness) out->add_witness(std::make_unique<MachineWitness>(gear_));
    return out;
  }
  Gear gear_;
  PowerUnits units_;
  FakeClock clock_;
  Millis slept_{0};
};

TEST_F(VerifiedPowerTest, OffIsReadBackAndConfirmed) {
  gear_.lag = 5;
  const auto off = power(true)->switch_to(false, {});
  ASSERT_TRUE(off);
  EXPECT_TRUE(off->is(PowerState::kOff));
  EXPECT_TRUE(off->read_back);
  EXPECT_EQ(off->confirmed_by, "SSH port");
}

TEST_F(VerifiedPowerTest, GearThatSaysOffWhileTheMachineRunsIsCaught) {
  gear_.follows = false;  // the classic: another outlet
  auto verified = power(true);
  const auto off = verified->switch_to(false, {});
  ASSERT_TRUE(off);
  EXPECT_EQ(off->state, PowerState::kUnknown) << "never off";
  EXPECT_EQ(off->contradicted_by, "SSH port");
  EXPECT_THAT(off->why, HasSubstr("pdu x says off, but the SSH port shows that the machine runs"));
  EXPECT_EQ(verified->record().lied, 1U);
  EXPECT_EQ(verified->record().came_true, 0U);
}

TEST_F(VerifiedPowerTest, WithoutAWitnessTheReadBackIsWhatThereIs) {
  const auto off = power(false)->switch_to(false, {});
  ASSERT_TRUE(off);
  EXPECT_TRUE(off->is(PowerState::kOff));
  EXPECT_EQ(off->confirmed_by, "");
  EXPECT_EQ(off->why, "read back");
}

TEST_F(VerifiedPowerTest, GearThatNeverGetsThereEndsInTimeWithWhatItSaid) {
  gear_.shows = gear_.follows = false;
  const auto off = power(true)->switch_to(false, {});
  ASSERT_TRUE(off);
  EXPECT_EQ(off->state, PowerState::kOn);
  EXPECT_EQ(off->why, "the gear says on");
  EXPECT_EQ(gear_.commands, 2) << "asked once more";
  EXPECT_LT(slept_, Millis(130'000));
}

TEST_F(VerifiedPowerTest, ACommandThatFailedMayHaveWorked) {
  gear_.refuse = 1;
  gear_.works_anyway = true;
  const auto off = power(true)->switch_to(false, {});
  ASSERT_TRUE(off);
  EXPECT_TRUE(off->is(PowerState::kOff)) << off->why;
  EXPECT_EQ(gear_.commands, 1);
}

TEST_F(VerifiedPowerTest, ARefusalIsTheReason) {
  gear_.refuse = 10;
  const auto off = power(true)->switch_to(false, {});
  ASSERT_TRUE(off);
  EXPECT_EQ(off->why, "the gear says no");
  EXPECT_EQ(off->state, PowerState::kOn);
}

TEST_F(VerifiedPowerTest, GearThatCannotTellNeedsAWitness) {
  gear_.reads = false;
  const auto alone = power(false)->switch_to(false, {});
  ASSERT_TRUE(alone);
  EXPECT_EQ(alone->state, PowerState::kUnknown);
  EXPECT_THAT(alone->why, HasSubstr("cannot tell whether it is"));
  gear_.real = PowerState::kOn;
  const auto seen = power(true)->switch_to(false, {});
  ASSERT_TRUE(seen);
  EXPECT_TRUE(seen->is(PowerState::kOff));
  EXPECT_FALSE(seen->read_back);
  // Off already: no life before, none after; that proves nothing.
  const auto again = power(true)->switch_to(false, {});
  ASSERT_TRUE(again);
  EXPECT_EQ(again->state, PowerState::kUnknown);
}

TEST_F(VerifiedPowerTest, ACycleStaysOffForItsTimeAndStopsWhenOffIsALie) {
  auto verified = power(true);
  const auto cycled = verified->cycle({});
  ASSERT_TRUE(cycled);
  EXPECT_TRUE(cycled->is(PowerState::kOn));
  EXPECT_EQ(cycled->confirmed_by, "SSH port");
  EXPECT_GE(slept_, Millis(5'000));
  gear_.follows = false;
  gear_.commands = 0;
  const auto lie = verified->cycle({});
  ASSERT_TRUE(lie);
  EXPECT_EQ(lie->contradicted_by, "SSH port");
  EXPECT_EQ(gear_.commands, 1) << "it was not switched on";
}

TEST_F(VerifiedPowerTest, BlindGearIsCycledAllTheSame) {
  gear_.reads = false;
  const auto cycled = power(false)->cycle({});
  ASSERT_TRUE(cycled);
  EXPECT_EQ(gear_.commands, 2);
  EXPECT_EQ(gear_.real, PowerState::kOn);
  EXPECT_EQ(cycled->state, PowerState::kUnknown) << "the boot must prove it";
}

TEST_F(VerifiedPowerTest, AStopEndsIt) {
  std::stop_source stop;
  stop.request_stop();
  const auto off = power(true)->switch_to(false, stop.get_token());
  ASSERT_FALSE(off);
  EXPECT_EQ(off.error().kind, ErrorKind::kCancelled);
}

/// Counts who is inside; two drivers of one unit must never be.
class CountingDriver final : public PowerDriver {
 public:
  CountingDriver(std::atomic<int>& inside, std::atomic<int>& most) : inside_(inside), most_(most) {}
  [[nodiscard]] std::string unit() const override { return "pdu"; }
  [[nodiscard]] bool reads() const override { return true; }
  Status set(bool on, std::stop_token) override {
    const int now = ++inside_;
    if (now > most_) most_ = now;
    std::this_thread::sleep_for(Millis(2));
    on_ = on;
    --inside_;
    return {};
  }
  Result<PowerState> read(std::stop_token) override {
    return on_ ? PowerState::kOn : PowerState::kOff;
  }

 private:
  std::atomic<int>& inside_;
  std::atomic<int>& most_;
  bool on_ = false;
};

TEST(PowerUnitsTest, OneStripHearsOneCommandAtATime) {
  PowerUnits units;
  SystemClock clock;
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      VerifiedPower power(std::make_unique<CountingDriver>(inside, most), {}, units, clock);
      for (int k = 0; k < 5; ++k) EXPECT_TRUE(power.switch_to(k % 2 == 0, {}));
    });
  threads.clear();
  EXPECT_EQ(most, 1);
}

}  // namespace
}  // namespace kiln::agent
