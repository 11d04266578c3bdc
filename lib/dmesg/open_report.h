#pragma once
/// A report whose end has not been seen: its lines so far and which may follow. Internal.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/dmesg/line.h"
#include "lib/dmesg/report.h"
#include "lib/dmesg/running.h"
#include "lib/dmesg/start.h"

namespace kiln::dmesg {

/// A line and where its bytes lie in the log.
struct Placed {
  const Line* line = nullptr;
  size_t begin = 0;
  size_t end = 0;
  size_t number = 0;  ///< of the raw line, from 1
};

/// What became of a line that was offered to an open report.
enum class Took {
  kYes,   ///< it belongs to the report, or is somebody else's line in its middle
  kLast,  ///< it belongs, and the report is over
  kNo,    ///< the report is over; the line is none of it
};

class OpenReport {
 public:
  /// At `[ cut here ]`, whose report is told by one of the next lines.
  OpenReport(const Placed& at, const RunningTest& running);
  /// At the line that tells.
  OpenReport(const Start& start, const Placed& at, const RunningTest& running);

  /// Whether the line's speaker is this report's.
  [[nodiscard]] bool speaks(const Line& line) const;
  /// A backtrace that another processor prints for this report.
  bool joins(const Line& line);
  /// Whether the report is over because nothing came of it for long.
  [[nodiscard]] bool is_stale(const Placed& at) const;

  /// A line that begins nothing.
  Took take(const Placed& at);
  /// A line that would begin a report by itself; kNo: it does, and this report is over.
  Took take_start(const Start& start, const Placed& at);
  /// A whole report of one line was printed in the middle; false when this one is over by that.
  bool pass_single();

  /// A rule above the title, found by looking back.
  void prepend(size_t begin, size_t number);

  /// Only a `[ cut here ]` that nothing followed.
  [[nodiscard]] bool is_pending() const { return kind_.empty(); }
  [[nodiscard]] const std::string& kind() const { return kind_; }
  [[nodiscard]] const std::string& title() const { return title_; }
  [[nodiscard]] size_t begin() const { return ranges_.front().begin; }
  [[nodiscard]] size_t end() const { return ranges_.back().end; }
  /// The whole report.
  [[nodiscard]] Report finish(std::string_view log) const;

 private:
  struct Range {
    size_t begin = 0;
    size_t end = 0;
  };

  void tell(const Start& start, const Placed& at);
  void extend(const Placed& at);
  Took take_behind_end(const Placed& at);
  [[nodiscard]] bool absorbs(const Start& start, const Placed& at) const;
  [[nodiscard]] size_t age(const Placed& at) const { return at.number - told_line_; }
  [[nodiscard]] std::string text(std::string_view log) const;

  std::string kind_;
  std::string title_;
  std::vector<Range> ranges_;
  std::vector<Caller> callers_;  ///< empty: the log does not say who speaks
  RunningTest running_;          ///< as it was when the report began
  std::optional<double> time_;
  std::optional<double> last_time_;
  size_t first_line_ = 0;
  size_t last_line_ = 0;
  size_t told_line_ = 0;  ///< number of the line that gave the title
  size_t own_lines_ = 0;
  size_t foreign_ = 0;  ///< lines of other speakers since the last own one
  bool has_oops_line_ = false;
  size_t behind_end_ = 0;  ///< lines since its end mark; 0 = not ended
};

}  // namespace kiln::dmesg
