/// Cutting kernel reports out of logs: of a machine in health, of one in trouble, and hostile ones.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <string>

#include "lib/dmesg/report.h"

namespace kiln::dmesg {
namespace {

constexpr size_t kBytes = 64 << 20;

std::string testdata(const std::string& name) {
  std::ifstream file(std::string(KILN_SOURCE_DIR) + "/lib/dmesg/testdata/" + name,
                     std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string repeated(const std::string& text, size_t bytes = kBytes) {
  std::string out;
  out.reserve(bytes + text.size());
  while (out.size() < bytes && !text.empty()) out += text;
  return out;
}

void cut(benchmark::State& state, const std::string& log, size_t least) {
  if (log.empty()) {
    state.SkipWithError("lib/dmesg/testdata cannot be read");
    return;
  }
  for (auto unused : state) {
    const auto reports = cut_reports(log);
    if (reports.size() < least) state.SkipWithError("reports were missed");
    benchmark::DoNotOptimize(reports);
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * log.size()));
}

/// Lines of a real boot, over and over, with one report at the end.
void healthy(benchmark::State& state) {
  const std::string boot = testdata("console-boot-warning.log");
  const std::string front = boot.substr(0, boot.find("------------[ cut here"));
  cut(state, repeated(front) + "\n[drm] *ERROR* x\n", 1);
}
BENCHMARK(healthy)->Unit(benchmark::kMillisecond);

/// A real boot with its warning, over and over: one whole report in 360 lines.
void with_reports(benchmark::State& state) {
  cut(state, repeated(testdata("console-boot-warning.log")), 1);
}
BENCHMARK(with_reports)->Unit(benchmark::kMillisecond);

/// Nothing but reports of several processors at once.
void only_reports(benchmark::State& state) {
  cut(state, repeated(testdata("two-oopses-interleaved.log")), 2);
}
BENCHMARK(only_reports)->Unit(benchmark::kMillisecond);

/// The same line for a gigabyte.
void same_line(benchmark::State& state) {
  cut(state, repeated("[   71.100001] nothing to see on this line of the log\n", 1U << 30), 0);
}
BENCHMARK(same_line)->Unit(benchmark::kMillisecond)->Iterations(1);

/// 100 MB without a newline.
void no_newline(benchmark::State& state) {
  cut(state, std::string(100U << 20, 'x'), 0);
}
BENCHMARK(no_newline)->Unit(benchmark::kMillisecond);

/// 100 MB without a newline, of beginnings of reports.
void no_newline_but_starts(benchmark::State& state) {
  cut(state, repeated("BUG: x [   71.100001] ", 100U << 20), 1);
}
BENCHMARK(no_newline_but_starts)->Unit(benchmark::kMillisecond)->Iterations(1);

/// Millions of beginnings, each with another number and none with an end.
void starts(benchmark::State& state) {
  std::string log;
  for (int i = 0; log.size() < kBytes; ++i)
    log += fmt::format("[{:5}.{:06}] BUG: unable to handle page fault for address: {:08x}\n",
                       i / 1'000'000, i % 1'000'000, i * 4096);
  cut(state, log, 1);
}
BENCHMARK(starts)->Unit(benchmark::kMillisecond);

/// Beginnings whose titles all differ, so that each is another report, past the number kept.
void starts_that_differ(benchmark::State& state) {
  std::string log;
  for (int i = 0; log.size() < kBytes; ++i) {
    std::string word;
    for (int n = i; n > 0; n /= 26) word += static_cast<char>('g' + n % 20);
    log += fmt::format("[    1.000000] BUG: {}\n", word);
  }
  cut(state, log, 1000);
}
BENCHMARK(starts_that_differ)->Unit(benchmark::kMillisecond);

/// A driver that complains in each line.
void driver_errors(benchmark::State& state) {
  std::string log;
  for (int i = 0; log.size() < kBytes; ++i)
    log += fmt::format(
        "<3>[   71.100001] i915 0000:00:02.0: [drm] *ERROR* rcs0: reset request timeout {}\n", i);
  cut(state, log, 1);
}
BENCHMARK(driver_errors)->Unit(benchmark::kMillisecond);

/// Reports that never end, of ever more speakers.
void speakers(benchmark::State& state) {
  std::string log;
  for (int i = 0; log.size() < kBytes; ++i)
    log += fmt::format(
        "[    1.000000][ T{:5}] BUG: unable to handle page fault\n"
        "[    1.000000][ T{:5}] EIP: function_{}+0x1/0x2\n",
        i, i / 2, i % 3000);
  cut(state, log, 1);
}
BENCHMARK(speakers)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace kiln::dmesg
