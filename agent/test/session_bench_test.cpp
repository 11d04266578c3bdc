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
