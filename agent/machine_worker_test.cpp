#include "agent/machine_worker.h"

#include <gmock/gmock.h>

#include "agent/machine/fake_machine.h"

namespace kiln::agent {
namespace {

class NoArtifacts final : public Artifacts {
 public:
  Result<os::Path> fetch(const std::string& digest, std::stop_token stop) override {
    auto state = state_.lock();
    state->fetching = digest;
    state.notify_all();
    if (!state->hold) return fail(ErrorKind::kNotFound, "artifact " + digest + " is not there");
    // Until the session is stopped, as a slow transfer.
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!stop.stop_requested() && std::chrono::steady_clock::now() < deadline)
      state.wait_until(std::chrono::steady_clock::now() + Millis(10), [] { return false; });
    return fail(ErrorKind::kCancelled, "the fetch was stopped");
  }
  Result<std::string> put(const os::Path&) override { return std::string("x"); }
  struct State {
    bool hold = false;
    std::string fetching;
  };
  Sync<State> state_;
};

struct Ended {
  int64_t id = 0;
  SessionOutcome outcome;
};

class MachineWorkerTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = *os::make_temp_dir(testing::TempDir(), "worker");
    make();
  }
  void TearDown() override {
    worker_.reset();
    (void)os::remove_tree(dir_);
  }
  void make() {
    WorkerDeps deps;
    deps.machine = &machine_;
    deps.artifacts = &artifacts_;
    deps.clock = &clock_;
    deps.folder = dir_;
    deps.began = [](const SessionOrder&) {};
    deps.progress = [](const SessionOrder&, const SessionProgress&) {};
    deps.finished = [this](const SessionOrder& order, const SessionOutcome& outcome) {
      auto ended = ended_.lock();
      ended->push_back({order.session_id, outcome});
      ended.notify_all();
    };
    worker_ = std::make_unique<MachineWorker>(std::move(deps));
  }
  static SessionOrder order(int64_t id, uint64_t epoch) {
    SessionOrder out;
    out.session_id = id;
    out.lease_epoch = epoch;
    out.image_digest = "image-" + std::to_string(id);
    return out;
  }
  void hold(bool on) { artifacts_.state_.lock()->hold = on; }
  void wait_running(int64_t id) {
    auto state = artifacts_.state_.lock();
    ASSERT_TRUE(state.wait_until(std::chrono::steady_clock::now() + std::chrono::seconds(60),
                                 [&] { return state->fetching == "image-" + std::to_string(id); }));
  }
  std::vector<Ended> wait_ended(size_t count) {
    auto ended = ended_.lock();
    EXPECT_TRUE(ended.wait_until(std::chrono::steady_clock::now() + std::chrono::seconds(60),
                                 [&] { return ended->size() >= count; }));
    return *ended;
  }

  os::Path dir_;
  SystemClock clock_;
  FakeMachine machine_;
  NoArtifacts artifacts_;
  Sync<std::vector<Ended>> ended_;
  std::unique_ptr<MachineWorker> worker_;
};

TEST_F(MachineWorkerTest, RunsOrdersOneAfterTheOther) {
  worker_->start(order(1, 1));
  EXPECT_EQ(wait_ended(1)[0].outcome.error, "artifact image-1 is not there");
  worker_->start(order(2, 2));  // each session has a lease of its own
  EXPECT_EQ(wait_ended(2)[1].outcome.error, "artifact image-2 is not there");
}

TEST_F(MachineWorkerTest, TheSameOrderTwiceIsOneSession) {
  hold(true);
  worker_->start(order(1, 1));
  wait_running(1);
  worker_->start(order(1, 1));
  worker_->cancel(1, "ctrl-c");
  const auto ended = wait_ended(1);
  worker_.reset();
  EXPECT_EQ(ended_.lock()->size(), 1U);
  EXPECT_EQ(ended[0].outcome.ending, Ending::kCancelled);
  EXPECT_EQ(ended[0].outcome.error, "cancelled: ctrl-c");
  EXPECT_EQ(ended[0].outcome.error_class, "CANCELLED");
}

TEST_F(MachineWorkerTest, ABusyMachineRefusesAnotherSessionOfTheSameLease) {
  hold(true);
  worker_->start(order(1, 1));
  wait_running(1);
  worker_->start(order(2, 1));
  const auto ended = wait_ended(1);
  EXPECT_EQ(ended[0].id, 2);
  EXPECT_EQ(ended[0].outcome.ending, Ending::kInfrastructure);
  EXPECT_EQ(ended[0].outcome.error, "the machine is busy with session 1");
}

TEST_F(MachineWorkerTest, ANewerLeaseFencesTheOlderOff) {
  hold(true);
  worker_->start(order(1, 1));
  wait_running(1);
  worker_->start(order(2, 2));
  wait_running(2);
  EXPECT_EQ(wait_ended(1)[0].outcome.error, "cancelled: lease epoch 2 took the machine");
  worker_->start(order(3, 1));
  EXPECT_EQ(wait_ended(2)[1].outcome.error, "lease epoch 1 is over, the machine is at 2");
}

TEST_F(MachineWorkerTest, TheEpochOutlivesTheAgent) {
  worker_->start(order(1, 5));
  wait_ended(1);
  worker_.reset();
  make();
  worker_->start(order(2, 4));
  EXPECT_EQ(wait_ended(2)[1].outcome.error, "lease epoch 4 is over, the machine is at 5");
}

TEST_F(MachineWorkerTest, ShuttingDownCancelsAndTheEndIsTold) {
  hold(true);
  worker_->start(order(1, 1));
  wait_running(1);
  worker_.reset();
  const auto ended = wait_ended(1);
  EXPECT_EQ(ended[0].outcome.error, "cancelled: the agent is shutting down");
}

}  // namespace
}  // namespace kiln::agent
