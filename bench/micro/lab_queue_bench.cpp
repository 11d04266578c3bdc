/// The lab's queue at 1,000 agents with 10 machines each and as many sessions waiting: one machine
/// becomes free, the next session is found.
#include <benchmark/benchmark.h>

#include <deque>

#include "lib/lab/queue.h"

namespace kiln::lab {
namespace {

Place machine(int64_t number) {
  Place place;
  place.name = "m" + std::to_string(number);
  place.tags = {"qemu", number % 10 == 0 ? "rare" : "usual"};
  return place;
}

std::vector<Want> wants_of(int64_t run) {
  std::vector<Want> wants;
  for (int i = 0; i < 100; ++i) {
    Want want;
    want.key = "session " + std::to_string(i);
    want.tags = {run % 10 == 0 ? "rare" : "qemu"};
    want.priority = static_cast<Priority>(run % 4);
    wants.push_back(std::move(want));
  }
  return wants;
}

/// Every machine works, `state.range(0)` sessions wait; each ends in turn and its run asks for
/// more.
void EndOneGrantOne(benchmark::State& state) {
  const int64_t machines = state.range(0);
  Queue queue;
  for (int64_t i = 0; i < machines; ++i) queue.put_place(machine(i));
  const int64_t runs = machines / 50;  // 100 sessions each: half of them wait
  for (int64_t run = 1; run <= runs; ++run)
    queue.set_wants(run, "user " + std::to_string(run % 100), wants_of(run), WallTime{});
  std::deque<Grant> held;
  for (Grant& grant : queue.decide(WallTime{}).grants) held.push_back(std::move(grant));
  int64_t next_run = runs + 1;
  for (auto _ : state) {
    queue.release(held.front().lease);
    held.pop_front();
    for (Grant& grant : queue.decide(WallTime{}).grants) held.push_back(std::move(grant));
    if (queue.waiting_count() < static_cast<size_t>(machines) / 2) {
      state.PauseTiming();
      const int64_t run = next_run++;
      queue.set_wants(run, "user " + std::to_string(run % 100), wants_of(run), WallTime{});
      for (Grant& grant : queue.decide(WallTime{}).grants) held.push_back(std::move(grant));
      state.ResumeTiming();
    }
  }
  state.counters["waiting"] = static_cast<double>(queue.waiting_count());
  state.counters["held"] = static_cast<double>(held.size());
}
BENCHMARK(EndOneGrantOne)->Arg(100)->Arg(10'000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace kiln::lab
