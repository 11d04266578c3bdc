/// What reading consoles costs: docs/performance.md, "Real machines".
///   patterns      one MB of a boot's words through 50 patterns: at 1 MB/s its milliseconds are
///                 tenths of a percent of a core
///   hub/64        a second of 64 consoles at 11,520 bytes/s each, through terminals, the hub, raw
///                 and readable logs, and the patterns; CPU time of the whole process
///   rack/X/64     the same with 64 SSH connections beside them: each follows a command that says a
///                 line a second, or (ask) starts a command each second. Each name is run in a
///                 process of its own, since memory is counted at its most: --benchmark_filter
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "agent/console/patterns.h"
#include "agent/serial/machine_console.h"
#include "agent/serial/testing.h"
#include "agent/ssh/ssh_shell.h"
#include "agent/ssh/testing.h"
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

/// Machines that talk, with all that an agent keeps of their consoles.
class Consoles {
 public:
  explicit Consoles(int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      wires_.push_back(std::make_unique<testing::Wire>());
      auto console = MachineConsole::create(hub_, make_device_port({wires_.back()->path, 115'200}),
                                            folder_.path() / std::to_string(i), clock_);
      EXPECT_TRUE(console) << render(console.error());
      if (console) consoles_.push_back(std::move(*console));
    }
    for (const auto& console : consoles_)
      EXPECT_TRUE(testing::eventually([&] { return console->up(); }));
  }
  /// A second of all lines. The writing side's cost is in it, too: 64 writes ten times a second.
  void talk_for_a_second() {
    for (int tenth = 0; tenth < 10; ++tenth) {
      for (const auto& wire : wires_) wire->say(slice_);
      std::this_thread::sleep_for(Millis(100));
    }
  }

 private:
  os::TempFolder folder_ = *os::TempFolder::make("/tmp", "hub-bench-");
  SystemClock clock_;
  ConsoleHub hub_;
  std::vector<std::unique_ptr<testing::Wire>> wires_;
  std::vector<std::unique_ptr<MachineConsole>> consoles_;
  std::string slice_ = boot_words(1152);
};

/// Seconds of talk, their processor time, and the memory of the whole process.
void measure(benchmark::State& state, Consoles& consoles) {
  for (auto _ : state) {
    const double before = cpu_seconds();
    consoles.talk_for_a_second();
    state.SetIterationTime(cpu_seconds() - before);
  }
  rusage use{};
  ::getrusage(RUSAGE_SELF, &use);
  state.counters["max_rss_MB"] = static_cast<double>(use.ru_maxrss) / 1000;
}

void hub(benchmark::State& state) {
  Consoles consoles(state.range(0));
  measure(state, consoles);
}
BENCHMARK(hub)->Name("hub")->Arg(64)->Iterations(5)->UseManualTime()->Unit(benchmark::kMillisecond);

/// As the agent's session does: a thread for each machine, which waits for the runner's words.
void follow(Shell& shell, const std::stop_token& stop) {
  ShellRequest request;
  request.command = "while echo '[1.0] [1/2] gem_x (a)'; do sleep 1; done";
  request.timeout = Millis(600'000);
  request.on_output = [](std::string_view) { return true; };
  request.on_idle = [] { return true; };
  (void)shell.run(request, stop);
}

/// As its other phases do, and people: command after command.
void ask_each_second(Shell& shell, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any pause;
  std::unique_lock lock(mutex);
  ShellRequest request;
  request.command = "echo x";
  while (!stop.stop_requested() && shell.run(request, stop))
    pause.wait_for(lock, stop, Millis(1'000), [] { return false; });
}

void rack(benchmark::State& state, void (*work)(Shell&, const std::stop_token&)) {
  if (const std::string why = LocalSshd::missing(); !why.empty())
    return state.SkipWithError(why.c_str());
  const LocalSshd sshd;
  Consoles consoles(state.range(0));
  std::vector<std::unique_ptr<Shell>> shells;
  std::vector<std::jthread> threads;
  for (int64_t i = 0; i < state.range(0); ++i) {
    auto shell = connect_until(sshd.endpoint(), Millis(60'000), {}, {});
    if (!shell) return state.SkipWithError(shell.error().message.c_str());
    shells.push_back(std::move(*shell));
    threads.emplace_back(
        [&its = *shells.back(), work](const std::stop_token& stop) { work(its, stop); });
  }
  measure(state, consoles);
  state.counters["shells"] = static_cast<double>(
      std::count_if(shells.begin(), shells.end(), [](const auto& each) { return each->alive(); }));
  for (std::jthread& thread : threads) thread.request_stop();
  threads.clear();
}
BENCHMARK_CAPTURE(rack, follow, follow)
    ->Name("rack/follow")
    ->Arg(64)
    ->Iterations(10)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(rack, ask, ask_each_second)
    ->Name("rack/ask")
    ->Arg(64)
    ->Iterations(10)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace kiln::agent
