#pragma once
/// Child processes by posix_spawn, each in a process group of its own, with a deadline.
/// Thread-safety: a Child is used by one thread at a time; different Childs are independent.
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"

namespace kiln::os {

struct Command {
  std::vector<std::string> argv;  ///< argv[0] is looked up in PATH
  std::string cwd;                ///< "" = inherit
  /// Added to (or replacing in) the inherited environment; with clear_env they are all of it.
  std::map<std::string, std::string> env;
  bool clear_env = false;
  std::string stdin_text;   ///< "" = /dev/null
  std::string output_file;  ///< when set, stdout and stderr are appended there, not captured
  size_t max_capture =
      4 << 20;             ///< bytes kept of each stream (the tail beyond is dropped, flagged)
  Millis timeout{60'000};  ///< SIGTERM to the group at this age, SIGKILL 5 s later
  /// Called with each complete line of stdout+stderr, on the calling thread.
  std::function<void(std::string_view)> on_line;
};

struct Exit {
  int code = -1;   ///< exit status, or -1 when ended by a signal
  int signal = 0;  ///< the signal, or 0
  bool timed_out = false;
  bool truncated = false;  ///< a captured stream was longer than max_capture
  std::string out;
  std::string err;
  Millis elapsed{0};
  [[nodiscard]] bool ok() const { return code == 0 && !timed_out; }
};

/// Runs to the end. An exit code other than 0 is not an Error: look at Exit. Errors: the program
/// is not there (kNotFound), stop requested (kCancelled; the group has been ended).
Result<Exit> run(const Command& command, std::stop_token stop = {});

/// run(), and an exit other than 0 or a timeout becomes an Error that quotes argv and the last
/// lines.
Result<std::string> run_ok(const Command& command, std::stop_token stop = {});

/// A long-lived child. Its destructor ends the group (TERM, 2 s, KILL) and reaps it.
class Child {
 public:
  /// stdin is /dev/null; stdout and stderr go to command.output_file (or /dev/null).
  static Result<Child> start(const Command& command);
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();
  [[nodiscard]] int pid() const { return pid_; }
  /// The end, if it came within `timeout`; nullopt while it runs.
  std::optional<Exit> wait(Millis timeout);
  void signal(int number);  ///< to the whole group
  void stop(Millis grace);  ///< TERM, wait up to grace, KILL, reap

 private:
  Child() = default;
  int pid_ = -1;
  int pidfd_ = -1;
  std::optional<Exit> exit_;
};

/// Path of a program in PATH (also in /usr/sbin and /sbin), or "".
std::string find_program(std::string_view name);

}  // namespace kiln::os
