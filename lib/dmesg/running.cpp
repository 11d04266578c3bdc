#include "lib/dmesg/running.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "lib/base/text.h"

namespace kiln::dmesg {
namespace {

constexpr double kLateSeconds = 2.0;
constexpr double kLeftBehindSeconds = 0.02;
constexpr size_t kMaxNameBytes = 256;
constexpr size_t kCommBytes = 15;  // TASK_COMM_LEN without its NUL

std::string lower(std::string_view text) {
  std::string out(trim(text.substr(0, kMaxNameBytes)));
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

bool is_process_of(std::string_view comm, std::string_view binary) {
  return !comm.empty() && !binary.empty() &&
         lower(comm).substr(0, kCommBytes) == binary.substr(0, kCommBytes);
}

/// Threads of the kernel's own, which work for whoever asked them earlier.
bool is_kernel_thread(std::string_view comm) {
  static constexpr std::array<std::string_view, 18> kThreads = {
      "kworker/", "swapper/",   "ksoftirqd/", "migration/", "rcu_",       "rcuc/",
      "rcub/",    "irq/",       "kswapd",     "kcompactd",  "i915/",      "khungtaskd",
      "jbd2/",    "khugepaged", "kthreadd",   "cpuhp/",     "oom_reaper", "card"};
  return comm == "swapper" ||
         std::any_of(kThreads.begin(), kThreads.end(),
                     [&](std::string_view name) { return comm.starts_with(name); });
}

/// Seconds from `a` to `b`, when both are known.
std::optional<double> between(std::optional<double> a, std::optional<double> b) {
  if (!a || !b) return std::nullopt;
  return *b - *a;
}

}  // namespace

std::string RunningTest::Window::name() const {
  std::string out = "igt@" + binary;
  if (!subtest.empty()) out += "@" + subtest;
  if (!subtest.empty() && !dynamic.empty()) out += "@" + dynamic;
  return out;
}

/// A window that was only a binary's beginning has run no test: the one before it stays.
void RunningTest::begin(Window next) {
  const bool ran = !now_.binary.empty() && (!now_.subtest.empty() || now_.exited);
  const bool goes_on = now_.binary == next.binary && now_.subtest == next.subtest &&
                       now_.dynamic.empty() && !now_.ended;
  if (ran && !goes_on) {
    before_ = std::move(now_);
    if (!before_.end) before_.end = next.start;
  }
  now_ = std::move(next);
}

void RunningTest::feed(std::string_view text, std::optional<double> time) {
  constexpr std::string_view kMark = "[IGT] ";
  if (text.starts_with("Linux version ")) {
    *this = RunningTest();
    return;
  }
  const size_t mark = text.find(kMark);
  if (mark == std::string_view::npos) return;
  text.remove_prefix(mark + kMark.size());
  const size_t colon = text.find(": ");
  if (colon == std::string_view::npos || colon == 0) return;
  const std::string binary = lower(text.substr(0, colon));
  if (binary.find(' ') != std::string::npos) return;
  const std::string_view what = text.substr(colon + 2);
  constexpr std::string_view kSubtest = "starting subtest ";
  constexpr std::string_view kDynamic = "starting dynamic subtest ";
  if (what.starts_with("executing")) {
    begin({binary, "", "", time, {}, false, false});
  } else if (what.starts_with(kSubtest)) {
    begin({binary, lower(what.substr(kSubtest.size())), "", time, {}, false, false});
  } else if (what.starts_with(kDynamic)) {
    begin({now_.binary.empty() ? binary : now_.binary,
           now_.subtest,
           lower(what.substr(kDynamic.size())),
           time,
           {},
           false,
           false});
  } else if (what.starts_with("finished ") || what.starts_with("exiting, ret=")) {
    now_.exited = now_.exited || what.starts_with("exiting");
    if (!now_.ended || now_.exited) now_.end = time;
    now_.ended = true;
  }
}

Owner RunningTest::owner(std::optional<double> time, std::string_view comm, bool in_task) const {
  if (now_.binary.empty()) return {};
  if (now_.exited) {
    const auto since = between(now_.end, time);
    const bool near = since && *since <= kLateSeconds;
    return near || is_process_of(comm, now_.binary) ? Owner{now_.name(), true} : Owner{};
  }
  if (!is_process_of(comm, now_.binary) && !before_.binary.empty()) {
    if (is_process_of(comm, before_.binary)) return {before_.name(), true};
    const auto since_start = between(now_.start, time);
    const auto since_end = between(before_.end, time);
    if ((!in_task || is_kernel_thread(comm)) && since_start && since_end && *since_start >= 0 &&
        *since_start <= kLeftBehindSeconds && *since_end <= kLateSeconds)
      return {before_.name(), true};
  }
  return {now_.name(), now_.ended};
}

std::string comm_of(std::string_view report_text) {
  // In the order of how surely it is the process that the report is about.
  static const std::array<RE2, 7> patterns = {
      RE2(R"(INFO: task (.{1,16}?):\d+ blocked for)"),
      RE2(R"(soft lockup - CPU#\d+ stuck for \d+s! \[(.{1,16}?):\d+\])"),
      RE2(R"(BUG: scheduling while atomic: (.{1,16}?)/\d+/0x)"),
      RE2(R"(GPU HANG: .*\bin (.{1,16}?) \[\d+\])"),
      RE2(R"(\] (?:<\d> ?)?(?:\[ *[TC]\d+\] ?)?([^\]\n]{1,16}?)(?: invoked oom-killer: |: page allocation failure: order:))"),
      RE2(R"(\bComm: (.{1,20}?) +(?:Not tainted|Tainted:|Kdump:|\d))"),
      RE2(R"(, pid: \d+, name: (.{1,16}))")};
  const re2::StringPiece input(report_text.data(), report_text.size());
  std::string comm;
  for (const RE2& pattern : patterns)
    if (RE2::PartialMatch(input, pattern, &comm)) return std::string(trim(comm));
  return "";
}

}  // namespace kiln::dmesg
