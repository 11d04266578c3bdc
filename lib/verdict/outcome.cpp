#include "lib/verdict/outcome.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "lib/base/text.h"

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

/// "<3>[ 12.3] text" or "<3>,seq,...": level 0 to 3 is an error or worse.
bool has_error_level(std::string_view line) {
  if (line.size() < 3 || line.front() != '<') return false;
  const size_t end = line.find('>');
  if (end == std::string_view::npos || end < 2 || end > 4) return false;
  int priority = 0;
  for (const char c : line.substr(1, end - 1)) {
    if (c < '0' || c > '9') return false;
    priority = priority * 10 + (c - '0');
  }
  return priority % 8 <= 3;  // the bits above are the facility
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
    if (has_error_level(line)) return true;
    if (std::any_of(kMarks.begin(), kMarks.end(),
                    [&](std::string_view mark) { return line.find(mark) != line.npos; }))
      return true;
    if (end == std::string_view::npos) break;
    words.remove_prefix(end + 1);
  }
  return false;
}

std::string effective_outcome(const ResultRow& row, bool has_kernel_report) {
  if (!has_kernel_report && !kernel_words_bad(row.kernel_words)) return row.outcome;
  if (row.outcome == "pass") return "dmesg-warn";
  if (row.outcome == "fail" || row.outcome == "warn") return "dmesg-fail";
  return row.outcome;
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
