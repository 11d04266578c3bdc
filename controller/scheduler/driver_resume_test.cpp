#include "controller/scheduler/driver_fixture.h"

namespace kiln::scheduler {
namespace {

using testing::Contains;
using testing::HasSubstr;

TEST_F(Driver, AnInterruptedRunSaysThatItsPatchesWereNotRead) {
  std::stop_source stop;
  statics_ = [&](const std::stop_token& token) -> Result<statics::Side> {
    stop.request_stop();
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!token.stop_requested() && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return fail(ErrorKind::kCancelled, "stopped");
  };
  agent_->ending_of = [](const v1::SessionOrder&, int number) {
    return number == 2 ? "" : "tested";
  };
  drive(stop.get_token());
  EXPECT_EQ(store_.state, "interrupted");
  ASSERT_EQ(store_.report.static_side().notes_size(), 1);
  EXPECT_EQ(store_.report.static_side().notes(0), "not looked at: the run was not finished");
}

TEST_F(Driver, AStoppedRunGoesOnWithoutRepeatingAnything) {
  std::stop_source stop;
  agent_->ending_of = [&](const v1::SessionOrder&, int n) {
    if (n < 2) return "tested";
    stop.request_stop();
    return "";
  };
  drive(stop.get_token());
  EXPECT_EQ(store_.state, "interrupted");
  EXPECT_EQ(store_.report.verdict().exit_code(), 130);
  agent_->orders.clear();
  agent_->ending_of = nullptr;
  drive();
  EXPECT_EQ(store_.state, "done");
  EXPECT_EQ(builds_made_, 2);
  EXPECT_EQ(agent_->orders.size(), 1U);
}

/// As the store of a controller has it after kill -9: the first session runs at its agent.
void keep_running(const Clock& clock, FakeStore& store, fleet::MemoryLeaseStore& leases) {
  store.stored.at(0).session.set_machine("m1");
  fleet::Lease lease;
  lease.number = 1;
  lease.session_id = 1;
  lease.run_id = 1;
  lease.key = store.stored[0].key;
  lease.machine = "m1";
  lease.user = "local";
  lease.until = clock.now() + std::chrono::hours(1);
  leases.kept.lock()->leases = {lease};
  leases.kept.lock()->newest = 1;
}

TEST_F(Driver, ASessionThatRunsWhileItsControllerIsAwayIsNotRunAgain) {
  agent_->ending_of = [&](const v1::SessionOrder&, int) {
    leave_.request_stop();
    return "";  // it keeps running
  };
  drive();
  ASSERT_EQ(agent_->orders.size(), 1U);
  EXPECT_EQ(store_.state, "") << "the run has not ended";
  leave_ = std::stop_source();
  keep_running(clock_, store_, leases_);
  fleet::Dispatcher next(fleet_, leases_, clock_, {"here"});
  ASSERT_TRUE(next.load());
  dispatcher_ = &next;
  agent_->ending_of = nullptr;
  std::jthread ends([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    agent_->end(1, "tested");
  });
  drive();
  EXPECT_EQ(store_.state, "done");
  std::set<std::string> keys;
  for (const results::StoredSession& session : store_.stored) keys.insert(session.key);
  EXPECT_EQ(keys.size(), store_.stored.size()) << "none was run twice";
  EXPECT_EQ(store_.stored[0].session.ending(), "tested");
}

TEST_F(Driver, ASessionWhoseEndNeverComesDoesNotStayOpen) {
  agent_->ending_of = [&](const v1::SessionOrder&, int) {
    leave_.request_stop();
    return "";
  };
  drive();
  ASSERT_EQ(store_.stored.size(), 1U);
  leave_ = std::stop_source();
  agent_->ending_of = nullptr;
  fleet::Dispatcher next(fleet_, leases_, clock_, {"here"});  // knows no lease of it
  ASSERT_TRUE(next.load());
  dispatcher_ = &next;
  drive();
  EXPECT_EQ(store_.state, "done");
  EXPECT_EQ(store_.stored[0].state, "done");
  EXPECT_EQ(store_.stored[0].session.ending(), "infrastructure");
  EXPECT_EQ(store_.stored.size(), 3U) << "it was run again";
}

TEST_F(Driver, AnEndUnderALeaseThatIsOverIsADuplicate) {
  agent_->ending_of = [&](const v1::SessionOrder& order, int number) {
    if (number > 1) return "tested";
    v1::FromAgent late;
    late.mutable_done()->mutable_session()->set_id(order.session_id());
    late.mutable_done()->mutable_session()->set_ending("test-failed");
    late.mutable_done()->set_lease_epoch(order.lease_epoch() + 100);
    fleet_.received("a1", late);
    return "tested";
  };
  drive();
  EXPECT_EQ(store_.state, "done");
  EXPECT_THAT(store_.duplicates, Contains(HasSubstr("1: its lease")));
  EXPECT_EQ(store_.stored[0].session.ending(), "tested");
}

TEST_F(Driver, ASessionThatItsAgentLostIsRunAgain) {
  agent_->ending_of = [&](const v1::SessionOrder&, int number) -> std::string {
    if (number > 1) return "tested";
    std::thread([this] {  // the agent was started anew: it knows nothing of the order
      v1::Hello hello;
      hello.set_agent("a1");
      *hello.add_machines() = machine_;
      fleet_.connected("a1", hello, agent_);
    })
        .join();
    return "";
  };
  drive();
  EXPECT_EQ(store_.state, "done");
  EXPECT_EQ(store_.stored[0].session.ending(), "infrastructure");
  EXPECT_EQ(store_.stored.size(), 3U);
}

TEST_F(Driver, AnInterruptedRunGoesOnWithTheSameFurtherPairs) {
  measure(2, 6);
  std::stop_source stop;
  agent_->kernel_says = bench(0, 20);
  agent_->ending_of = [&](const v1::SessionOrder&, int n) {
    if (n < 2 + 4 + 2) return "tested";  // in the third pair's second boot
    stop.request_stop();
    return "";
  };
  drive(stop.get_token());
  EXPECT_EQ(store_.state, "interrupted");
  const std::vector<std::string> before = measured();
  agent_->ending_of = nullptr;
  drive();
  EXPECT_EQ(store_.state, "done");
  const std::vector<std::string> after = measured();
  EXPECT_EQ(after.size(), 13U) << "six pairs, and the boot that was stopped once more";
  EXPECT_EQ(std::set<std::string>(after.begin(), after.end()).size(), 12U);
  EXPECT_EQ(after.at(before.size()), before.back());
}

}  // namespace
}  // namespace kiln::scheduler
