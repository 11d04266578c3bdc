#include "lib/verdict/outcome.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "lib/base/text.h"
#include "lib/verdict/foreign.h"

namespace kiln::verdict {
namespace {

/// Marks that make any message an error, whatever its level.
constexpr std::array<std::string_view, 16> kMarks = {"BUG:",
                                                     "WARNING:",
                                                     "Oops",
                                                     "*ERROR*",
                                                     "Call Trace",
                                                     "Kernel panic",
                                                     "kernel BUG",
                                                     "INFO: task",
                                                     "lockup",
                                                     "self-detected",
                                                     "UBSAN:",
                                                     "KASAN:",
                                                     "detected stall",
                                                     "general protection fault",
                                                     "list_add corruption",
                                                     "list_del corruption"};

/// 3 of "<3>[ 12.3] text" or "<3>,seq,..."; -1 = it tells none.
int level_of(std::string_view line) {
  if (line.size() < 3 || line.front() != '<') return -1;
  const size_t end = line.find('>');
  if (end == std::string_view::npos || end < 2 || end > 4) return -1;
  int priority = 0;
  for (const char c : line.substr(1, end - 1)) {
    if (c < '0' || c > '9') return -1;
    priority = priority * 10 + (c - '0');
  }
  return priority % 8;  // the bits above are the facility
}

bool has_error_level(std::string_view line) {
  const int level = level_of(line);
  return level >= 0 && level <= 3;
}

/// Which mark the line holds, "" = none.
std::string_view mark_of(std::string_view line) {
  const auto found = std::find_if(kMarks.begin(), kMarks.end(), [&](std::string_view mark) {
    return line.find(mark) != std::string_view::npos;
  });
  return found == kMarks.end() ? std::string_view() : *found;
}

/// What stands above a report, and never says which.
constexpr std::string_view kCutHere = "[ cut here ]";

/// Takes "[...] " from the front when only `letters` stand between the brackets.
void drop_bracket(std::string_view letters, std::string_view* line) {
  const size_t end = line->find(']');
  if (!line->starts_with('[') || end > 20) return;
  const std::string_view inside = line->substr(1, end - 1);
  if (!inside.empty() && inside.find_first_not_of(letters) == inside.npos)
    *line = trim(line->substr(end + 1));
}

/// What a kernel says when its timers are late.
constexpr std::array<std::string_view, 6> kLateTimers = {
    "hrtimer: interrupt took ",  "clocksource: ",
    "Clocksource tsc unstable",  "TSC found unstable",
    "tsc: Marking TSC unstable", "sched_clock: Marking unstable"};

bool only_late_timers(std::string_view words) {
  bool any = false;
  for (const std::string& line : split_lines(words)) {
    const std::string_view text = message_of(line);
    if (text.empty()) continue;
    any = true;
    if (std::none_of(kLateTimers.begin(), kLateTimers.end(),
                     [&](std::string_view start) { return text.starts_with(start); }))
      return false;
  }
  return any;
}

/// "a message of level 3 (error)", of the worst of a test's words; "" when they are none.
std::string rule_of_words(std::string_view words) {
  static constexpr std::array<std::string_view, 5> kLevels = {"emergency", "alert", "critical",
                                                              "error", "warning"};
  int worst = static_cast<int>(kLevels.size());
  std::string_view mark;
  for (const std::string& line : split_lines(words)) {
    if (const int level = level_of(line); level >= 0) worst = std::min(worst, level);
    if (mark.empty()) mark = mark_of(line);
  }
  if (worst <= 3 || (worst == 4 && mark.empty()))
    return fmt::format("a message of level {} ({})", worst, kLevels[static_cast<size_t>(worst)]);
  return mark.empty() ? "" : fmt::format("a message with `{}`", mark);
}

}  // namespace

Kind kind_of(std::string_view outcome) {
  if (outcome == "pass") return Kind::kPass;
  if (outcome == "skip" || outcome == "notrun") return Kind::kSkip;
  if (outcome == kNoResult) return Kind::kMissing;
  return Kind::kBad;
}

bool kernel_words_bad(std::string_view words) {
  while (!words.empty()) {
    const size_t end = words.find('\n');
    const std::string_view line = words.substr(0, end);
    if (has_error_level(line) || !mark_of(line).empty()) return true;
    if (end == std::string_view::npos) break;
    words.remove_prefix(end + 1);
  }
  return false;
}

std::string_view message_of(std::string_view line) {
  const std::string_view whole = trim(line);
  std::string_view rest = whole;
  if (level_of(rest) >= 0) rest = trim(rest.substr(rest.find('>') + 1));
  drop_bracket(" .0123456789", &rest);
  drop_bracket(" TC0123456789", &rest);  // the caller's: CONFIG_PRINTK_CALLER
  return rest.empty() ? whole : rest;
}

std::string telling_line(std::string_view words) {
  const std::vector<std::string> lines = split_lines(words);
  const auto found = std::find_if(lines.begin(), lines.end(), [](const std::string& line) {
    return (has_error_level(line) || !mark_of(line).empty()) && line.find(kCutHere) == line.npos;
  });
  if (found == lines.end()) return lines.empty() ? "" : std::string(message_of(lines.front()));
  return std::string(message_of(*found));
}

const std::string& name_of(const KernelReport& report) {
  return report.signature.empty() ? report.title : report.signature;
}

const KernelReport* report_of(const std::vector<KernelReport>& kernel, std::string_view test) {
  const auto found = std::find_if(kernel.begin(), kernel.end(), [&](const KernelReport& one) {
    return one.test == test && !one.foreign;
  });
  return found == kernel.end() ? nullptr : &*found;
}

bool tells_of(const KernelReport& report, std::string_view test, std::string_view outcome) {
  if (report.test.empty() || test.empty()) return false;
  if (covers(test, report.test)) return true;
  return kind_of(outcome) == Kind::kBad && covers(report.test, test);
}

std::string effective_outcome(const ResultRow& row, const std::vector<KernelReport>& kernel) {
  if (report_of(kernel, row.test) == nullptr && !kernel_words_bad(own_words(row, kernel)))
    return row.outcome;
  if (row.outcome == "pass") return "dmesg-warn";
  if (row.outcome == "fail" || row.outcome == "warn") return "dmesg-fail";
  return row.outcome;
}

std::string outcome_in(const SessionRow& session, const ResultRow& row) {
  const std::string outcome = effective_outcome(row, session.kernel);
  if (!session.emulated || report_of(session.kernel, row.test) != nullptr ||
      !only_late_timers(row.kernel_words))
    return outcome;
  if (outcome == "dmesg-warn") return "pass";
  return outcome == "dmesg-fail" ? "fail" : outcome;
}

std::string dmesg_rule(const ResultRow& row, const std::vector<KernelReport>& kernel) {
  const KernelReport* report = report_of(kernel, row.test);
  const std::string outcome = effective_outcome(row, kernel);
  if (outcome != "dmesg-warn" && outcome != "dmesg-fail") return "";
  std::string rule;
  if (report != nullptr) {
    rule = fmt::format("a kernel report ({})", report->kind);
    if (report->late) rule += " that came when it had ended";
  } else {
    rule = rule_of_words(own_words(row, kernel));
  }
  if (rule.empty()) return "";
  return fmt::format("it said {}, but by the dmesg rules: {}",
                     outcome == "dmesg-warn" ? "success" : "failure", rule);
}

bool covers(std::string_view planned, std::string_view name) {
  return name.starts_with(planned) &&
         (name.size() == planned.size() || name[planned.size()] == '@');
}

std::string binary_of(std::string_view test) {
  const size_t first = test.find('@');
  if (first == std::string_view::npos) return std::string(test);
  return std::string(test.substr(0, test.find('@', first + 1)));
}

std::string count_of(int n, std::string_view singular, std::string_view plural) {
  return fmt::format("{} {}", n, n == 1 ? singular : plural);
}

}  // namespace kiln::verdict
