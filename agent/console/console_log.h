#pragma once
/// What a serial line said, with the host's times: kept raw on disk, by lines in memory.
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/base/sync.h"
#include "lib/os/files.h"

namespace kiln::agent {

struct ConsoleLine {
  int64_t number = 0;  ///< from 1
  WallTime time{};     ///< of its first byte
  std::string text{};  ///< raw bytes without the line end
};

struct ConsoleLimits {
  uint64_t max_file_bytes = 64ULL << 20;  ///< later bytes are counted, not stored
  size_t max_line = 8 << 10;              ///< a longer line is cut into several
  size_t max_lines_kept = 20'000;         ///< in memory; older ones are forgotten
};

/// Collects one session's console over all its boots. Safe for concurrent use: a driver's thread
/// appends while the session's thread waits for lines.
///
/// On disk, beside the raw bytes, stands FILE.index: one line for each console line, "NUMBER OFFSET
/// TIME", and "# TIME text" for each mark().
class ConsoleLog {
 public:
  /// `observer` gets each finished line on the appending thread, in order, without a lock held.
  static Result<std::unique_ptr<ConsoleLog>> create(
      const Clock& clock, const os::Path& file, ConsoleLimits limits = {},
      std::function<void(const ConsoleLine&)> observer = {});
  ~ConsoleLog();
  ConsoleLog(const ConsoleLog&) = delete;
  ConsoleLog& operator=(const ConsoleLog&) = delete;

  void append(std::string_view bytes);
  /// Ends an unfinished line (the machine went off) and notes the event in the index.
  void mark(std::string_view what);
  /// Number of the last finished line.
  [[nodiscard]] int64_t last() const;
  /// Finished lines after `number`, oldest first, at most `max`.
  [[nodiscard]] std::vector<ConsoleLine> after(int64_t number, size_t max) const;
  /// The unfinished line: a hung machine often stops in the middle.
  [[nodiscard]] std::string unfinished() const;
  /// When the last byte came; the creation before that.
  [[nodiscard]] std::chrono::steady_clock::time_point last_activity() const;
  [[nodiscard]] uint64_t dropped_bytes() const;
  /// The first line after `number` that `matches`, or nullopt at the deadline, on stop, or when
  /// `give_up`, asked every 100 ms, says so.
  std::optional<ConsoleLine> wait(int64_t number,
                                  const std::function<bool(const ConsoleLine&)>& matches,
                                  Millis timeout, const std::function<bool()>& give_up,
                                  std::stop_token stop);
  [[nodiscard]] const os::Path& file() const { return file_; }

 private:
  struct State {
    std::deque<ConsoleLine> lines;
    int64_t last = 0;
    std::string open_line;
    WallTime open_time;
    uint64_t open_offset = 0;
    uint64_t written = 0;
    uint64_t dropped = 0;
    std::chrono::steady_clock::time_point active;
  };
  ConsoleLog(const Clock& clock, os::Path file, ConsoleLimits limits,
             std::function<void(const ConsoleLine&)> observer, int fd, int index_fd);
  void finish_line(State& state, std::vector<ConsoleLine>& finished, std::string& index);

  // Constant after construction.
  const Clock& clock_;
  os::Path file_;
  ConsoleLimits limits_;
  std::function<void(const ConsoleLine&)> observer_{};
  int fd_;
  int index_fd_;
  mutable Sync<State> state_;
};

}  // namespace kiln::agent
