/// What reading consoles costs: docs/performance.md, "Real machines".
///   patterns      one MB of a boot's words through 50 patterns: at 1 MB/s its milliseconds are
///                 tenths of a percent of a core
///   hub/64        a second of 64 consoles at 11,520 bytes/s each, through terminals, the hub, raw
///                 and readable logs, and the patterns; CPU time of the whole process
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <pty.h>
#include <sys/resource.h>
#include <termios.h>
#include <unistd.h>

#include <thread>

#include "agent/console/patterns.h"
#include "agent/serial/machine_console.h"
#include "lib/os/files.h"

namespace kiln::agent {
namespace {

std::string boot_words(size_t size) {
  std::string out;
  for (int i = 0; out.size() < size; ++i)
    out +=
        fmt::format("[{:5}.{:06}] pci 0000:00:{:02x}.0: BAR {}: assigned [mem {:#010x} 64bit]\r\n",
                    i / 97, i * 7919 % 1'000'000, i % 32, i % 6, i * 4096);
  out.resize(size);
  return out;
}

void patterns(benchmark::State& state) {
  std::vector<Pattern> all = console_patterns();
  for (int i = 0; all.size() < 50; ++i)
    all.push_back({fmt::format("own-{}", i), fmt::format("drm:[a-z_]+ .*error {}[0-9]+", i)});
  uint64_t hits = 0;
  const auto watch = *PatternWatch::create(all, [&](const PatternHit&) { ++hits; });
  const std::string text = boot_words(1'000'000);
  const auto chunk = static_cast<size_t>(state.range(0));
  for (auto _ : state)
    for (size_t at = 0; at < text.size(); at += chunk)
      watch->feed(std::string_view(text).substr(at, chunk));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
  state.counters["hits"] = static_cast<double>(hits);
}
BENCHMARK(patterns)->Name("patterns")->Arg(64)->Arg(4096)->Unit(benchmark::kMillisecond);

double cpu_seconds() {
  rusage use{};
  ::getrusage(RUSAGE_SELF, &use);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(use.ru_utime) + seconds(use.ru_stime);
}

/// The writing side's cost is in it, too: 64 writes ten times a second.
void hub(benchmark::State& state) {
  const auto folder = *os::TempFolder::make("/tmp", "hub-bench-");
  const SystemClock clock;
  ConsoleHub all;
  std::vector<int> machines;
  std::vector<std::unique_ptr<MachineConsole>> consoles;
  for (int i = 0; i < state.range(0); ++i) {
    termios raw{};
    ::cfmakeraw(&raw);
    int machine = -1;
    int device = -1;
    char name[64];
    if (::openpty(&machine, &device, name, &raw, nullptr) != 0) return state.SkipWithError("pty");
    machines.push_back(machine);
    auto console = MachineConsole::create(all, make_device_port({name, 115'200}),
                                          folder.path() / std::to_string(i), clock);
    if (!console) return state.SkipWithError(console.error().message.c_str());
    consoles.push_back(std::move(*console));
  }
  for (const auto& console : consoles)
    while (!console->up()) std::this_thread::sleep_for(Millis(1));
  const std::string slice = boot_words(1152);
  for (auto _ : state) {
    const double before = cpu_seconds();
    for (int tenth = 0; tenth < 10; ++tenth) {
      for (const int machine : machines) (void)!::write(machine, slice.data(), slice.size());
      std::this_thread::sleep_for(Millis(100));
    }
    state.SetIterationTime(cpu_seconds() - before);
  }
  rusage use{};
  ::getrusage(RUSAGE_SELF, &use);
  state.counters["max_rss_MB"] = static_cast<double>(use.ru_maxrss) / 1000;
}
BENCHMARK(hub)->Name("hub")->Arg(64)->Iterations(5)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace kiln::agent
