/// Against real servers on the loopback.
#include "agent/ssh/ssh_shell.h"

#include <gmock/gmock.h>

#include <csignal>
#include <map>
#include <thread>

#include "agent/ssh/host_key.h"
#include "agent/ssh/testing.h"

namespace kiln::agent {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class SshShellTest : public ::testing::TestWithParam<SshServer> {
 protected:
  static void TearDownTestSuite() { servers_.clear(); }
  void SetUp() override {
    if (const std::string why = LocalSshd::missing(GetParam()); !why.empty()) GTEST_SKIP() << why;
    auto& server = servers_[GetParam()];
    if (!server) server = std::make_unique<LocalSshd>(GetParam());
    endpoint_ = server->endpoint();
    dir_ = server->folder();
  }
  std::unique_ptr<Shell> connect() {
    auto shell = connect_until(endpoint_, Millis(30'000), {}, {});
    if (!shell) ADD_FAILURE() << render(shell.error());
    return shell ? std::move(*shell) : nullptr;
  }
  os::Path dir_;
  ShellEndpoint endpoint_;

 private:
  static std::map<SshServer, std::unique_ptr<LocalSshd>> servers_;
};

std::map<SshServer, std::unique_ptr<LocalSshd>> SshShellTest::servers_;
INSTANTIATE_TEST_SUITE_P(Server, SshShellTest,
                         ::testing::Values(SshServer::kOpenSsh, SshServer::kDropbear), server_name);

TEST_P(SshShellTest, GivesOutputErrorsAndExitCodeApart) {
  auto shell = connect();
  ASSERT_TRUE(shell);
  const auto reply = shell->run({.command = "echo out; echo err >&2; exit 7"}, {});
  ASSERT_TRUE(reply) << render(reply.error());
  EXPECT_EQ(reply->out, "out\n");
  EXPECT_EQ(reply->err, "err\n");
  EXPECT_EQ(reply->exit_code, 7);
  const auto again = shell->run({.command = "echo second"}, {});
  ASSERT_TRUE(again) << render(again.error());
  EXPECT_EQ(again->out, "second\n");
}

TEST_P(SshShellTest, ReportsTheSignalThatEndedACommand) {
  auto shell = connect();
  ASSERT_TRUE(shell);
  const auto reply = shell->run({.command = "exec sh -c 'kill -KILL $$'"}, {});
  ASSERT_TRUE(reply) << render(reply.error());
  EXPECT_EQ(reply->signal, "KILL");
  EXPECT_FALSE(reply->ok());
}

TEST_P(SshShellTest, BinaryInputComesBackUnchanged) {
  auto shell = connect();
  ASSERT_TRUE(shell);
  std::string bytes;
  for (int i = 0; i < 3'000'000; ++i) bytes += static_cast<char>((i * 2654435761U) >> 13);
  const auto reply = shell->run({.command = "cat", .input = bytes, .max_output = 8 << 20}, {});
  ASSERT_TRUE(reply) << render(reply.error());
  EXPECT_TRUE(reply->out == bytes) << reply->out.size();
}

TEST_P(SshShellTest, MovesFilesInAndOut) {
  auto shell = connect();
  ASSERT_TRUE(shell);
  std::string bytes(5'000'000, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7 + i / 255);
  ASSERT_TRUE(os::write_atomic(dir_ / "in", bytes));
  const auto reply = shell->run({.command = "cat; echo done >&2",
                                 .input_file = (dir_ / "in").string(),
                                 .output_file = (dir_ / "out").string(),
                                 .max_output = 100 << 20},
                                {});
  ASSERT_TRUE(reply) << render(reply.error());
  EXPECT_EQ(reply->err, "done\n");
  EXPECT_EQ(reply->output_size, bytes.size());
  EXPECT_EQ(*os::sha256_file(dir_ / "out"), os::sha256_hex(bytes));
}

TEST_P(SshShellTest, AGigabyteOfOutputIsReadToItsEndAndBounded) {
  auto shell = connect();
  ASSERT_TRUE(shell);
  const auto reply = shell->run({.command = "head -c 1000000000 /dev/zero; echo end >&2; exit 3",
                                 .max_output = 1000,
                                 .timeout = Millis(100'000)},
                                {});
  ASSERT_TRUE(reply) << render(reply.error());
  EXPECT_EQ(reply->output_size, 1'000'000'000U);
  EXPECT_EQ(reply->out.size(), 1000U);
  EXPECT_TRUE(reply->truncated);
  EXPECT_EQ(reply->err, "end\n");
  EXPECT_EQ(reply->exit_code, 3);
}

TEST_P(SshShellTest, FullStderrDoesNotBlockStdout) {
  auto shell = connect();
  ASSERT_TRUE(shell);
  const auto reply =
      shell->run({.command = "head -c 9000000 /dev/zero >&2; echo after", .max_output = 10}, {});
  ASSERT_TRUE(reply) << render(reply.error());
  EXPECT_EQ(reply->out, "after\n");
}

TEST_P(SshShellTest, ACommandBeyondItsBoundIsATimeout) {
  auto shell = connect();
  ASSERT_TRUE(shell);
  const auto reply = shell->run({.command = "sleep 100", .timeout = Millis(3'000)}, {});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind, ErrorKind::kTimeout);
  EXPECT_EQ(reply.error().message, "`sleep 100` did not end within 3 s");
  const auto next = shell->run({.command = "echo alive"}, {});
  ASSERT_TRUE(next) << "the connection is still good: " << render(next.error());
}

TEST_P(SshShellTest, StopEndsAWaitingCommand) {
  auto shell = connect();
  ASSERT_TRUE(shell);
  std::stop_source source;
  const auto reply = shell->run({.command = "echo go; sleep 100",
                                 .timeout = Millis(100'000),
                                 .on_output =
                                     [&](std::string_view) {
                                       source.request_stop();
                                       return true;
                                     }},
                                source.get_token());
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind, ErrorKind::kCancelled);
}

TEST_P(SshShellTest, ACallbackMayLeaveEarly) {
  auto shell = connect();
  ASSERT_TRUE(shell);
  const auto reply = shell->run(
      {.command = "echo one; sleep 100", .on_output = [](std::string_view) { return false; }}, {});
  ASSERT_TRUE(reply) << render(reply.error());
  EXPECT_TRUE(reply->left_early);
  EXPECT_EQ(reply->out, "one\n");
}

TEST_P(SshShellTest, AServerKilledMidCommandIsALostConnection) {
  auto shell = connect();
  ASSERT_TRUE(shell);
  // The command kills the server process of its own connection.
  const auto reply = shell->run({.command = "kill -KILL $PPID; sleep 100"}, {});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind, ErrorKind::kInfrastructure);
  EXPECT_THAT(reply.error().message, StartsWith("the connection broke while `kill -KILL $PPID"));
  EXPECT_FALSE(shell->alive());
  const auto next = shell->run({.command = "true"}, {});
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().kind, ErrorKind::kInfrastructure);
}

/// The kernel takes what is sent, and nobody reads it.
TEST_P(SshShellTest, AServerThatStallsIsATimeoutAndNoLostConnection) {
  auto shell = connect();
  ASSERT_TRUE(shell);
  const auto server = shell->run({.command = "echo $PPID"}, {});
  ASSERT_TRUE(server) << render(server.error());
  const int pid = std::stoi(server->out);
  ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  const auto asked = shell->run({.command = "true", .timeout = Millis(500)}, {});
  const auto fed = shell->run(
      {.command = "cat", .input = std::string(8 << 20, 'x'), .timeout = Millis(500)}, {});
  const bool alive = shell->alive();
  shell.reset();  // waits for nothing
  EXPECT_EQ(::kill(pid, SIGKILL), 0);
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().kind, ErrorKind::kTimeout) << render(asked.error());
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().kind, ErrorKind::kTimeout) << render(fed.error());
  EXPECT_TRUE(alive);
}

TEST_P(SshShellTest, AConnectionThatIsClosedBetweenCommandsIsKnownForDead) {
  auto shell = connect();
  ASSERT_TRUE(shell);
  const auto server = shell->run({.command = "echo $PPID"}, {});
  ASSERT_TRUE(server) << render(server.error());
  EXPECT_TRUE(shell->alive());
  ASSERT_EQ(::kill(std::stoi(server->out), SIGKILL), 0);
  const auto deadline = std::chrono::steady_clock::now() + Millis(60'000);
  while (shell->alive() && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(Millis(20));
  EXPECT_FALSE(shell->alive());
}

/// dropbear leaves a client that does not answer; sshd does not while its command runs.
TEST(SshConnectTest, AServerThatAsksWhetherSomebodyIsThereIsAnswered) {
  const SshServer kind = SshServer::kDropbear;
  if (const std::string why = LocalSshd::missing(kind); !why.empty()) GTEST_SKIP() << why;
  const LocalSshd asking(kind, /*keepalive_seconds=*/2);
  auto shell = connect_until(asking.endpoint(), Millis(30'000), {}, {});
  ASSERT_TRUE(shell) << render(shell.error());
  // Longer than silence is borne.
  const auto reply = (*shell)->run({.command = "sleep 10; echo there"}, {});
  ASSERT_TRUE(reply) << render(reply.error());
  EXPECT_EQ(reply->out, "there\n");
}

TEST_P(SshShellTest, ItsHostKeyIsFetchedForPinning) {
  ASSERT_TRUE(connect());  // it listens
  const auto shown = fetch_host_key(endpoint_.host, endpoint_.port, Millis(30'000), {});
  ASSERT_TRUE(shown) << render(shown.error());
  EXPECT_EQ(shown->line, read_host_key(endpoint_.host_key_file)->line);
}

TEST_P(SshShellTest, AnotherHostKeyIsRefused) {
  ShellEndpoint wrong = endpoint_;
  wrong.host_key_file = (dir_ / "other.pub").string();
  const auto shell = connect_until(wrong, Millis(30'000), {}, {});
  ASSERT_FALSE(shell);
  EXPECT_EQ(shell.error().kind, ErrorKind::kPermission);
  EXPECT_THAT(shell.error().message, HasSubstr("has the host key SHA256:"));
  EXPECT_THAT(shell.error().message, HasSubstr("is pinned: refused, nothing was sent to it"));
  EXPECT_EQ(shell.error().hint, "the pinned key is in " + wrong.host_key_file);
}

TEST_P(SshShellTest, AKeyThatTheMachineDoesNotKnowIsRefused) {
  ShellEndpoint wrong = endpoint_;
  wrong.key_file = (dir_ / "other").string();
  const auto shell = connect_until(wrong, Millis(30'000), {}, {});
  ASSERT_FALSE(shell);
  EXPECT_EQ(shell.error().kind, ErrorKind::kPermission);
  EXPECT_THAT(shell.error().message, HasSubstr("is not accepted for user root"));
}

TEST(SshConnectTest, AnAcceptedConnectionThatSaysNothingIsNoSignOfLife) {
  if (const std::string why = LocalSshd::missing(); !why.empty()) GTEST_SKIP() << why;
  const LocalSshd sshd;
  const Listener silent;
  ShellEndpoint endpoint = sshd.endpoint();
  endpoint.port = silent.port;
  const auto shell = connect_until(endpoint, Millis(700), {}, {});
  ASSERT_FALSE(shell);
  EXPECT_EQ(shell.error().kind, ErrorKind::kTimeout);
  EXPECT_THAT(shell.error().message, StartsWith("SSH did not answer within 0.7 s (1 try)"));
}

TEST(SshConnectTest, TriesEndWhenTheMachineIsGone) {
  if (const std::string why = LocalSshd::missing(); !why.empty()) GTEST_SKIP() << why;
  const LocalSshd sshd;
  ShellEndpoint endpoint = sshd.endpoint();
  endpoint.port = Listener().port;
  int asked = 0;
  const auto shell = connect_until(
      endpoint, Millis(60'000),
      [&] { return ++asked < 3 ? std::string() : std::string("the machine is off"); }, {});
  ASSERT_FALSE(shell);
  EXPECT_EQ(shell.error().message, "SSH was given up after 3 tries: the machine is off");
}

}  // namespace
}  // namespace kiln::agent
