/// Fuzzes the cutter of kernel reports and the watcher of consoles.
#include <cstdint>
#include <cstdlib>

#include "lib/dmesg/console.h"
#include "lib/dmesg/report.h"
#include "lib/dmesg/subsystem.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view log(reinterpret_cast<const char*>(data), size);
  static const std::vector<std::string> touched = {"drivers/gpu/drm/i915/i915_gem.c"};
  size_t last = 0;
  for (const auto& report : kiln::dmesg::cut_reports(log, 100)) {
    if (report.kind.empty() || report.signature.empty() || report.first_line < last ||
        report.last_line < report.first_line || report.text.size() > (66 << 10) ||
        report.times < 1 || report.frames.size() > 24 || (report.late && report.test.empty()))
      std::abort();
    last = report.first_line;
    (void)kiln::dmesg::severity(report);
    (void)kiln::dmesg::is_foreign({report.kind, report.title, report.frames}, touched);
  }
  kiln::dmesg::ConsoleWatcher whole;
  const auto events = whole.feed(log);
  kiln::dmesg::ConsoleWatcher portions;
  std::vector<kiln::dmesg::Event> again;
  for (size_t at = 0; at < log.size(); at += 5) {
    for (auto& event : portions.feed(log.substr(at, 5))) again.push_back(std::move(event));
  }
  // A prompt that later goes on is told once, with what stood there by then.
  if (events.size() != again.size()) std::abort();
  for (size_t i = 0; i < events.size(); ++i) {
    if (events[i].kind != again[i].kind || events[i].line_number != again[i].line_number)
      std::abort();
  }
  return 0;
}
