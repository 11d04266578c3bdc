#include "controller/scheduler/driver_fixture.h"

namespace kiln::scheduler {
namespace {

using testing::Contains;
using testing::HasSubstr;

TEST_F(Driver, BuildsRunsAndJudges) {
  drive();
  EXPECT_EQ(store_.state, "done");
  EXPECT_EQ(builds_made_, 2);
  EXPECT_EQ(agent_->orders.size(), 2U);
  EXPECT_EQ(store_.report.verdict().exit_code(), 0) << store_.report.DebugString();
  EXPECT_EQ(store_.report.sessions_size(), 2);
}

TEST_F(Driver, ARunWaitsForItsEndsToBeOnDiskAndAcknowledgesThemThen) {
  store_.disk_is_slow = true;
  drive();
  EXPECT_EQ(store_.state, "done");
  EXPECT_THAT(agent_->acknowledged, testing::UnorderedElementsAre(1, 2));
}

TEST_F(Driver, AnEndThatCannotBeStoredIsNotAcknowledged) {
  store_.disk_is_full = true;
  drive();
  EXPECT_EQ(store_.state, "failed");
  EXPECT_THAT(store_.report.run().error(), HasSubstr("no space left"));
  EXPECT_THAT(agent_->acknowledged, testing::IsEmpty());
}

TEST_F(Driver, SessionsHaveTheControllersTimesWhateverTheAgentsClockSays) {
  agent_->kernel_says = [](const v1::SessionOrder&, v1::Session* session) {
    session->mutable_started()->set_seconds(1000);
  };
  const int64_t before = SystemClock().now().time_since_epoch().count() / 1000;
  drive();
  for (const v1::Session& session : store_.report.sessions())
    EXPECT_GE(session.started().seconds(), before);
  EXPECT_GE(store_.stored.at(0).session.started().seconds(), before);
}

TEST_F(Driver, ResultsThatFindNoSpaceEndTheRunAndKeepTheirSessionOpen) {
  agent_->ending_of = [&](const v1::SessionOrder& order, int number) -> std::string {
    if (number != 2) return "tested";
    v1::FromAgent message;
    message.mutable_event()->set_session_id(order.session_id());
    message.mutable_event()->set_phase("results-wait");
    message.mutable_event()->set_text("cannot write /data/blobs: No space left on device");
    fleet_.received("a1", message);
    return "";
  };
  drive();
  EXPECT_EQ(store_.state, "failed");
  EXPECT_THAT(
      store_.report.run().error(),
      HasSubstr("results of session 2 cannot be stored: cannot write /data/blobs: No space"));
  EXPECT_EQ(store_.stored.at(1).state, "running") << "it is not given up";
}

TEST_F(Driver, InfrastructureIsRunAgainAndNeverBlamesTheSeries) {
  agent_->ending_of = [](const v1::SessionOrder&, int n) {
    return n == 1 ? "infrastructure" : "tested";
  };
  drive();
  EXPECT_EQ(agent_->orders.size(), 3U);
  EXPECT_EQ(store_.report.verdict().exit_code(), 0) << store_.report.DebugString();
}

TEST_F(Driver, AMachineThatNeverWorksGivesNoVerdict) {
  agent_->ending_of = [](const v1::SessionOrder&, int) { return "infrastructure"; };
  drive();
  EXPECT_EQ(agent_->orders.size(), 6U);  // three attempts for each of two sessions
  EXPECT_EQ(store_.report.verdict().exit_code(), 3) << store_.report.DebugString();
}

TEST_F(Driver, ABuildThatFailsIsTheSeriesFault) {
  build_ = [](const BuildTarget& target, std::stop_token,
              const std::function<void(const BuildProgress&)>&) -> Result<kernel::BuildRecord> {
    kernel::BuildRecord record;
    record.key = target.key;
    record.state = target.variant == "patched" ? "failed" : "built";
    record.error = "a.c:3: 'x' undeclared";
    return record;
  };
  drive();
  EXPECT_EQ(agent_->orders.size(), 1U);
  EXPECT_EQ(store_.report.verdict().exit_code(), 1) << store_.report.DebugString();
}

TEST_F(Driver, AMachineThatCannotBeMadeEndsTheRunAtOnce) {
  machine_.set_broken("error: no root image: apt failed");
  tell_machine();
  drive();
  EXPECT_TRUE(agent_->orders.empty());
  EXPECT_EQ(store_.state, "failed");
  EXPECT_EQ(store_.report.run().error(), "error: no root image: apt failed");
  EXPECT_EQ(store_.report.verdict().exit_code(), 3) << store_.report.DebugString();
}

TEST_F(Driver, TheReportNamesTheMachinesIgt) {
  (*machine_.mutable_facts())["igt"] = "2.5-1";
  tell_machine();
  drive();
  EXPECT_EQ(store_.report.run().igt_version(), "2.5-1");
}

TEST_F(Driver, ADiskThatIsFullEndsTheRunWithoutAVerdict) {
  build_ = [](const BuildTarget&, std::stop_token,
              const std::function<void(const BuildProgress&)>&) -> Result<kernel::BuildRecord> {
    return fail(ErrorKind::kNoSpace, "cannot write objects: No space left on device");
  };
  drive();
  EXPECT_EQ(store_.state, "failed");
  EXPECT_EQ(store_.report.verdict().exit_code(), 3) << store_.report.DebugString();
  EXPECT_THAT(store_.report.run().error(), HasSubstr("No space left on device"));
}

TEST_F(Driver, AJobThatNamesTestsOfNoMachineIsRefusedBeforeItsFirstSession) {
  machine_.set_test_names("old");
  tell_machine();
  drive();
  EXPECT_TRUE(agent_->orders.empty());
  EXPECT_EQ(store_.state, "failed");
  EXPECT_EQ(store_.report.run().error(), "error: unknown test `igt@a@b`\n --> gem.testlist:1:1");
  EXPECT_EQ(store_.report.verdict().result(), "refused");
  EXPECT_EQ(store_.report.verdict().exit_code(), 2);
  EXPECT_EQ(store_.report.verdict().headline(),
            "The job is refused: unknown test `igt@a@b`; no test ran.");
}

TEST_F(Driver, AMachineThatGetsReadyLaterIsCheckedThen) {
  machine_.set_preparing("its root image is being made");
  tell_machine();
  build_ = [this](const BuildTarget& target, std::stop_token,
                  const std::function<void(const BuildProgress&)>&) -> Result<kernel::BuildRecord> {
    // Both kernels are there, and the machine is not: only then it is.
    if (++builds_made_ == 2) {
      machine_.clear_preparing();
      machine_.set_test_names("old");
      tell_machine();
    }
    kernel::BuildRecord record;
    record.key = target.key;
    record.state = "built";
    return record;
  };
  drive();
  EXPECT_TRUE(agent_->orders.empty());
  EXPECT_EQ(store_.report.verdict().exit_code(), 2);
  EXPECT_THAT(lines_, Contains("m1 gets ready: its root image is being made"));
}

TEST_F(Driver, AnotherMachineThatHoldsTheTestsRunsThem) {
  machine_.set_test_names("old");
  tell_machine();
  v1::Hello hello;
  hello.set_agent("a1");
  *hello.add_machines() = machine_;
  machine_.set_name("m2");
  machine_.set_test_names("new");
  *hello.add_machines() = machine_;
  fleet_.connected("a1", hello, agent_);
  drive();
  EXPECT_EQ(store_.state, "done");
  ASSERT_EQ(agent_->orders.size(), 2U);
  EXPECT_EQ(agent_->orders[0].machine(), "m2");
}

TEST_F(Driver, NamesThatCannotBeReadRefuseNothing) {
  machine_.set_test_names("broken");
  tell_machine();
  drive();
  EXPECT_EQ(store_.state, "done");
  EXPECT_THAT(lines_,
              Contains("the tests of m1 are not checked before they run: no such artifact"));
}

}  // namespace
}  // namespace kiln::scheduler
