/// Bench phases of sessions.
#include "agent/test/session_fixture.h"

namespace kiln::agent {
namespace {

class BenchTest : public SessionTest {
 protected:
  void SetUp() override {
    SessionTest::SetUp();
    use_store();
    order_.phases.clear();
    order_.benches.push_back({.name = "kmap", .command = "./run"});
    order_.benches.push_back({.name = "pread", .command = "./pread"});
  }
};

TEST_F(BenchTest, MetricsAreMeasured) {
  other_ = [](const ShellRequest& request, std::stop_token) -> Result<ShellReply> {
    ShellReply reply;
    reply.exit_code = 0;
    reply.out =
        "kiln-metric " + std::string(request.command.ends_with("./run") ? "a" : "b") + " 2.5 ns\n";
    return reply;
  };
  const auto outcome = run();
  EXPECT_EQ(outcome.ending, Ending::kTested) << outcome.error;
  ASSERT_EQ(outcome.measurements.size(), 2U);
  EXPECT_EQ(outcome.measurements[0].bench, "kmap");
  EXPECT_EQ(outcome.measurements[1].metric, "b");
}

TEST_F(BenchTest, ConditionsAreReadAroundEachBench) {
  int looks = 0;
  other_ = [&](const ShellRequest& request, std::stop_token) -> Result<ShellReply> {
    ShellReply reply;
    reply.exit_code = 0;
    if (request.command.find("scaling_governor") == std::string::npos) return reply;
    ++looks;
    // Before the first bench other work ends at the third look; heat comes in the second bench.
    const bool window = request.command.find("sleep") != std::string::npos;
    const int busy = looks < 3 ? 40 : 1;
    reply.out = fmt::format(
        "hygiene:governor=performance\nhygiene:throttled={}\nhygiene:heat=61500\n"
        "hygiene:stat=cpu  100 0 0 1000 0 0 0 {} 0 0\n",
        looks == 6 ? 2 : 0, looks * 10);
    if (window)
      reply.out += fmt::format(
          "hygiene:uptime=20.00 1\nhygiene:stat=cpu  100 0 0 1000 0 0 0 0 0 0\n"
          "hygiene:uptime=20.50 1\nhygiene:stat=cpu  {} 0 0 1000 0 0 0 0 0 0\n",
          100 + busy);
    return reply;
  };
  const auto outcome = run();
  EXPECT_EQ(outcome.ending, Ending::kTested) << outcome.error;
  EXPECT_EQ(looks, 6) << "three until it is quiet, one after, two around the second";
  EXPECT_EQ(outcome.conditions.settings.governor, "performance");
  EXPECT_EQ(outcome.conditions.throttled, 2);
  EXPECT_EQ(outcome.conditions.celsius, 61.5);
  EXPECT_DOUBLE_EQ(outcome.conditions.other_load.value_or(-1), 0.02);
}

TEST_F(BenchTest, ABusyMachineIsWaitedForBoundedly) {
  int looks = 0;
  other_ = [&](const ShellRequest& request, std::stop_token) -> Result<ShellReply> {
    ShellReply reply;
    reply.exit_code = 0;
    if (request.command.find("sleep") == std::string::npos) return reply;
    ++looks;
    reply.out =
        "hygiene:uptime=20.00 1\nhygiene:stat=cpu  100 0 0 1000 0 0 0 0 0 0\n"
        "hygiene:uptime=20.50 1\nhygiene:stat=cpu  200 0 0 1000 0 0 0 0 0 0\n";
    return reply;
  };
  order_.benches.pop_back();
  const auto outcome = run();
  EXPECT_EQ(outcome.ending, Ending::kTested) << outcome.error;
  EXPECT_EQ(looks, 20);
  EXPECT_DOUBLE_EQ(outcome.conditions.other_load.value_or(-1), 2);
}

TEST_F(BenchTest, AMachineThatCountsInstructionsIsNotSearchedForOtherWork) {
  order_.count_instructions = true;
  other_ = [&](const ShellRequest& request, std::stop_token) -> Result<ShellReply> {
    EXPECT_EQ(request.command.find("sleep"), std::string::npos);
    ShellReply reply;
    reply.exit_code = 0;
    return reply;
  };
  const auto outcome = run();
  EXPECT_EQ(outcome.ending, Ending::kTested) << outcome.error;
  EXPECT_EQ(outcome.conditions, hygiene::Conditions()) << "it says nothing";
}

TEST_F(BenchTest, AFailingBenchIsTheKernelsTestAndTheOthersGoOn) {
  other_ = [](const ShellRequest& request, std::stop_token) -> Result<ShellReply> {
    ShellReply reply;
    reply.exit_code = request.command.ends_with("./run") ? 3 : 0;
    reply.out = "kiln-metric ok 1 ns\n";
    reply.err = "insmod: cannot insert kmap_bench.ko\n";
    return reply;
  };
  const auto outcome = run();
  EXPECT_EQ(outcome.ending, Ending::kTestFailed);
  EXPECT_EQ(outcome.error_class, "FAIL");
  EXPECT_EQ(outcome.error,
            "bench kmap: `./run` failed: exit code 3: insmod: cannot insert kmap_bench.ko");
  EXPECT_EQ(outcome.measurements.size(), 2U);
}

TEST_F(BenchTest, AKernelThatDiesInABenchIsRestartedForTheNext) {
  other_ = [this](const ShellRequest& request, std::stop_token) -> Result<ShellReply> {
    ShellReply reply;
    reply.exit_code = 0;
    reply.out = "kiln-metric ok 1 ns\n";
    if (!request.command.ends_with("./run")) return reply;
    machine_.crash(kPanic);
    return fail(ErrorKind::kInfrastructure, "the connection broke");
  };
  const auto outcome = run();
  EXPECT_EQ(outcome.ending, Ending::kTestFailed);
  EXPECT_EQ(outcome.error_class, "CRASH");
  EXPECT_EQ(machine_.boots(), 2);
  EXPECT_EQ(outcome.measurements.size(), 1U);
}

}  // namespace
}  // namespace kiln::agent
