#pragma once
/// QEMU's control channel (QMP): commands and events as JSON lines.
#include <deque>
#include <string>
#include <string_view>

#include "lib/base/clock.h"
#include "lib/base/result.h"

namespace kiln::agent {

struct QmpEvent {
  std::string name;    ///< "SHUTDOWN"
  std::string reason;  ///< data.reason: "guest-reset", "guest-panic", ...
};

/// Owns a connected descriptor. Not thread-safe.
class Qmp {
 public:
  /// Takes the greeting and leaves negotiation mode.
  static Result<Qmp> open(int fd, Millis timeout);
  Qmp(Qmp&& other) noexcept;
  Qmp& operator=(Qmp&&) = delete;
  ~Qmp();
  /// Runs a command without arguments ("quit", "system_reset").
  Status command(std::string_view name, Millis timeout);
  /// Events that came since the last call; never waits.
  std::deque<QmpEvent> events();

 private:
  explicit Qmp(int fd) : fd_(fd) {}
  Status read_some(Millis timeout);
  /// The next line that is no event; events are put aside.
  Result<std::string> next_reply(std::chrono::steady_clock::time_point deadline);
  void take_lines();
  int fd_;
  bool closed_ = false;
  std::string buffer_;
  std::deque<std::string> replies_;
  std::deque<QmpEvent> events_;
};

}  // namespace kiln::agent
