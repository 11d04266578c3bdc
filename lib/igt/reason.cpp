#include "lib/igt/reason.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "lib/base/text.h"
#include "lib/dmesg/line.h"
#include "lib/dmesg/report.h"

namespace kiln::igt {
namespace {

constexpr size_t kMaxBytes = 300;

std::vector<std::string_view> lines_of(std::string_view text) {
  constexpr size_t kMaxLines = 5000;
  std::vector<std::string_view> lines;
  size_t begin = 0;
  while (begin < text.size() && lines.size() < kMaxLines) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

/// The text behind `mark` in the first line that holds it; "" when none does.
std::string_view behind(const std::vector<std::string_view>& lines, std::string_view mark) {
  for (const std::string_view line : lines) {
    const size_t at = line.find(mark);
    if (at != std::string_view::npos) return trim(line.substr(at + mark.size()));
  }
  return "";
}

std::string one_line(std::string_view text) {
  std::string clean = to_valid_utf8(trim(dmesg::strip_control(text.substr(0, 2 * kMaxBytes))));
  if (clean.size() <= kMaxBytes) return clean;
  size_t end = kMaxBytes;
  while (end > 0 && (static_cast<unsigned char>(clean[end]) & 0xc0) == 0x80) --end;
  clean.resize(end);
  return clean + "...";
}

/// `../tests/meta_test.c:94` of `... function test_result, file ../tests/meta_test.c:94:`
std::string_view place(std::string_view text) {
  const size_t at = text.find("file ");
  if (at == std::string_view::npos) return "";
  std::string_view where = text.substr(at + 5);
  where = where.substr(0, where.find_first_of(", "));
  while (where.ends_with(':')) where.remove_suffix(1);
  while (where.starts_with("../")) where.remove_prefix(3);
  return where;
}

/// The words of the test's author that may stand below `Test requirement:`.
std::string skip_reason(std::string_view out) {
  const auto lines = lines_of(out);
  for (size_t i = 0; i < lines.size(); ++i) {
    constexpr std::string_view kMark = "Test requirement: ";
    if (!lines[i].starts_with(kMark)) continue;
    std::string_view message = i + 1 < lines.size() ? lines[i + 1] : std::string_view();
    // The author's message may lack its newline.
    message = trim(message.substr(0, message.find("Last errno: ")));
    const std::string_view requirement = trim(lines[i].substr(kMark.size()));
    if (message.empty() || message.starts_with("Subtest ") ||
        message.starts_with("Dynamic subtest "))
      return fmt::format("requirement not met: {}", requirement);
    return fmt::format("{} (requirement: {})", message, requirement);
  }
  return "";
}

std::string fail_reason(std::string_view err) {
  const auto lines = lines_of(err);
  for (size_t i = 0; i < lines.size(); ++i) {
    constexpr std::string_view kMark = "Failed assertion: ";
    const size_t at = lines[i].find(kMark);
    if (at == std::string_view::npos) continue;
    std::string text =
        fmt::format("failed assertion: {}", trim(lines[i].substr(at + kMark.size())));
    constexpr std::string_view kError = "error: ";
    for (size_t k = i + 1; k < std::min(i + 4, lines.size()); ++k) {
      const size_t error = lines[k].find(kError);
      if (error == std::string_view::npos) continue;
      text += fmt::format(", {}", trim(lines[k].substr(error + kError.size())));
      break;
    }
    const std::string_view where = i > 0 ? place(lines[i - 1]) : std::string_view();
    return where.empty() ? text : fmt::format("{} ({})", text, where);
  }
  return std::string(behind(lines, "CRITICAL: "));
}

/// The last line with text that is no mark and no stack frame.
std::string last_words(std::string_view text) {
  const auto lines = lines_of(text);
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    const std::string_view words = trim(*line);
    if (words.empty() || words.starts_with("Subtest ") || words.starts_with("Starting ") ||
        words.starts_with("Dynamic subtest ") || words.starts_with("#") ||
        words.starts_with("Using IGT_SRANDOM") || words.starts_with("****"))
      continue;
    return std::string(words);
  }
  return "";
}

/// The first report's title, or else the first line without its stamp.
std::string kernel_said(std::string_view words) {
  const auto reports = dmesg::cut_reports(words, 1);
  if (!reports.empty()) return reports.front().title;
  return dmesg::parse_line(words.substr(0, words.find('\n'))).text;
}

/// `text`, and what the kernel said, if it said anything.
std::string with_kernel(std::string text, std::string_view words) {
  return words.empty() ? text : fmt::format("{}; the kernel said: {}", text, kernel_said(words));
}

/// `Kernel badly tainted (0x1200, 0x200)`, `Test exited with IGT_EXIT_ABORT`
std::string abort_reason(const Evidence& evidence) {
  const std::string_view condition = behind(lines_of(evidence.err), "abort condition: ");
  if (!condition.empty()) return fmt::format("abort condition: {}", condition);
  std::string_view cause = behind(lines_of(evidence.out), "This test caused an abort condition: ");
  cause = trim(cause.substr(0, cause.find(" (check dmesg")));
  while (cause.ends_with('.') || cause.ends_with(':')) cause.remove_suffix(1);
  return with_kernel(cause.empty() ? "igt_runner aborted the run" : std::string(cause),
                     evidence.kernel_words);
}

std::string find_reason(const Evidence& evidence) {
  const std::string_view outcome = evidence.outcome;
  if (outcome == "notrun") return "did not run";
  if (const auto unknown = behind(lines_of(evidence.err), "Unknown subtest: "); !unknown.empty())
    return fmt::format("unknown subtest: {}", unknown);
  if (!evidence.told.empty()) return std::string(evidence.told);
  if (outcome == "skip") {
    const std::string reason = skip_reason(evidence.out);
    return reason.empty() ? last_words(evidence.out) : reason;
  }
  if (outcome == "fail" || outcome == "dmesg-fail") {
    const std::string reason = fail_reason(evidence.err);
    if (!reason.empty()) return reason;
    return evidence.kernel_words.empty() ? last_words(evidence.err)
                                         : kernel_said(evidence.kernel_words);
  }
  if (outcome == "dmesg-warn") return kernel_said(evidence.kernel_words);
  if (outcome == "warn") return std::string(behind(lines_of(evidence.err), "WARNING: "));
  if (outcome == "abort") return abort_reason(evidence);
  if (outcome == "timeout")
    return with_kernel("ran longer than its time limit", evidence.kernel_words);
  if (outcome == "crash") {
    std::string_view signal = behind(lines_of(evidence.err), "Received signal ");
    while (signal.ends_with('.')) signal.remove_suffix(1);
    return signal.empty() ? last_words(evidence.err) : fmt::format("received signal {}", signal);
  }
  if (outcome == "incomplete") {
    // igt_runner's sentence for a test whose files are all empty stands in `out`.
    const bool silent = evidence.out.starts_with("This test didn't produce any output");
    if (silent || (evidence.out.empty() && evidence.err.empty() && evidence.kernel_words.empty()))
      return "no output at all: the machine probably went down";
    return with_kernel("started and did not end", evidence.kernel_words);
  }
  return "";
}

}  // namespace

std::string reason_of(const Evidence& evidence) {
  if (evidence.outcome == "pass") return "";
  return one_line(find_reason(evidence));
}

}  // namespace kiln::igt
