/// Sessions whose connection breaks.
#include "agent/test/session_fixture.h"

namespace kiln::agent {
namespace {

using testing::HasSubstr;

/// Tests ran for minutes: that a switch has a bad second does not lose them.
TEST_F(SessionTest, AConnectionThatBreaksWhileResultsAreReadLosesNone) {
  use_store();
  broken_reads_ = 2;
  const auto outcome = run();
  EXPECT_EQ(outcome.ending, Ending::kTested) << outcome.error;
  EXPECT_EQ(outcome.results.size(), 2U);
  EXPECT_EQ(stored(outcome, "dmesg"), "<6>[ 1.0] hello\n");
  EXPECT_EQ(broken_reads_, 0);
}

/// Whether its runner was started is for the machine to say: it is asked the very same.
TEST_F(SessionTest, AStartWhoseAnswerIsLostIsAskedForAgain) {
  use_store();
  order_.phases[0].setup = {"modprobe x"};
  std::vector<std::string> asked;
  other_ = [&](const ShellRequest& request, std::stop_token) -> Result<ShellReply> {
    ShellReply reply;
    reply.exit_code = 0;
    if (request.command.find("/run/kiln-7-n-1-0-") == std::string::npos) return reply;
    asked.push_back(request.command);
    if (asked.size() % 2 == 0) return reply;
    machine_.cut();
    return fail(ErrorKind::kInfrastructure, "the connection broke while it ran");
  };
  const auto outcome = run();
  EXPECT_EQ(outcome.ending, Ending::kTested) << outcome.error;
  EXPECT_EQ(outcome.results.size(), 2U);
  EXPECT_EQ(machine_.boots(), 1);
  ASSERT_EQ(asked.size(), 4U) << "setup and start";
  EXPECT_EQ(asked[0], asked[1]);
  EXPECT_THAT(asked[2], HasSubstr("igt_runner"));
  EXPECT_EQ(asked[2], asked[3]);
}

TEST_F(SessionTest, WhatBrokeOffIsNotGoneOnWithInAnotherBoot) {
  use_store();
  int starts = 0;
  other_ = [&](const ShellRequest& request, std::stop_token) -> Result<ShellReply> {
    ShellReply reply;
    reply.exit_code = 0;
    if (request.command.find("/run/kiln-") == std::string::npos) return reply;
    ++starts;
    ++boot_id_;
    machine_.cut();
    return fail(ErrorKind::kInfrastructure, "the connection broke while it ran");
  };
  const auto outcome = run();
  EXPECT_EQ(outcome.ending, Ending::kInfrastructure);
  EXPECT_EQ(outcome.error_class, "WRONG_KERNEL");
  EXPECT_EQ(outcome.error, "the machine restarted unseen: its boot id has changed");
  EXPECT_FALSE(outcome.identity.proved);
  EXPECT_EQ(starts, 1);
}

}  // namespace
}  // namespace kiln::agent
