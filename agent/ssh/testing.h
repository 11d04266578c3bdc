#pragma once
/// For tests: a real sshd on the loopback. Not part of the library.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "agent/machine/shell.h"
#include "lib/os/files.h"
#include "lib/os/process.h"

namespace kiln::agent {

/// A listening socket on a free port of the loopback.
struct Listener {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int port = 0;
  Listener() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(::listen(fd, 8), 0);
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
    port = ntohs(address.sin_port);
  }
  ~Listener() { ::close(fd); }
};

/// With a client's key that it takes and another that it does not: folder()/client, other.
class LocalSshd {
 public:
  /// "" when it can be had here.
  static std::string missing() {
    if (os::find_program("sshd").empty()) return "sshd is not installed";
    if (::geteuid() != 0) return "needs root to log in as root";
    return "";
  }
  LocalSshd() {
    if (!missing().empty()) return;
    for (const char* name : {"host", "client", "other"}) {
      os::Command keygen;
      keygen.argv = {"ssh-keygen", "-q", "-t", "ed25519",
                     "-N",         "",   "-f", (folder() / name).string()};
      EXPECT_TRUE(os::run_ok(keygen));
    }
    (void)os::make_dirs("/run/sshd");
    endpoint_ = {.host = "127.0.0.1",
                 .port = Listener().port,
                 .user = "root",
                 .key_file = (folder() / "client").string(),
                 .host_key_file = (folder() / "host.pub").string()};
    EXPECT_TRUE(os::write_atomic(
        folder() / "config",
        fmt::format("ListenAddress 127.0.0.1:{}\nHostKey {}\nAuthorizedKeysFile {}\n"
                    "PermitRootLogin yes\nStrictModes no\nUsePAM no\nPidFile none\n"
                    "PasswordAuthentication no\nMaxStartups 100\n",
                    endpoint_.port, (folder() / "host").string(),
                    (folder() / "client.pub").string())));
    os::Command command;
    command.argv = {os::find_program("sshd"), "-D", "-e", "-f", (folder() / "config").string()};
    command.output_file = (folder() / "log").string();
    auto child = os::Child::start(command);
    EXPECT_TRUE(child) << render(child.error());
    if (child) child_ = std::make_unique<os::Child>(std::move(*child));
  }
  [[nodiscard]] const ShellEndpoint& endpoint() const { return endpoint_; }
  [[nodiscard]] const os::Path& folder() const { return folder_.path(); }

 private:
  os::TempFolder folder_ = *os::TempFolder::make(::testing::TempDir(), "sshd");
  ShellEndpoint endpoint_;
  std::unique_ptr<os::Child> child_;
};

}  // namespace kiln::agent
