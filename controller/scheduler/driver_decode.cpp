/// Kernel reports of findings get the files and lines of their stacks.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "controller/scheduler/driver.h"
#include "lib/base/text.h"
#include "lib/dmesg/subsystem.h"

namespace kiln::scheduler {
namespace {

/// A stack takes some seconds; what many reports would take is better spent otherwise.
constexpr size_t kMostDecoded = 12;
constexpr Millis kLongest{180'000};

/// Signatures of reports that findings show and that have no line yet.
std::set<std::string> wanted_signatures(const verdict::Output& output) {
  std::set<std::string> wanted;
  for (const verdict::Finding& finding : output.findings)
    for (const verdict::KernelReport& report : finding.kernel) {
      const bool decoded = std::any_of(report.frames.begin(), report.frames.end(),
                                       [](const dmesg::Frame& frame) { return frame.line > 0; });
      if (!report.signature.empty() && !report.frames.empty() && !decoded)
        wanted.insert(report.signature);
    }
  return wanted;
}

void put_frames(const std::vector<dmesg::Frame>& frames, v1::KernelReport* report) {
  report->clear_frames();
  for (const dmesg::Frame& frame : frames) {
    v1::Frame* out = report->add_frames();
    out->set_function(to_valid_utf8(frame.function));
    out->set_module(to_valid_utf8(frame.module));
    out->set_file(to_valid_utf8(frame.file));
    out->set_line(frame.line);
    out->set_inlined(frame.inlined);
  }
  report->set_subsystem(dmesg::subsystem_of({report->kind(), report->title(), frames}));
}

/// A build and a stack that it printed.
std::string stack_key(const std::string& build, const std::vector<dmesg::StackEntry>& stack) {
  std::string key = build;
  for (const dmesg::StackEntry& entry : stack)
    key += fmt::format("|{}+{}/{} {}", entry.symbol, entry.offset, entry.size, entry.module);
  return key;
}

}  // namespace

/// Once a stack and build. True when a report has more to tell than before.
bool RunDriver::decode_reports(const verdict::Output& output, const std::stop_token& stop) {
  const std::set<std::string> wanted = wanted_signatures(output);
  if (!deps_.decode || wanted.empty() || state_.stopping) return false;
  const auto deadline = deps_.clock->steady() + kLongest;
  std::map<std::string, std::vector<dmesg::Frame>> known;
  bool changed = false;
  for (const job::SessionStep& step : state_.sessions) {
    const BuildTarget* const target = target_of(step.session.build_key);
    const auto attempts = ended_.find(step.session.key);
    if (target == nullptr || attempts == ended_.end()) continue;
    for (v1::Session& session : attempts->second) {
      for (int i = 0; i < session.kernel_size(); ++i) {
        v1::KernelReport* const report = session.mutable_kernel(i);
        if (!wanted.contains(report->signature())) continue;
        const auto stack = dmesg::own_stack(report->kind(), report->text());
        const std::string key = stack_key(target->key, stack);
        auto found = known.find(key);
        if (found == known.end()) {
          if (known.size() >= kMostDecoded || deps_.clock->steady() >= deadline) continue;
          found = known.emplace(key, decode_stack(*target, stack, stop)).first;
        }
        if (found->second.empty()) continue;
        put_frames(found->second, report);
        changed = true;
        const Status kept =
            deps_.store->put_decoded(session.id(), i, found->second, report->subsystem());
        if (!kept) publish("note", "a decoded report could not be stored: " + render(kept.error()));
      }
    }
  }
  return changed;
}

/// Empty when no function got a line.
std::vector<dmesg::Frame> RunDriver::decode_stack(const BuildTarget& target,
                                                  const std::vector<dmesg::StackEntry>& stack,
                                                  const std::stop_token& stop) {
  if (stack.empty()) return {};
  publish_phase("finding the lines of a kernel report");
  auto decoded = deps_.decode(target, stack, stop);
  const std::string cell = target.variant + "/" + target.config;
  if (!decoded) {
    publish("note", "a kernel report has no lines: " + decoded.error().message, cell);
    return {};
  }
  if (decoded->with_line > 0) return std::move(decoded->frames);
  if (!decoded->notes.empty())
    publish("note", "a kernel report has no lines: " + decoded->notes.front(), cell);
  return {};
}

}  // namespace kiln::scheduler
