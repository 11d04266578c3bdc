#include "controller/fleet/health_keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::fleet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A lab of which only the machine's standing and the checks' ends are told.
class HealthKeeperTest : public testing::Test {
 protected:
  void SetUp() override {
    machine_ = {"m1", clock_.now(), false, true};
    HealthParts parts{clock_, nullptr, nullptr, nullptr, nullptr, nullptr};
    parts.machines = [this] {
      return quarantined_ ? std::vector<Quarantined>{machine_} : std::vector<Quarantined>();
    };
    parts.start = [this](const std::string& machine) -> Result<int64_t> {
      if (cannot_) return fail(ErrorKind::kNotFound, "no kernel is known to do well");
      started_.push_back(machine);
      return 30 + static_cast<int64_t>(started_.size());
    };
    parts.outcome = [this](int64_t) -> Result<std::optional<CheckOutcome>> { return outcome_; };
    parts.cancel = [this](int64_t run) { cancelled_.push_back(run); };
    parts.restore = [this](const std::string&) -> Status {
      quarantined_ = false;
      return {};
    };
    keeper_ = std::make_unique<HealthKeeper>(std::move(parts));
  }
  void look_after(int64_t seconds) {
    clock_.advance(Millis(seconds * 1000));
    keeper_->look();
  }

  FakeClock clock_;
  Quarantined machine_;
  bool quarantined_ = true;
  bool cannot_ = false;
  std::vector<std::string> started_;
  std::vector<int64_t> cancelled_;
  std::optional<CheckOutcome> outcome_;
  std::unique_ptr<HealthKeeper> keeper_;
};

TEST_F(HealthKeeperTest, AMachineThatPassesIsInServiceAgain) {
  look_after(1);
  EXPECT_THAT(started_, IsEmpty());
  EXPECT_THAT(keeper_->words_of("m1"), HasSubstr("next check at"));
  look_after(60);
  EXPECT_THAT(started_, ElementsAre("m1"));
  EXPECT_EQ(keeper_->words_of("m1"), "run 31 checks it now");
  look_after(60);
  EXPECT_TRUE(quarantined_);
  outcome_ = CheckOutcome{true, "m1 works"};
  look_after(1);
  EXPECT_FALSE(quarantined_);
  look_after(3600);
  EXPECT_EQ(keeper_->words_of("m1"), "");
  EXPECT_EQ(started_.size(), 1U);
}

TEST_F(HealthKeeperTest, AMachineThatFailsStaysAndIsCheckedLater) {
  look_after(61);
  outcome_ = CheckOutcome{false, "m1 does not work yet: no login"};
  look_after(10);
  EXPECT_TRUE(quarantined_);
  EXPECT_THAT(keeper_->words_of("m1"), HasSubstr("the last: run 31: m1 does not work yet"));
  look_after(100);
  EXPECT_EQ(started_.size(), 1U);
  look_after(30);
  EXPECT_EQ(started_.size(), 2U);
}

TEST_F(HealthKeeperTest, WhatCannotBeCheckedSaysWhy) {
  cannot_ = true;
  look_after(61);
  EXPECT_THAT(keeper_->words_of("m1"), HasSubstr("no kernel is known to do well"));
}

TEST_F(HealthKeeperTest, APersonCanBeFaster) {
  look_after(61);
  quarantined_ = false;
  look_after(1);
  EXPECT_THAT(cancelled_, ElementsAre(31));
}

TEST_F(HealthKeeperTest, NeitherAbsentNorHeldNorHealthyMachinesAreChecked) {
  machine_.connected = false;
  look_after(61);
  machine_.connected = true;
  machine_.held = true;
  look_after(61);
  machine_.held = false;
  quarantined_ = false;
  look_after(61);
  EXPECT_THAT(started_, IsEmpty());
}

}  // namespace
}  // namespace kiln::fleet
