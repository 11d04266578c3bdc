#include "lib/dmesg/open_report.h"

#include <algorithm>
#include <array>

#include "lib/base/text.h"
#include "lib/dmesg/signature.h"
#include "lib/dmesg/stack.h"
#include "lib/dmesg/subsystem.h"

namespace kiln::dmesg {
namespace {

constexpr size_t kMaxTitleBytes = 240;
constexpr size_t kMaxTextBytes = 64 << 10;
constexpr size_t kMaxReportLines = 800;
constexpr size_t kMaxRanges = 400;
constexpr size_t kMaxCallers = 64;
/// Lines of other speakers in a row after which a report is over, where the log does not tell
/// speakers apart.
constexpr size_t kMaxForeign = 12;
/// Lines of its own speaker in a row that say something else.
constexpr size_t kMaxOther = 3;
/// A WARN's own message stands between `[ cut here ]` and its WARNING line.
constexpr size_t kMaxMessageLines = 8;
constexpr size_t kMaxLinesBehindEnd = 40;
/// Lines of others, and seconds of the kernel's clock, without a line of the report.
constexpr size_t kMaxSilentLines = 2000;
constexpr double kMaxSilence = 5.0;

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

OpenReport::OpenReport(const Placed& at, const RunningTest& running)
    : ranges_{{at.begin, at.end}},
      running_(running),
      time_(at.line->time),
      last_time_(at.line->time),
      first_line_(at.number),
      last_line_(at.number),
      told_line_(at.number) {
  if (at.line->caller != kNoCaller) callers_.push_back(at.line->caller);
}

OpenReport::OpenReport(const Start& start, const Placed& at, const RunningTest& running)
    : OpenReport(at, running) {
  tell(start, at);
}

void OpenReport::tell(const Start& start, const Placed& at) {
  kind_ = std::string(start.kind);
  const std::string_view text = at.line->text;
  title_ = to_valid_utf8(trim(text.substr(start.at).substr(0, kMaxTitleBytes)));
  time_ = at.line->time;
  told_line_ = at.number;
  has_oops_line_ = start.detail;
}

bool OpenReport::speaks(const Line& line) const {
  if (line.caller == kNoCaller) return callers_.empty();
  return std::find(callers_.begin(), callers_.end(), line.caller) != callers_.end();
}

bool OpenReport::joins(const Line& line) {
  if (callers_.empty() || callers_.size() >= kMaxCallers || line.caller == kNoCaller ||
      !is_one_of(kind_, {"lockup", "rcu-stall", "hung-task", "panic"}) ||
      line.text.find("NMI backtrace for cpu") == std::string::npos)
    return false;
  callers_.push_back(line.caller);
  return true;
}

bool OpenReport::is_stale(const Placed& at) const {
  if (at.number - last_line_ > kMaxSilentLines) return true;
  return at.line->time && last_time_ && *at.line->time - *last_time_ > kMaxSilence;
}

void OpenReport::extend(const Placed& at) {
  // Where nobody says who speaks, what stands in the middle is kept: nothing is lost.
  const bool joined = callers_.empty() || ranges_.back().end + 2 >= at.begin;  // \r\n
  if (joined || ranges_.size() >= kMaxRanges) {
    ranges_.back().end = std::max(ranges_.back().end, at.end);
  } else {
    ranges_.push_back({at.begin, at.end});
  }
  last_line_ = at.number;
  if (at.line->time) last_time_ = at.line->time;
  foreign_ = 0;
  ++own_lines_;
}

void OpenReport::prepend(size_t begin, size_t number) {
  ranges_.front().begin = std::min(ranges_.front().begin, begin);
  first_line_ = number;
}

Took OpenReport::take(const Placed& at) {
  const std::string& text = at.line->text;
  if (is_cut_here(text)) {
    if (kind_ == "list-corruption" && age(at) <= 3) {
      extend(at);
      return Took::kYes;
    }
    return Took::kNo;
  }
  // What another test provokes is another hang.
  if (kind_ == "gpu-hang" && text.find("[IGT] ") != std::string::npos) return Took::kNo;
  if (is_pending()) {
    extend(at);
    return own_lines_ < kMaxMessageLines ? Took::kYes : Took::kNo;
  }
  if (behind_end_ > 0) return take_behind_end(at);
  if (trim(text).empty()) return Took::kYes;
  if (is_end(kind_, text)) {
    extend(at);
    if (!is_one_of(kind_, {"oops", "bug", "list-corruption"})) return Took::kLast;
    behind_end_ = 1;
    return Took::kYes;
  }
  const bool own = !callers_.empty() && has_end_mark(kind_);
  if (own || is_body(kind_, text)) {
    extend(at);
    return own_lines_ < kMaxReportLines ? Took::kYes : Took::kLast;
  }
  return ++foreign_ > (callers_.empty() ? kMaxForeign : kMaxOther) ? Took::kLast : Took::kYes;
}

/// An x86 oops prints its registers once more behind the end mark.
Took OpenReport::take_behind_end(const Placed& at) {
  ++behind_end_;
  if (is_register_line(at.line->text)) {
    extend(at);
  } else {
    ++foreign_;
  }
  return behind_end_ > kMaxLinesBehindEnd || foreign_ > 3 ? Took::kLast : Took::kYes;
}

Took OpenReport::take_start(const Start& start, const Placed& at) {
  if (is_pending()) {
    extend(at);
    tell(start, at);
    return Took::kYes;
  }
  if (!absorbs(start, at)) return Took::kNo;
  extend(at);
  has_oops_line_ = has_oops_line_ || start.detail;
  return Took::kYes;
}

bool OpenReport::pass_single() {
  return behind_end_ == 0 && ++foreign_ <= kMaxForeign;
}

bool OpenReport::absorbs(const Start& start, const Placed& at) const {
  if (behind_end_ > 0) return false;
  if (start.detail) return !has_oops_line_ && !is_one_of(kind_, {"panic", "hung-task", "oom"});
  if (kind_ == "list-corruption") return age(at) <= 4 && start.kind != "panic";
  if (kind_ == "lockdep" && start.kind == "warning") return age(at) <= 3;
  // `kernel BUG at` right under a `BUG: ` line that says what it is.
  if (kind_ == "bug" && start.kind == "bug")
    return at.line->text.find("kernel BUG at ") != std::string::npos && age(at) <= 4;
  return kind_ == start.kind && is_one_of(kind_, {"lockdep", "rcu-stall", "panic", "gpu-hang"});
}

std::string OpenReport::text(std::string_view log) const {
  std::string whole;
  for (const Range& range : ranges_) {
    if (!whole.empty()) whole += '\n';
    whole += log.substr(range.begin, range.end - range.begin);
  }
  if (whole.size() <= kMaxTextBytes) return whole;
  const size_t half = kMaxTextBytes / 2;
  return whole.substr(0, half) + "\n[... " + std::to_string(whole.size() - 2 * half) +
         " bytes left out ...]\n" + whole.substr(whole.size() - half);
}

Report OpenReport::finish(std::string_view log) const {
  Report report;
  report.kind = kind_;
  report.title = title_;
  report.text = text(log);
  report.first_line = first_line_;
  report.last_line = last_line_;
  report.kernel_time = time_;
  report.comm = comm_of(report.text);
  const bool in_task = callers_.empty() ? report.text.find("<IRQ>") == std::string::npos
                                        : callers_.front() < kProcessor;
  const Owner owner = running_.owner(time_, report.comm, in_task);
  report.test = owner.test;
  report.late = owner.late;
  const std::vector<StackEntry> stack = own_stack(kind_, report.text);
  report.signature = make_signature(kind_, title_, stack);
  report.frames = to_frames(stack);
  report.subsystem = subsystem_of({kind_, title_, report.frames});
  return report;
}

}  // namespace kiln::dmesg
