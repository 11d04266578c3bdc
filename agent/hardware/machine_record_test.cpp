#include "agent/hardware/machine_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::agent {
namespace {

using machine::LifeEvent;
using machine::LifeState;
using machine::RecoveryStep;
using machine::Sighting;

class MachineRecordTest : public ::testing::Test {
 protected:
  MachineRecord open() {
    return MachineRecord(file_, [this](LifeState state, const std::string& why) {
      told_.push_back(std::string(to_string(state)) + (why.empty() ? "" : ": " + why));
    });
  }
  os::TempFolder folder_ = *os::TempFolder::make(::testing::TempDir(), "record-");
  os::Path file_ = folder_.path() / "life.json";
  std::vector<std::string> told_;
};

TEST_F(MachineRecordTest, FollowsTheTableAndTellsOfEachState) {
  auto record = open();
  EXPECT_EQ(record.state(), LifeState::kOffline);
  EXPECT_EQ(record.happen(LifeEvent::kGranted), "") << "nobody has heard of it";
  EXPECT_EQ(record.happen(LifeEvent::kHello), "");
  EXPECT_EQ(record.happen(LifeEvent::kDone), "");
  EXPECT_EQ(record.happen(LifeEvent::kGranted), "");
  EXPECT_EQ(record.happen(LifeEvent::kDone), "");
  EXPECT_EQ(record.happen(LifeEvent::kFailed, "disk full"), "INFRA_DEPLOY");
  EXPECT_THAT(told_, ::testing::ElementsAre("verifying", "ready", "leased", "deploying",
                                            "collecting: disk full"));
}

TEST_F(MachineRecordTest, AnAgentThatWasKilledWakesUpKnowingTheWorst) {
  {
    auto record = open();
    for (const LifeEvent event : {LifeEvent::kHello, LifeEvent::kDone, LifeEvent::kGranted,
                                  LifeEvent::kDone, LifeEvent::kDone, LifeEvent::kDone})
      record.happen(event);
    EXPECT_EQ(record.state(), LifeState::kRebooting);
    record.count(RecoveryStep::kSysrq, Sighting::kKnownGood);
    record.count(RecoveryStep::kReset, Sighting::kSilent);
    const std::vector<RecoveryStep> left_out{RecoveryStep::kReset};
    record.passed_over(left_out);
  }
  auto record = open();
  EXPECT_EQ(record.state(), LifeState::kRecovering);
  const auto counts = record.counts();
  const auto& sysrq = counts[static_cast<size_t>(RecoveryStep::kSysrq)];
  const auto& reset = counts[static_cast<size_t>(RecoveryStep::kReset)];
  EXPECT_EQ(sysrq.helped, 1U);
  EXPECT_EQ(reset.tried, 1U);
  EXPECT_EQ(reset.helped, 0U);
  EXPECT_EQ(reset.passed_over, 1U);
}

TEST_F(MachineRecordTest, AQuarantineAndItsReasonOutliveTheAgent) {
  {
    auto record = open();
    record.happen(LifeEvent::kHello);
    record.happen(LifeEvent::kFailed);
    record.happen(LifeEvent::kFailed, "its power stays off");
  }
  auto record = open();
  EXPECT_EQ(record.state(), LifeState::kQuarantined);
  EXPECT_EQ(record.why(), "its power stays off");
}

TEST_F(MachineRecordTest, ADamagedFileIsAMachineThatNobodyKnows) {
  for (const char* text :
       {"", "{", "[]", R"({"state":7,"steps":[]})", R"({"state":"no-such","why":[]})",
        R"({"steps":{"sysrq":[1,-2],"reset":["x",1,1],"hope":[1,1,1]}})", "\xff\xfe"}) {
    ASSERT_TRUE(os::write_atomic(file_, text));
    auto record = open();
    EXPECT_EQ(record.state(), LifeState::kOffline) << text;
    EXPECT_EQ(record.counts()[static_cast<size_t>(RecoveryStep::kSysrq)].tried, 0U) << text;
  }
}

}  // namespace
}  // namespace kiln::agent
