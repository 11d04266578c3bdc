/// What runs on a machine goes on when the connection that started it is cut, over real SSH
/// servers.
#include <gmock/gmock.h>

#include <thread>

#include "agent/ssh/ssh_shell.h"
#include "agent/ssh/testing.h"
#include "agent/test/guest.h"
#include "lib/base/text.h"

namespace kiln::agent {
namespace {

constexpr Millis kLimit{60'000};

class GuestReconnectTest : public ::testing::TestWithParam<SshServer> {};
INSTANTIATE_TEST_SUITE_P(Server, GuestReconnectTest,
                         ::testing::Values(SshServer::kOpenSsh, SshServer::kDropbear), server_name);

TEST_P(GuestReconnectTest, ARunOutlivesItsConnectionAndIsReadOnWhereItWas) {
  if (const std::string why = LocalSshd::missing(GetParam()); !why.empty()) GTEST_SKIP() << why;
  const LocalSshd sshd(GetParam());
  const auto connect = [&] {
    auto shell = connect_until(sshd.endpoint(), kLimit, {}, {});
    EXPECT_TRUE(shell) << render(shell.error());
    return std::move(*shell);
  };
  const std::string folder = (sshd.folder() / "phase").string();
  ASSERT_TRUE(os::make_dirs(folder));
  auto shell = connect();
  const auto started = shell->run(
      {.command = start_script(
           folder, 1,
           {"sh", "-c", "echo one; until [ -e go ]; do sleep 0.05; done; echo two; exit 5"})},
      {});
  ASSERT_TRUE(started && started->ok());
  // Followed, and cut off in the middle: the server's side of the connection dies.
  ShellRequest follow{.command = "echo $PPID >server; " + follow_script(folder, 1, 0)};
  follow.command = "cd " + shell_quote(folder) + " && " + follow.command;
  follow.timeout = kLimit;
  std::string heard;
  follow.on_output = [&](std::string_view bytes) {
    heard.append(bytes);
    if (heard == "one\n") {
      os::Command kill;
      kill.argv = {"sh", "-c", "kill -KILL $(cat " + folder + "/server)"};
      EXPECT_TRUE(os::run_ok(kill));
    }
    return true;
  };
  const auto cut = shell->run(follow, {});
  EXPECT_FALSE(cut) << "the connection was to be cut";
  EXPECT_EQ(heard, "one\n");
  shell = connect();
  ASSERT_TRUE(os::write_atomic(os::Path(folder) / "go", ""));
  ShellRequest again{.command = follow_script(folder, 1, heard.size())};
  again.timeout = kLimit;
  const auto rest = shell->run(again, {});
  ASSERT_TRUE(rest) << render(rest.error());
  EXPECT_EQ(rest->out, "two\n");
  EXPECT_THAT(rest->err, ::testing::StartsWith("5\n"));
}

}  // namespace
}  // namespace kiln::agent
