#include <algorithm>
#include <array>
#include <optional>
#include <unordered_map>

#include "lib/base/text.h"
#include "lib/dmesg/line.h"
#include "lib/dmesg/open_report.h"
#include "lib/dmesg/report.h"
#include "lib/dmesg/running.h"
#include "lib/dmesg/signature.h"
#include "lib/dmesg/start.h"
#include "lib/dmesg/subsystem.h"

namespace kiln::dmesg {
namespace {

/// Reports that may be open at once, one a speaker.
constexpr size_t kMaxOpen = 8;
/// A line's words before its telling one are looked for so far back.
constexpr size_t kMaxFront = 512;
/// After so many whole reports with one title within one test, further ones are only counted.
constexpr int kMaxWhole = 100;
constexpr size_t kMaxTitles = 4096;
constexpr size_t kMaxTitleBytes = 240;
/// A rule above a title is looked for so many lines up, and is no longer than this.
constexpr int kMaxLinesUp = 3;
constexpr size_t kMaxRuleBytes = 200;

/// Walks a log and collects its reports. While none is open, it leaps from one telling word to the
/// next; what lies between is never taken apart.
class Cutter {
 public:
  Cutter(std::string_view log, size_t max_reports) : log_(log), max_reports_(max_reports) {}

  std::vector<Report> run() {
    while (position_ < log_.size() && done_.size() < max_reports_) {
      if (open_.empty() && !leap()) break;
      const size_t room = std::min(log_.size() - position_, kMaxLineBytes);
      const size_t newline = log_.substr(position_, room).find('\n');
      const size_t end = position_ + std::min(newline, room);
      take_raw(log_.substr(position_, end - position_));
      position_ = end;
      if (newline == std::string_view::npos) continue;  // an endless line goes on
      ++position_;
      ++number_;
    }
    while (!open_.empty()) close(open_.front());
    return std::move(done_);
  }

 private:
  struct Open {
    OpenReport report;
    std::string title;  ///< its title_key(), "" = told by a later line
  };
  struct Title {
    int times = 0;
    std::optional<size_t> index;  ///< of the report in done_ that the last one with it became
  };

  /// To the beginning of the next line worth a look; false when there is none.
  bool leap() {
    const size_t hit = find_telling(log_, position_);
    if (hit == std::string_view::npos) return false;
    const size_t least = std::max(position_, hit - std::min(hit, kMaxFront));
    const size_t newline = log_.substr(least, hit - least).rfind('\n');
    const size_t begin = newline == std::string_view::npos ? least : least + newline + 1;
    number_ += static_cast<size_t>(std::count(log_.begin() + static_cast<ptrdiff_t>(position_),
                                              log_.begin() + static_cast<ptrdiff_t>(begin), '\n'));
    position_ = begin;
    return true;
  }

  void take_raw(std::string_view raw) {
    take_apart(raw, lines_);
    for (const Line& line : lines_) {
      const auto begin = static_cast<size_t>(line.raw.data() - log_.data());
      take({&line, begin, begin + line.raw.size(), number_});
    }
  }

  void take(const Placed& at) {
    const Line& line = *at.line;
    // Another boot: what the last one left open is over, its speakers are others.
    if (line.text.starts_with("Linux version "))
      while (!open_.empty()) close(open_.front());
    running_.feed(line.text, line.time);
    drop_stale(at);
    const auto start = find_start(line.text);
    if (Open* open = speaker_of(line)) {
      if (start && take_start(*open, *start, at)) return;
      if (!start && take_plain(*open, at)) return;
    }
    if (start) {
      begin(*start, at);
    } else if (is_cut_here(line.text)) {
      add_open({OpenReport(at, running_), ""});
    }
  }

  /// True when the line is dealt with.
  bool take_plain(Open& open, const Placed& at) {
    const Took took = open.report.take(at);
    if (took != Took::kYes) close(open);
    return took != Took::kNo;
  }

  bool take_start(Open& open, const Start& start, const Placed& at) {
    if (start.single_line) {
      add_single(start, at);
      if (!open.report.pass_single()) close(open);
      return true;
    }
    if (open.report.is_pending()) {
      open.title = title_key(start, at);
      if (is_flood(open.title)) {
        forget(open);
        return true;
      }
    }
    const Took took = open.report.take_start(start, at);
    if (took == Took::kNo) close(open);
    return took != Took::kNo;
  }

  void begin(const Start& start, const Placed& at) {
    if (start.single_line) {
      add_single(start, at);
      return;
    }
    std::string key = title_key(start, at);
    if (is_flood(key)) return;
    Open open{OpenReport(start, at, running_), std::move(key)};
    look_up(open.report, at);
    add_open(std::move(open));
  }

  /// Sanitizers and lockdep draw a rule above the title.
  void look_up(OpenReport& open, const Placed& at) {
    if (!has_rule(open.kind())) return;
    size_t end = log_.substr(0, at.begin).rfind('\n');
    for (int up = 1; up <= kMaxLinesUp && end != std::string_view::npos && end > claimed_; ++up) {
      const size_t least = end - std::min(end, kMaxRuleBytes);
      const size_t newline = log_.substr(least, end - least).rfind('\n');
      if (newline == std::string_view::npos && least > 0) return;
      const size_t first = newline == std::string_view::npos ? 0 : least + newline + 1;
      const Line above = parse_line(log_.substr(first, end - first));
      if (first >= claimed_ && above.caller == at.line->caller &&
          is_double_rule(trim(above.text))) {
        open.prepend(first, at.number - static_cast<size_t>(up));
        return;
      }
      if (at.line->caller == kNoCaller && !trim(above.text).empty()) return;
      end = newline == std::string_view::npos ? std::string_view::npos : least + newline;
    }
  }

  static bool has_rule(std::string_view kind) {
    static constexpr std::array<std::string_view, 6> kKinds = {"kasan", "kfence",  "kcsan",
                                                               "ubsan", "lockdep", "bug"};
    return std::find(kKinds.begin(), kKinds.end(), kind) != kKinds.end();
  }

  std::string title_key(const Start& start, const Placed& at) const {
    const std::string_view text = at.line->text;
    return running_.owner(at.line->time, "", true).test + '\n' + std::string(start.kind) +
           without_numbers(text.substr(start.at).substr(0, kMaxTitleBytes));
  }

  /// Counts a title that came often enough in this test to be known.
  bool is_flood(const std::string& key) {
    auto found = titles_.find(key);
    if (found == titles_.end()) {
      if (titles_.size() >= kMaxTitles) return false;
      found = titles_.emplace(key, Title{}).first;
    }
    Title& title = found->second;
    if (++title.times <= kMaxWhole || !title.index) return false;
    ++done_[*title.index].times;
    return true;
  }

  void add_open(Open open) {
    if (open_.size() >= kMaxOpen) close(open_.front());
    open_.push_back(std::move(open));
  }

  Open* speaker_of(const Line& line) {
    for (Open& open : open_)
      if (open.report.speaks(line)) return &open;
    for (Open& open : open_)
      if (open.report.joins(line)) return &open;
    return nullptr;
  }

  void drop_stale(const Placed& at) {
    for (size_t i = 0; i < open_.size();) {
      if (open_[i].report.is_stale(at)) {
        close(open_[i]);
      } else {
        ++i;
      }
    }
  }

  void add_single(const Start& start, const Placed& at) {
    const Line& line = *at.line;
    const std::string_view title =
        trim(std::string_view(line.text).substr(start.at).substr(0, kMaxTitleBytes));
    const bool in_task = line.caller == kNoCaller || line.caller < kProcessor;
    Owner owner = running_.owner(line.time, "", in_task);
    std::string signature = make_signature(start.kind, title, {});
    if (is_known(signature, owner.test)) return;
    Report report;
    report.kind = std::string(start.kind);
    report.title = to_valid_utf8(title);
    report.signature = to_valid_utf8(signature);
    report.text = std::string(log_.substr(at.begin, at.end - at.begin));
    report.first_line = at.number;
    report.last_line = at.number;
    report.kernel_time = line.time;
    report.test = std::move(owner.test);
    report.late = owner.late;
    report.subsystem = subsystem_of({report.kind, report.title, {}});
    done_.push_back(std::move(report));
  }

  /// Counts a report that came for this test before; else the next in done_ will be its first.
  bool is_known(const std::string& signature, const std::string& test) {
    const auto [known, is_new] = known_.emplace(signature + '\n' + test, done_.size());
    last_ = known->second;
    if (!is_new) ++done_[last_].times;
    return !is_new;
  }

  void close(Open& open) {
    if (!open.report.is_pending()) {
      claimed_ = std::max(claimed_, open.report.end());
      Report report = open.report.finish(log_);
      if (!is_known(report.signature, report.test)) done_.push_back(std::move(report));
      if (const auto title = titles_.find(open.title); title != titles_.end())
        title->second.index = last_;
    }
    forget(open);
  }

  void forget(Open& open) { open_.erase(open_.begin() + (&open - open_.data())); }

  std::string_view log_;
  size_t max_reports_;
  std::vector<Report> done_;
  std::unordered_map<std::string, size_t> known_;  ///< signature and test -> index in done_
  std::unordered_map<std::string, Title> titles_;  ///< by title_key()
  size_t last_ = 0;                                ///< index of the one that was added last
  std::vector<Open> open_;
  std::vector<Line> lines_;
  RunningTest running_;
  size_t position_ = 0;
  size_t number_ = 1;   ///< of the line at position_
  size_t claimed_ = 0;  ///< bytes before this belong to reports
};

}  // namespace

std::vector<Report> cut_reports(std::string_view log, size_t max_reports) {
  std::vector<Report> reports = Cutter(log, max_reports).run();
  std::stable_sort(reports.begin(), reports.end(),
                   [](const Report& a, const Report& b) { return a.first_line < b.first_line; });
  if (reports.size() > max_reports) reports.resize(max_reports);
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
  // A sleep in the wrong place is a defect that the kernel survives; other BUGs end a task that
  // may hold locks, or found memory damaged.
  if (report.kind == "bug")
    return report.title.find("using smp_processor_id") != std::string::npos
               ? Severity::kMarksTest
               : Severity::kNeedsReboot;
  if (report.kind == "atomic")
    return report.title.find("scheduling") != std::string::npos ? Severity::kNeedsReboot
                                                                : Severity::kMarksTest;
  return Severity::kMarksTest;
}

bool taint_is_fatal(unsigned long long taint) {
  constexpr unsigned long long kFatal = 1U << 4 | 1U << 5 | 1U << 7 | 1U << 9;
  return (taint & kFatal) != 0;
}

}  // namespace kiln::dmesg
