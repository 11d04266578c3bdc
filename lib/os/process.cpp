#include "lib/os/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "lib/base/text.h"
#include "lib/os/children.h"

extern char** environ;

namespace kiln::os {
namespace {

constexpr Millis kKillGrace{5'000};
constexpr size_t kMaxLine = 64 << 10;

class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~Fd() { reset(); }
  void reset(int fd = -1) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }
  [[nodiscard]] int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

// glibc 2.36's sys/pidfd.h has no C++ guards, hence the raw call.
int open_pidfd(pid_t pid) {
  return static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
}

/// argv or envp for posix_spawn; the strings live in the object.
class CStrings {
 public:
  explicit CStrings(std::vector<std::string> strings) : strings_(std::move(strings)) {
    for (std::string& s : strings_) pointers_.push_back(s.data());
    pointers_.push_back(nullptr);
  }
  char** data() { return pointers_.data(); }

 private:
  std::vector<std::string> strings_;
  std::vector<char*> pointers_;
};

std::vector<std::string> environment(const Command& command) {
  std::map<std::string, std::string> all;
  if (!command.clear_env) {
    for (char** e = environ; e != nullptr && *e != nullptr; ++e) {
      const std::string_view entry(*e);
      const size_t eq = entry.find('=');
      if (eq != std::string_view::npos)
        all[std::string(entry.substr(0, eq))] = entry.substr(eq + 1);
    }
  }
  for (const auto& [name, value] : command.env) all[name] = value;
  std::vector<std::string> out;
  out.reserve(all.size());
  for (const auto& [name, value] : all) out.push_back(name + "=" + value);
  return out;
}

/// Leaders of groups that run, for a signal handler: no locks, no memory. 0 = free.
std::array<std::atomic<pid_t>, 4096> g_children{};
static_assert(std::atomic<pid_t>::is_always_lock_free);

void remember(pid_t pid) {
  for (auto& place : g_children) {
    pid_t free = 0;
    if (place.compare_exchange_strong(free, pid)) return;
  }
}

struct SpawnFds {
  int in = -1;
  int out = -1;
  int err = -1;
};

Result<pid_t> spawn(const Command& command, SpawnFds fds) {
  if (command.argv.empty()) return fail(ErrorKind::kInternal, "empty command");
  const std::string program = command.argv[0].find('/') != std::string::npos
                                  ? command.argv[0]
                                  : find_program(command.argv[0]);
  if (program.empty() || ::access(program.c_str(), X_OK) != 0) {
    return fail(
        Error(ErrorKind::kNotFound, fmt::format("program `{}` is not installed", command.argv[0]))
            .with_hint("run `kiln doctor` to see what is missing"));
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (fds.in >= 0) {
    posix_spawn_file_actions_adddup2(&actions, fds.in, 0);
  } else {
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  }
  posix_spawn_file_actions_adddup2(&actions, fds.out, 1);
  posix_spawn_file_actions_adddup2(&actions, fds.err, 2);
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  if (!command.cwd.empty()) posix_spawn_file_actions_addchdir_np(&actions, command.cwd.c_str());
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  sigset_t defaults;
  sigemptyset(&defaults);
  for (const int s : {SIGPIPE, SIGINT, SIGTERM, SIGCHLD, SIGHUP}) sigaddset(&defaults, s);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  CStrings argv(command.argv);
  CStrings envp(environment(command));
  pid_t pid = -1;
  const int rc =
      posix_spawn(&pid, program.c_str(), &actions, &attributes, argv.data(), envp.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (rc != 0) {
    const ErrorKind kind = rc == ENOENT ? ErrorKind::kNotFound : ErrorKind::kInfrastructure;
    return fail(kind, fmt::format("cannot start `{}`{}: {}", program,
                                  command.cwd.empty() ? "" : " in " + command.cwd, strerror(rc)));
  }
  remember(pid);
  return pid;
}

Result<Fd> open_output(const std::string& path) {
  const char* target = path.empty() ? "/dev/null" : path.c_str();
  Fd fd(::open(target, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!fd) {
    return fail(errno == ENOSPC ? ErrorKind::kNoSpace : ErrorKind::kInfrastructure,
                fmt::format("cannot write {}: {}", path, strerror(errno)));
  }
  return fd;
}

Result<std::pair<Fd, Fd>> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return fail(ErrorKind::kInfrastructure, fmt::format("cannot make a pipe: {}", strerror(errno)));
  }
  return std::pair<Fd, Fd>(Fd(ends[0]), Fd(ends[1]));
}

/// One captured stream: bounded text and line splitting.
class Capture {
 public:
  Capture(Fd fd, size_t limit) : fd_(std::move(fd)), limit_(limit) {
    if (fd_) ::fcntl(fd_.get(), F_SETFL, O_NONBLOCK);
  }
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] bool open() const { return static_cast<bool>(fd_); }
  /// Reads what is there; closes at the end.
  void drain(const std::function<void(std::string_view)>& on_line) {
    std::array<char, 65536> buffer{};
    while (fd_) {
      const ssize_t n = ::read(fd_.get(), buffer.data(), buffer.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EAGAIN) return;
      if (n <= 0) {
        fd_.reset();
        flush(on_line);
        return;
      }
      take(std::string_view(buffer.data(), static_cast<size_t>(n)), on_line);
    }
  }
  std::string text;
  bool truncated = false;

 private:
  void take(std::string_view data, const std::function<void(std::string_view)>& on_line) {
    const size_t room = limit_ > text.size() ? limit_ - text.size() : 0;
    text.append(data.substr(0, room));
    truncated = truncated || data.size() > room;
    if (!on_line) return;
    for (const char c : data) {
      if (c == '\n' || line_.size() >= kMaxLine) {
        flush(on_line);
        if (c == '\n') continue;
      }
      line_ += c;
    }
  }
  void flush(const std::function<void(std::string_view)>& on_line) {
    if (on_line && !line_.empty()) on_line(line_);
    line_.clear();
  }
  Fd fd_;
  size_t limit_;
  std::string line_;
};

void decode_status(int status, Exit& exit) {
  if (WIFEXITED(status)) exit.code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) exit.signal = WTERMSIG(status);
}

/// `status` as of waitpid(). Forgotten first: its number is another program's as soon as it is
/// reaped.
bool reap(pid_t pid, int* status) {
  for (auto& place : g_children) {
    pid_t same = pid;
    if (place.compare_exchange_strong(same, 0)) break;
  }
  pid_t ended = 0;
  while ((ended = ::waitpid(pid, status, 0)) < 0 && errno == EINTR) {
  }
  return ended == pid;
}

/// Kills the whole group and reaps its leader.
void end_group(pid_t pid, int pidfd, Millis grace, Exit& exit) {
  ::kill(-pid, SIGTERM);
  pollfd wait_for{pidfd, POLLIN, 0};
  while (::poll(&wait_for, 1, static_cast<int>(grace.count())) < 0 && errno == EINTR) {
  }
  ::kill(-pid, SIGKILL);
  int status = 0;
  (void)reap(pid, &status);
  decode_status(status, exit);
}

}  // namespace

void kill_children() {
  for (const auto& place : g_children)
    if (const pid_t pid = place.load(); pid > 0) ::kill(-pid, SIGKILL);
}

std::string find_program(std::string_view name) {
  const char* path = ::getenv("PATH");
  std::string all = path != nullptr ? path : "";
  all += ":/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin";
  for (const std::string& dir : split(all, ':')) {
    if (dir.empty()) continue;
    std::string candidate = dir + "/" + std::string(name);
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return {};
}

Result<Exit> run(const Command& command, std::stop_token stop) {
  const auto started = std::chrono::steady_clock::now();
  Fd out_write;
  Fd err_write;
  Fd out_read;
  Fd err_read;
  if (!command.output_file.empty()) {
    KILN_ASSIGN(out_write, open_output(command.output_file));
  } else {
    KILN_ASSIGN(auto out_pipe, make_pipe());
    KILN_ASSIGN(auto err_pipe, make_pipe());
    out_read = std::move(out_pipe.first);
    out_write = std::move(out_pipe.second);
    err_read = std::move(err_pipe.first);
    err_write = std::move(err_pipe.second);
  }
  Fd in_read;
  Fd in_write;
  if (!command.stdin_text.empty()) {
    KILN_ASSIGN(auto in_pipe, make_pipe());
    in_read = std::move(in_pipe.first);
    in_write = std::move(in_pipe.second);
    ::fcntl(in_write.get(), F_SETFL, O_NONBLOCK);
  }
  const SpawnFds fds{in_read.get(), out_write.get(), err_write ? err_write.get() : out_write.get()};
  KILN_ASSIGN(const pid_t pid, spawn(command, fds));
  const Fd pidfd(open_pidfd(pid));
  out_write.reset();
  err_write.reset();
  in_read.reset();
  KILN_ASSIGN(auto wake, make_pipe());
  const std::stop_callback on_stop(stop, [&wake] {
    const char byte = 1;
    (void)!::write(wake.second.get(), &byte, 1);
  });

  Capture out(std::move(out_read), command.max_capture);
  Capture err(std::move(err_read), command.max_capture);
  size_t sent = 0;
  Exit exit;
  bool ended = false;
  const auto deadline = started + command.timeout;
  while (!ended) {
    const auto now = std::chrono::steady_clock::now();
    if (stop.stop_requested() || now >= deadline) {
      exit.timed_out = !stop.stop_requested();
      end_group(pid, pidfd.get(), exit.timed_out ? kKillGrace : Millis(2000), exit);
      break;
    }
    std::array<pollfd, 5> waits{{{pidfd.get(), POLLIN, 0},
                                 {wake.first.get(), POLLIN, 0},
                                 {out.open() ? out.fd() : -1, POLLIN, 0},
                                 {err.open() ? err.fd() : -1, POLLIN, 0},
                                 {in_write ? in_write.get() : -1, POLLOUT, 0}}};
    const auto left = std::chrono::ceil<Millis>(deadline - now).count();
    if (::poll(waits.data(), waits.size(), static_cast<int>(std::min<long long>(left, 60'000))) < 0)
      continue;
    out.drain(command.on_line);
    err.drain(command.on_line);
    if (in_write && (waits[4].revents & (POLLOUT | POLLERR | POLLHUP)) != 0) {
      const ssize_t n = ::write(in_write.get(), command.stdin_text.data() + sent,
                                command.stdin_text.size() - sent);
      if (n > 0) sent += static_cast<size_t>(n);
      if ((n < 0 && errno != EAGAIN && errno != EINTR) || sent == command.stdin_text.size())
        in_write.reset();
    }
    if ((waits[0].revents & POLLIN) != 0) {
      int status = 0;
      ended = reap(pid, &status);
      decode_status(status, exit);
    }
  }
  // Take what the pipes still hold; a grandchild that keeps them open is not waited for.
  out.drain(command.on_line);
  err.drain(command.on_line);
  exit.out = std::move(out.text);
  exit.err = std::move(err.text);
  exit.truncated = out.truncated || err.truncated;
  exit.elapsed = std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - started);
  if (stop.stop_requested() && !ended)
    return fail(ErrorKind::kCancelled, fmt::format("`{}` was stopped", command.argv[0]));
  return exit;
}

Result<std::string> run_ok(const Command& command, std::stop_token stop) {
  KILN_ASSIGN(Exit exit, run(command, stop));
  if (exit.ok()) return std::move(exit.out);
  std::vector<std::string> lines = split_lines(exit.err.empty() ? exit.out : exit.err);
  if (lines.size() > 6) lines.erase(lines.begin(), lines.end() - 6);
  const std::string how =
      exit.timed_out     ? fmt::format("did not end within {}", human_duration(command.timeout))
      : exit.signal != 0 ? fmt::format("was killed by signal {}", exit.signal)
                         : fmt::format("failed with exit code {}", exit.code);
  std::string what = shell_join(command.argv);
  if (what.size() > 300) what = what.substr(0, 297) + "...";
  const bool full = exit.err.find("No space left on device") != std::string::npos;
  Error error(full             ? ErrorKind::kNoSpace
              : exit.timed_out ? ErrorKind::kTimeout
                               : ErrorKind::kInfrastructure,
              fmt::format("`{}` {}", what, how));
  for (const std::string& line : lines) error.context.push_back("| " + to_valid_utf8(line));
  return fail(std::move(error));
}

Result<Child> Child::start(const Command& command) {
  KILN_ASSIGN(const Fd out, open_output(command.output_file));
  KILN_ASSIGN(const pid_t pid, spawn(command, SpawnFds{-1, out.get(), out.get()}));
  Child child;
  child.pid_ = pid;
  child.pidfd_ = open_pidfd(pid);
  return child;
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::exchange(other.pidfd_, -1)),
      exit_(std::exchange(other.exit_, std::nullopt)) {}

Child& Child::operator=(Child&& other) noexcept {
  if (this != &other) {
    stop(Millis(2000));
    if (pidfd_ >= 0) ::close(pidfd_);
    pid_ = std::exchange(other.pid_, -1);
    pidfd_ = std::exchange(other.pidfd_, -1);
    exit_ = std::exchange(other.exit_, std::nullopt);
  }
  return *this;
}

Child::~Child() {
  stop(Millis(2000));
  if (pidfd_ >= 0) ::close(pidfd_);
}

std::optional<Exit> Child::wait(Millis timeout) {
  if (exit_ || pid_ < 0) return exit_;
  pollfd wait_for{pidfd_, POLLIN, 0};
  if (::poll(&wait_for, 1, static_cast<int>(timeout.count())) <= 0) return std::nullopt;
  int status = 0;
  if (!reap(pid_, &status)) return std::nullopt;
  Exit exit;
  decode_status(status, exit);
  exit_ = exit;
  return exit_;
}

void Child::signal(int number) {
  if (pid_ > 0 && !exit_) ::kill(-pid_, number);
}

void Child::stop(Millis grace) {
  if (pid_ < 0 || exit_) return;
  Exit exit;
  end_group(pid_, pidfd_, grace, exit);
  exit_ = exit;
}

}  // namespace kiln::os
