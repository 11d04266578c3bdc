/// kiln boot, console, ssh: a machine for who holds it.
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <thread>

#include "cli/calls.h"
#include "cli/embedded.h"
#include "cli/terminal.h"
#include "cli/tunnel.h"
#include "lib/base/text.h"
#include "lib/os/files.h"
#include "lib/os/host.h"
#include "lib/os/process.h"

extern char** environ;

namespace kiln::cli {
namespace {

constexpr auto kDeadline = std::chrono::seconds(30);
constexpr auto kBootLimit = std::chrono::minutes(30);  // of a first root image, too
constexpr auto kLook = std::chrono::milliseconds(300);
constexpr char kLeave = 0x1d;  // Ctrl-], as telnet and virsh have it

// What the machine does to the terminal is undone when it is left.
class RawTerminal {
 public:
  RawTerminal() : is_raw_(::isatty(STDIN_FILENO) == 1 && ::tcgetattr(STDIN_FILENO, &before_) == 0) {
    if (!is_raw_) return;
    termios raw = before_;
    ::cfmakeraw(&raw);
    ::tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
  }
  ~RawTerminal() {
    if (is_raw_) ::tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;
  [[nodiscard]] bool is_raw() const { return is_raw_; }

 private:
  termios before_{};
  bool is_raw_;
};

Result<v1::Visit> visit_now(EmbeddedLab& lab, const std::string& machine) {
  KILN_ASSIGN(
      const auto reply,
      ask<v1::ListMachinesReply>(lab.machines(), &v1::Machines::Stub::ListMachines,
                                 v1::ListMachinesRequest(), "asking for the machines", kDeadline));
  for (const v1::Machine& each : reply.machines())
    if (each.name() == machine && each.has_visit()) return each.visit();
  return fail(ErrorKind::kConflict, machine + " is no longer held");
}

/// Until it is up, down or has ended.
Result<v1::Visit> wait_booted(EmbeddedLab& lab, const std::string& machine, v1::Visit visit) {
  const int64_t number = visit.number();
  const auto deadline = std::chrono::steady_clock::now() + kBootLimit;
  std::string told;
  while (visit.state() != "up" && visit.state() != "down" && visit.state() != "ended") {
    std::string now = visit.state() + (visit.why().empty() ? "" : ": " + visit.why());
    if (now != told) std::cerr << machine << " " << now << "\n";
    told = std::move(now);
    if (std::chrono::steady_clock::now() > deadline)
      return fail(ErrorKind::kTimeout, machine + " is still not up");
    std::this_thread::sleep_for(kLook);
    KILN_ASSIGN(visit, visit_now(lab, machine));
    if (visit.number() != number)
      return fail(ErrorKind::kConflict, "another kernel was booted on it meanwhile");
  }
  return visit;
}

Result<int> boot_checked(const Options& options) {
  const std::string& machine = options.lab.machine;
  KILN_ASSIGN(const int64_t run_id, parse_run_id(options.run_id));
  KILN_ASSIGN(const auto lab, EmbeddedLab::start(options, HostMode::kLab));
  v1::BootMachineRequest request;
  request.set_machine(machine);
  request.set_run_id(run_id);
  request.set_cell(options.lab.cell);
  KILN_ASSIGN(auto reply,
              ask<v1::BootMachineReply>(lab->machines(), &v1::Machines::Stub::BootMachine, request,
                                        "booting " + machine, kDeadline));
  std::cerr << fmt::format("{} boots the kernel of {}\n", machine, reply.visit().kernel());
  if (options.lab.wait) {
    KILN_ASSIGN(*reply.mutable_visit(), wait_booted(*lab, machine, reply.visit()));
  }
  const v1::Visit& visit = reply.visit();
  const bool failed = visit.state() == "down" || visit.state() == "ended";
  std::string words = fmt::format("{} is {}", machine, visit.state());
  if (!visit.why().empty()) words += ": " + to_valid_utf8(visit.why());
  words +=
      failed ? fmt::format("\nnext: kiln console {0} | kiln release {0}\n", machine)
             : fmt::format("\nnext: kiln ssh {0} | kiln console {0} | kiln release {0}\n", machine);
  return print_reply(options, reply, words, failed ? kNoVerdict : kOk);
}

Result<int> console_checked(const Options& options) {
  const std::string& machine = options.lab.machine;
  KILN_ASSIGN(const auto lab, EmbeddedLab::start(options, HostMode::kLab));
  v1::OpenConsoleRequest request;
  request.set_machine(machine);
  std::optional<RawTerminal> raw;
  TunnelHooks hooks;
  hooks.ends_with_input = false;
  hooks.opened = [&](const std::string&) -> Status {
    const bool typing = ::isatty(STDIN_FILENO) == 1;
    std::cerr << fmt::format("[console of {}; {} leaves it]\n", machine,
                             typing ? "Ctrl-]" : "Ctrl-C");
    raw.emplace();
    return {};
  };
  hooks.typed = [](std::string* bytes) { return bytes->find(kLeave) == std::string::npos; };
  hooks.refused = [&](const Error& why) {
    std::cerr << fmt::format("\r\n[not sent: {}; you go on reading]\r\n", why.message);
  };
  const auto ended = carry(
      lab->machines(),
      [&](grpc::ClientContext* context) { return lab->machines().OpenConsole(context, request); },
      hooks);
  raw.reset();
  std::cerr << "\n[left]\n";
  return ended;
}

Result<std::string> read_key(const os::Path& file) {
  KILN_ASSIGN(const std::string key, os::read_file(file, 64 << 10));
  return std::string(trim(key));
}

/// As ssh's ProxyCommand: its host key is known before the first byte of it comes.
Result<int> tunnel_checked(const Options& options) {
  KILN_ASSIGN(const auto lab, EmbeddedLab::start(options, HostMode::kLab));
  v1::OpenSshRequest request;
  request.set_machine(options.lab.machine);
  KILN_ASSIGN(*request.mutable_ssh_key(), read_key(options.lab.key));
  TunnelHooks hooks;
  hooks.opened = [&](const std::string& host_key) -> Status {
    if (options.lab.known_hosts.empty()) return {};
    return os::write_atomic(options.lab.known_hosts, options.lab.machine + " " + host_key + "\n");
  };
  return carry(
      lab->machines(),
      [&](grpc::ClientContext* context) { return lab->machines().OpenSsh(context, request); },
      hooks);
}

std::string quoted(const std::string& word) {
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

/// With this terminal; its exit code, 255 when it was killed.
Result<int> run_here(std::vector<std::string> argv) {
  std::vector<char*> pointers;
  pointers.reserve(argv.size() + 1);
  for (std::string& each : argv) pointers.push_back(each.data());
  pointers.push_back(nullptr);
  pid_t pid = 0;
  if (const int rc = ::posix_spawnp(&pid, pointers[0], nullptr, nullptr, pointers.data(), environ);
      rc != 0)
    return fail(Error(ErrorKind::kNotFound, "ssh could not be started")
                    .with_hint("apt install openssh-client"));
  const auto before = std::signal(SIGINT, SIG_IGN);  // it is for ssh
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  std::signal(SIGINT, before);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

/// A key for this one connection: nothing of the person's goes on a machine that others get next.
Result<int> ssh_checked(const Options& options) {
  const std::string& machine = options.lab.machine;
  KILN_ASSIGN(const os::TempFolder folder,
              os::TempFolder::make(std::filesystem::temp_directory_path(), "kiln-ssh"));
  const os::Path key = folder.path() / "key";
  const os::Path hosts = folder.path() / "known_hosts";
  os::Command keygen;
  keygen.argv = {"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "kiln", "-f", key.string()};
  KILN_TRY(os::run_ok(keygen));
  std::string proxy = quoted(os::own_program());
  if (!options.lab.lab.empty()) proxy += " --lab " + quoted(options.lab.lab);
  if (!options.data_dir.empty()) proxy += " --data-dir " + quoted(options.data_dir);
  proxy += fmt::format(" tunnel {} --key {}.pub --known-hosts {}", quoted(machine),
                       quoted(key.string()), quoted(hosts.string()));
  // `%` begins one of ssh's own tokens there.
  for (size_t at = 0; (at = proxy.find('%', at)) != std::string::npos; at += 2)
    proxy.insert(at, 1, '%');
  std::vector<std::string> argv{"ssh"};
  for (const std::string& option :
       {"ProxyCommand=" + proxy, "UserKnownHostsFile=" + hosts.string(),
        std::string("GlobalKnownHostsFile=/dev/null"), "HostKeyAlias=" + machine,
        std::string("StrictHostKeyChecking=yes"), std::string("IdentitiesOnly=yes"),
        std::string("LogLevel=ERROR")}) {
    argv.emplace_back("-o");
    argv.push_back(option);
  }
  argv.insert(argv.end(), {"-i", key.string(), "root@" + machine});
  argv.insert(argv.end(), options.lab.arguments.begin(), options.lab.arguments.end());
  return run_here(std::move(argv));
}

}  // namespace

int boot_command(const Options& options) {
  return finish(options, boot_checked(options));
}
int console_command(const Options& options) {
  return finish(options, console_checked(options));
}
int tunnel_command(const Options& options) {
  return finish(options, tunnel_checked(options));
}
int ssh_command(const Options& options) {
  return finish(options, ssh_checked(options));
}

}  // namespace kiln::cli
