#pragma once
/// A log that comes in pieces of any size, looked through line by line with bounded memory.
/// Plain classes for one thread.
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::controller {

/// Cuts into lines. A longer one is cut at kMostLine bytes and ends in "...".
class LineCutter {
 public:
  static constexpr size_t kMostLine = 16 << 10;
  /// A line without its end, counted from 1; false = enough.
  using Line = std::function<bool(int64_t number, std::string_view line)>;

  explicit LineCutter(Line line) : line_(std::move(line)) {}
  /// False = enough.
  bool take(std::string_view bytes);
  /// After the last piece: a line without an end is one, too.
  void finish();
  [[nodiscard]] int64_t lines() const { return lines_; }
  [[nodiscard]] int64_t bytes() const { return bytes_; }

 private:
  bool put();
  Line line_;
  std::string rest_;
  bool cut_ = false;
  bool begun_ = false;
  int64_t lines_ = 0;
  int64_t bytes_ = 0;
};

/// The lines that a window of a log shows.
class LogPage {
 public:
  /// From `first` on (from 1); 0 = the last ones. At most `count` lines, and kMostBytes of them.
  LogPage(int64_t first, int count) : first_(first), count_(static_cast<size_t>(count)) {}

  /// False when all lines of the page are there.
  bool take(int64_t number, std::string_view line);
  /// Number of the first line that it has; 0 = none.
  [[nodiscard]] int64_t first_line() const { return first_line_; }
  [[nodiscard]] const std::deque<std::string>& lines() const { return lines_; }

  static constexpr size_t kMostBytes = 2 << 20;

 private:
  const int64_t first_;
  const size_t count_;
  int64_t first_line_ = 0;
  size_t bytes_ = 0;
  std::deque<std::string> lines_;
};

}  // namespace kiln::controller
