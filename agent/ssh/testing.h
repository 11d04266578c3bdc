#pragma once
/// For tests: a real SSH server on the loopback. Not part of the library.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

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

enum class SshServer { kOpenSsh, kDropbear };

/// As a test's name.
inline std::string server_name(const ::testing::TestParamInfo<SshServer>& server) {
  return server.param == SshServer::kOpenSsh ? "OpenSsh" : "Dropbear";
}

/// With a client's key that it takes and another that it does not: folder()/client, other.
class LocalSshd {
 public:
  /// "" when it can be had here.
  static std::string missing(SshServer kind = SshServer::kOpenSsh) {
    const std::string program = kind == SshServer::kOpenSsh ? "sshd" : "dropbear";
    if (os::find_program(program).empty()) return program + " is not installed";
    if (::geteuid() != 0) return "needs root to log in as root";
    if (kind == SshServer::kOpenSsh) return "";
    os::Command unshare;
    unshare.argv = {"unshare", "--mount", "true"};
    return os::run_ok(unshare) ? "" : "dropbear needs a namespace for mounts";
  }
  /// `keepalive_seconds`: dropbear asks that often whether the client is there, and leaves one that
  /// does not answer three times. 0 = never.
  explicit LocalSshd(SshServer kind = SshServer::kOpenSsh, int keepalive_seconds = 0) {
    if (!missing(kind).empty()) return;
    for (const char* name : {"host", "client", "other"})
      run({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path(name)});
    endpoint_ = {.host = "127.0.0.1",
                 .port = Listener().port,
                 .user = "root",
                 .key_file = path("client"),
                 .host_key_file = path("host.pub")};
    os::Command command;
    command.argv = kind == SshServer::kOpenSsh ? open_ssh() : dropbear(keepalive_seconds);
    command.output_file = path("log");
    auto child = os::Child::start(command);
    EXPECT_TRUE(child) << render(child.error());
    if (child) child_ = std::make_unique<os::Child>(std::move(*child));
  }
  [[nodiscard]] const ShellEndpoint& endpoint() const { return endpoint_; }
  [[nodiscard]] const os::Path& folder() const { return folder_.path(); }

 private:
  [[nodiscard]] std::string path(const std::string& name) const {
    return (folder() / name).string();
  }
  static void run(std::vector<std::string> argv) {
    os::Command command;
    command.argv = std::move(argv);
    EXPECT_TRUE(os::run_ok(command)) << command.argv[0];
  }
  std::vector<std::string> open_ssh() {
    (void)os::make_dirs("/run/sshd");
    EXPECT_TRUE(os::write_atomic(
        path("config"),
        fmt::format("ListenAddress 127.0.0.1:{}\nHostKey {}\nAuthorizedKeysFile {}\n"
                    "PermitRootLogin yes\nStrictModes no\nUsePAM no\nPidFile none\n"
                    "PasswordAuthentication no\nMaxStartups 100\n",
                    endpoint_.port, path("host"), path("client.pub"))));
    return {os::find_program("sshd"), "-D", "-e", "-f", path("config")};
  }
  /// It takes the keys of the user's home alone, so that is another for it.
  std::vector<std::string> dropbear(int keepalive) {
    run({"dropbearconvert", "openssh", "dropbear", path("host"), path("dropbear-host")});
    EXPECT_TRUE(os::make_dirs(folder() / "home/.ssh"));
    EXPECT_TRUE(os::write_atomic(folder() / "home/.ssh/authorized_keys",
                                 os::read_file(path("client.pub"), 4096).value_or(""), 0600));
    EXPECT_TRUE(os::write_atomic(path("passwd"),
                                 fmt::format("root:x:0:0:root:{}:/bin/sh\n", path("home"))));
    return {"unshare",
            "--mount",
            "sh",
            "-c",
            "mount --bind \"$0\" /etc/passwd && exec \"$@\"",
            path("passwd"),
            os::find_program("dropbear"),
            "-F",
            "-E",
            "-s",
            "-r",
            path("dropbear-host"),
            "-p",
            fmt::format("127.0.0.1:{}", endpoint_.port),
            "-P",
            path("pid"),
            "-K",
            std::to_string(keepalive)};
  }

  os::TempFolder folder_ = *os::TempFolder::make(::testing::TempDir(), "sshd");
  ShellEndpoint endpoint_;
  std::unique_ptr<os::Child> child_;
};

}  // namespace kiln::agent
