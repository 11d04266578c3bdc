#include <re2/re2.h>

#include <algorithm>
#include <array>

#include "lib/base/text.h"
#include "lib/dmesg/line.h"
#include "lib/dmesg/report.h"
#include "lib/dmesg/running.h"
#include "lib/dmesg/start.h"

namespace kiln::dmesg {
namespace {

constexpr size_t kMaxTitleBytes = 240;
constexpr size_t kMaxTextBytes = 64 << 10;
constexpr size_t kMaxReportLines = 800;
/// Lines of other speakers in a row after which a report is over.
constexpr size_t kMaxForeign = 12;
/// A WARN's own message stands between `[ cut here ]` and its WARNING line.
constexpr size_t kMaxMessageLines = 8;
constexpr size_t kMaxLinesBehindEnd = 40;
constexpr size_t kSignatureFrames = 3;

/// Numbers, addresses and names of processes' numbers become #.
std::string without_numbers(std::string_view title) {
  static const RE2 pattern(R"(\b(0x[0-9a-fA-F]+|[0-9a-f]{8,16}|\d+(\.\d+)?)\b)");
  std::string out(title);
  RE2::GlobalReplace(&out, pattern, "#");
  return out;
}

std::string make_signature(const Report& report) {
  static constexpr std::array kByTitle = {"error", "gpu-hang", "hardware", "panic", "oom"};
  const bool by_title = std::find(kByTitle.begin(), kByTitle.end(), report.kind) != kByTitle.end();
  if (report.kind == "oom") return "oom";
  if (!by_title) {
    std::vector<std::string> frames = own_frames(report.text);
    if (frames.size() > kSignatureFrames) frames.resize(kSignatureFrames);
    if (!frames.empty()) return report.kind + ": " + join(frames, " < ");
  }
  return report.kind + ": " + without_numbers(report.title);
}

std::string make_title(std::string_view text, size_t at) {
  return to_valid_utf8(trim(text.substr(at)).substr(0, kMaxTitleBytes));
}

/// The bytes of the lines from `begin` to `end`, the middle left out when they are too many.
std::string cut_text(std::string_view log, size_t begin, size_t end) {
  const std::string_view whole = log.substr(begin, end - begin);
  if (whole.size() <= kMaxTextBytes) return std::string(whole);
  const size_t half = kMaxTextBytes / 2;
  return std::string(whole.substr(0, half)) + "\n[... " + std::to_string(whole.size() - 2 * half) +
         " bytes left out ...]\n" + std::string(whole.substr(whole.size() - half));
}

/// Walks a log line by line and collects its reports.
class Cutter {
 public:
  Cutter(std::string_view log, size_t max_reports) : log_(log), max_reports_(max_reports) {}

  std::vector<Report> run() {
    size_t begin = 0;
    while (begin < log_.size() && reports_.size() < max_reports_) {
      size_t end = log_.find('\n', begin);
      if (end == std::string_view::npos) end = log_.size();
      ++number_;
      begin_ = begin;
      end_ = end;
      take(parse_line(log_.substr(begin, end - begin)));
      begin = end + 1;
    }
    close();
    return std::move(reports_);
  }

 private:
  /// A report whose end has not been seen.
  struct Open {
    Report report;
    size_t begin = 0;  ///< bytes in the log
    size_t end = 0;
    size_t start_line = 0;  ///< number of the line that gave the title
    size_t foreign = 0;
    bool has_oops_line = false;
    size_t behind_end = 0;  ///< lines since its end mark; 0 = not ended
  };

  void take(const Line& line) {
    running_.feed(line.text, line.time);
    const auto start = find_start(line.text);
    if (open_ && (start ? take_start_inside(*start, line) : take_inside(line))) return;
    if (start) {
      begin_report(*start, line);
    } else if (is_cut_here(line.text)) {
      cut_here_ = Mark{begin_, number_};
    }
  }

  /// A report begins while another is open: true when the line is dealt with.
  bool take_start_inside(const Start& start, const Line& line) {
    if (absorbs(start)) {
      extend();
      open_->has_oops_line |= start.detail;
      return true;
    }
    if (start.single_line && open_->behind_end == 0) {
      reports_.push_back(make_report(start, line));
      finish(reports_.back(), begin_, end_);
      if (++open_->foreign > kMaxForeign) close();
      return true;
    }
    close();
    return false;
  }

  [[nodiscard]] bool absorbs(const Start& start) const {
    const std::string& kind = open_->report.kind;
    const size_t age = number_ - open_->start_line;
    if (open_->behind_end > 0) return false;
    if (start.detail)
      return !open_->has_oops_line && kind != "panic" && kind != "hung-task" && kind != "oom";
    if (kind == "list-corruption") return age <= 4 && start.kind != "panic";
    if (kind == "lockdep" && start.kind == "warning") return age <= 3;
    if (kind == "bug" && start.kind == "bug") return line_is_nested_bug();
    return kind == start.kind && (kind == "lockdep" || kind == "rcu-stall" || kind == "panic");
  }

  /// `kernel BUG at` right under a `BUG: ` line that says what it is.
  [[nodiscard]] bool line_is_nested_bug() const {
    return log_.substr(begin_, end_ - begin_).find("kernel BUG at ") != std::string_view::npos &&
           number_ - open_->start_line <= 4;
  }

  /// A line that begins nothing: true when the open report took it (or kept waiting).
  bool take_inside(const Line& line) {
    const std::string& kind = open_->report.kind;
    if (is_cut_here(line.text)) {
      if (kind == "list-corruption" && number_ - open_->start_line <= 3) {
        extend();
        return true;
      }
      close();
      return false;
    }
    if (open_->behind_end > 0) return take_behind_end(line);
    if (is_end(kind, line.text)) {
      extend();
      if (kind == "oops" || kind == "bug" || kind == "list-corruption") {
        open_->behind_end = 1;
      } else {
        close();
      }
      return true;
    }
    if (is_body(line.text)) {
      extend();
    } else if (++open_->foreign > kMaxForeign) {
      close();
      return true;
    }
    if (open_ && number_ - open_->report.first_line > kMaxReportLines) close();
    return true;
  }

  /// An x86 oops prints its registers once more behind the end mark.
  bool take_behind_end(const Line& line) {
    if (is_register_line(line.text)) {
      extend();
      ++open_->behind_end;
    } else {
      ++open_->foreign;
      ++open_->behind_end;
    }
    if (open_->behind_end > kMaxLinesBehindEnd || open_->foreign > 3) close();
    return true;
  }

  Report make_report(const Start& start, const Line& line) {
    Report report;
    report.kind = std::string(start.kind);
    report.title = make_title(line.text, start.at);
    report.first_line = number_;
    report.last_line = number_;
    report.kernel_time = line.time;
    report.test = running_.at(line.time);
    report.after_test = !report.test.empty() && running_.exited();
    return report;
  }

  void begin_report(const Start& start, const Line& line) {
    Report report = make_report(start, line);
    size_t begin = begin_;
    if (cut_here_ && number_ - cut_here_->line <= kMaxMessageLines && !start.single_line) {
      begin = cut_here_->begin;
      report.first_line = cut_here_->line;
    }
    if (!start.single_line) cut_here_.reset();
    if (start.single_line) {
      finish(report, begin, end_);
      reports_.push_back(std::move(report));
      return;
    }
    open_ = Open{std::move(report), begin, end_, number_, 0, start.detail, 0};
  }

  void extend() {
    open_->end = end_;
    open_->report.last_line = number_;
    open_->foreign = 0;
  }

  void finish(Report& report, size_t begin, size_t end) const {
    report.text = cut_text(log_, begin, end);
    report.signature = make_signature(report);
  }

  void close() {
    if (!open_) return;
    finish(open_->report, open_->begin, open_->end);
    reports_.push_back(std::move(open_->report));
    open_.reset();
  }

  struct Mark {
    size_t begin = 0;
    size_t line = 0;
  };

  std::string_view log_;
  size_t max_reports_;
  std::vector<Report> reports_;
  std::optional<Open> open_;
  std::optional<Mark> cut_here_;
  RunningTest running_;
  size_t number_ = 0;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace

std::vector<Report> cut_reports(std::string_view log, size_t max_reports) {
  std::vector<Report> reports = Cutter(log, max_reports).run();
  if (reports.size() > max_reports) reports.resize(max_reports);
  std::stable_sort(reports.begin(), reports.end(),
                   [](const Report& a, const Report& b) { return a.first_line < b.first_line; });
  return reports;
}

Severity severity(const Report& report) {
  if (report.kind == "panic") return Severity::kDead;
  if (report.kind == "rcu-stall" || report.kind == "hung-task") return Severity::kMayRecover;
  if (report.kind == "lockup")
    return report.title.find("hard LOCKUP") != std::string::npos ? Severity::kNeedsReboot
                                                                 : Severity::kMayRecover;
  static constexpr std::array kBroken = {"oops", "kasan", "kfence", "list-corruption", "hardware"};
  if (std::find(kBroken.begin(), kBroken.end(), report.kind) != kBroken.end())
    return Severity::kNeedsReboot;
  if (report.kind == "bug") {
    // A sleep in the wrong place is a defect that the kernel survives; other BUGs end a task that
    // may hold locks, or found memory damaged.
    const bool survives = report.title.find("sleeping function") != std::string::npos ||
                          report.title.find("using smp_processor_id") != std::string::npos;
    return survives ? Severity::kMarksTest : Severity::kNeedsReboot;
  }
  return Severity::kMarksTest;
}

bool taint_is_fatal(unsigned long long taint) {
  constexpr unsigned long long kFatal = 1U << 4 | 1U << 5 | 1U << 7 | 1U << 9;
  return (taint & kFatal) != 0;
}

}  // namespace kiln::dmesg
