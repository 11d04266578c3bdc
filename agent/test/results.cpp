#include "agent/test/results.h"

#include <algorithm>

#include "lib/base/text.h"
#include "lib/dmesg/report.h"
#include "lib/igt/name.h"

namespace kiln::agent {
namespace {

constexpr size_t kMaxWords = 64 << 10;
constexpr size_t kTailLines = 40;

/// The beginning counts: it holds the cause.
std::string bounded(std::string text) {
  if (text.size() > kMaxWords) text.resize(kMaxWords);
  return text;
}

/// The reports of that test; `title` gets the first one's.
std::string reports_for(const std::string& test, const std::string& log, std::string* title) {
  std::string words;
  for (const dmesg::Report& report : dmesg::cut_reports(log)) {
    if (!report.test.empty() && !igt::covers(test, report.test) && !igt::covers(report.test, test))
      continue;
    if (title->empty()) *title = report.title;
    words += report.text;
    if (!words.ends_with('\n')) words += '\n';
  }
  return words;
}

std::string tail_of(const std::string& text) {
  auto lines = split_lines(text);
  if (lines.size() > kTailLines) lines.erase(lines.begin(), lines.end() - kTailLines);
  return join(lines, "\n") + "\n";
}

}  // namespace

std::string console_range(const std::vector<ConsoleLine>& lines, int64_t first, int64_t last) {
  std::string out;
  for (const ConsoleLine& line : lines) {
    if (line.number <= first || line.number > last) continue;
    out += line.text;
    out += '\n';
  }
  return out;
}

void name_culprits(std::vector<Culprit>& culprits, const std::vector<TestResult>& results) {
  for (Culprit& culprit : culprits) {
    if (!culprit.test.empty() || !culprit.running) continue;
    for (const TestResult& result : results) {
      const bool claimed = std::any_of(culprits.begin(), culprits.end(), [&](const Culprit& other) {
        return !other.test.empty() &&
               (igt::covers(other.test, result.test) || igt::covers(result.test, other.test));
      });
      if (result.outcome != "incomplete" || claimed) continue;
      culprit.test = result.test;
      break;
    }
  }
}

void blame(const Culprit& culprit, const std::string& console, const std::string& phase,
           std::vector<TestResult>& results) {
  if (culprit.test.empty()) return;
  std::string title;
  std::string words = reports_for(culprit.test, console, &title);
  // A console that was cut off by the crash: the kernel's own notes have the rest.
  if (words.empty()) words = reports_for(culprit.test, culprit.kept, &title);
  if (words.empty()) words = tail_of(console);
  const std::string reason = title.empty() ? culprit.what : title;
  // The last one that it covers was running: a test's finished dynamic subtests keep their result.
  TestResult* hit = nullptr;
  for (TestResult& result : results) {
    if (result.phase != phase || !igt::covers(culprit.test, result.test)) continue;
    if (result.outcome == "incomplete" || result.outcome == "notrun" || result.test == culprit.test)
      hit = &result;
  }
  if (hit == nullptr) {
    results.push_back({.test = culprit.test, .outcome = "incomplete", .phase = phase});
    hit = &results.back();
  }
  if (hit->outcome == "notrun") hit->outcome = "incomplete";
  hit->reason = to_valid_utf8(reason);
  hit->kernel_words = bounded(words + hit->kernel_words);
}

std::vector<KernelMessage> kernel_messages(std::string_view console) {
  std::vector<KernelMessage> out;
  for (dmesg::Report& report : dmesg::cut_reports(console)) {
    KernelMessage& message = out.emplace_back();
    message.kind = to_valid_utf8(report.kind);
    message.title = to_valid_utf8(report.title);
    message.signature = to_valid_utf8(report.signature);
    message.text = bounded(std::move(report.text));
    message.test = to_valid_utf8(report.test);
    message.subsystem = to_valid_utf8(report.subsystem);
    message.frames = std::move(report.frames);
    message.late = report.late;
    message.times = report.times;
  }
  return out;
}

}  // namespace kiln::agent
