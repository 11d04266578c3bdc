/// A program under a terminal of its own: ipmitool's serial over LAN, or a site's own command.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "agent/power/driver.h"
#include "agent/serial/port.h"
#include "lib/base/text.h"
#include "lib/os/process.h"

extern char** environ;

namespace kiln::agent {
namespace {

/// What never comes from a console; ipmitool's own '~' is in many a text.
constexpr char kSolEscape = '\x1d';

struct Program {
  std::vector<std::string> argv;
  std::map<std::string, std::string> env;
};

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (std::string& each : strings) out.push_back(each.data());
  out.push_back(nullptr);
  return out;
}

class PtyPort : public SerialPort {
 public:
  ~PtyPort() override { end(); }
  void close() override { end(); }
  Result<int> open() override {
    end();
    KILN_ASSIGN(Program run, program());
    master_ = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    char slave[64];
    if (master_ < 0 || ::grantpt(master_) != 0 || ::unlockpt(master_) != 0 ||
        ::ptsname_r(master_, slave, sizeof slave) != 0) {
      const int error = errno;
      end();
      return fail(ErrorKind::kInfrastructure, fmt::format("no terminal: {}", std::strerror(error)));
    }
    termios line{};
    if (::tcgetattr(master_, &line) == 0) {
      ::cfmakeraw(&line);
      ::tcsetattr(master_, TCSANOW, &line);
    }
    if (const int error = spawn(run, slave); error != 0) {
      end();
      return fail(ErrorKind::kNotFound,
                  fmt::format("cannot run {}: {}", run.argv.front(), std::strerror(error)));
    }
    return master_;
  }

 protected:
  virtual Result<Program> program() = 0;

 private:
  int spawn(Program& run, const char* slave) {
    std::vector<std::string> env;
    for (char** each = environ; *each != nullptr; ++each)
      if (const std::string entry = *each; !run.env.contains(entry.substr(0, entry.find('='))))
        env.push_back(entry);
    for (const auto& [name, value] : run.env) env.push_back(name + "=" + value);
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&how);
    // A session of its own whose first terminal is the slave: the first open makes it so.
    posix_spawn_file_actions_addopen(&files, 0, slave, O_RDWR, 0);
    posix_spawn_file_actions_adddup2(&files, 0, 1);
    posix_spawn_file_actions_adddup2(&files, 0, 2);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&how, &none);
    posix_spawnattr_setsigdefault(&how, &all);
    posix_spawnattr_setflags(&how,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    const int error = ::posix_spawnp(&pid_, run.argv.front().c_str(), &files, &how,
                                     pointers(run.argv).data(), pointers(env).data());
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&how);
    if (error != 0) pid_ = -1;
    return error;
  }

  /// Hang up, then harder: a SOL session that is not ended keeps the BMC's only place.
  void end() {
    if (master_ >= 0) ::close(master_);
    master_ = -1;
    if (pid_ <= 0) return;
    const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
    for (const int signal : {SIGHUP, SIGTERM, SIGKILL}) {
      ::kill(-pid_, signal);
      pollfd gone{pidfd, POLLIN, 0};
      if (pidfd >= 0 && ::poll(&gone, 1, 1'000) > 0) break;
    }
    if (pidfd >= 0) ::close(pidfd);
    ::kill(-pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
  }

  int master_ = -1;
  pid_t pid_ = -1;
};

class SolPort final : public PtyPort {
 public:
  explicit SolPort(machine::SolConsole console) : at_(std::move(console)) {}
  [[nodiscard]] std::string name() const override {
    return "serial over LAN of " + at_.bmc.address;
  }

 protected:
  Result<Program> program() override {
    KILN_ASSIGN(const IpmiAccess access, ipmi_access(at_.bmc));
    // A BMC has one session: what a killed agent left is ended first, and may well not be there.
    const std::string tool = shell_join(access.argv);
    const std::string script =
        fmt::format("{} sol deactivate >/dev/null 2>&1; exec {} -e {} sol activate", tool, tool,
                    shell_quote(std::string(1, kSolEscape)));
    return Program{{"/bin/sh", "-c", script}, access.env};
  }

 private:
  machine::SolConsole at_;
};

class CommandPort final : public PtyPort {
 public:
  explicit CommandPort(machine::CommandConsole console) : at_(std::move(console)) {}
  [[nodiscard]] std::string name() const override { return at_.command.front(); }

 protected:
  Result<Program> program() override { return Program{at_.command, {}}; }

 private:
  machine::CommandConsole at_;
};

struct Maker {
  using Port = std::unique_ptr<SerialPort>;
  Port operator()(const machine::NoConsole&) const { return nullptr; }
  Port operator()(const machine::DeviceConsole& c) const { return make_device_port(c); }
  Port operator()(const machine::TelnetConsole& c) const { return make_telnet_port(c); }
  Port operator()(const machine::TcpConsole& c) const { return make_tcp_port(c); }
  Port operator()(const machine::UnixConsole& c) const { return make_unix_port(c); }
  Port operator()(const machine::SolConsole& c) const { return make_sol_port(c); }
  Port operator()(const machine::CommandConsole& c) const { return make_command_port(c); }
};

}  // namespace

std::unique_ptr<SerialPort> make_sol_port(machine::SolConsole console) {
  return std::make_unique<SolPort>(std::move(console));
}
std::unique_ptr<SerialPort> make_command_port(machine::CommandConsole console) {
  return std::make_unique<CommandPort>(std::move(console));
}
std::unique_ptr<SerialPort> make_port(const machine::ConsoleSpec& console) {
  return std::visit(Maker(), console);
}

}  // namespace kiln::agent
