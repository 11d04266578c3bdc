/// lib/stats: what judging a stored run again costs, per comparison and per suspicion.
#include <benchmark/benchmark.h>

#include "lib/stats/changes.h"
#include "lib/stats/culprit.h"
#include "lib/stats/looks.h"
#include "lib/stats/multiple.h"
#include "lib/stats/rates.h"
#include "lib/stats/simulate.h"

namespace kiln::stats {
namespace {

void compare_1000(benchmark::State& state) {
  Random random(1);
  std::vector<Pairs> pairs;
  for (int i = 0; i < 1000; ++i)
    pairs.push_back(simulate_pairs({}, static_cast<int>(state.range(0)), 0.01, &random));
  for (auto _ : state)
    for (const Pairs& one : pairs) {
      const Compared compared = compare(one.left, one.right, {});
      benchmark::DoNotOptimize(answer(compared, {}, compared.paired.p));
    }
}
BENCHMARK(compare_1000)->Arg(6)->Arg(12)->Arg(20)->Unit(benchmark::kMillisecond);

void look_at_1000(benchmark::State& state) {
  Random random(1);
  std::vector<Compared> compared;
  for (int i = 0; i < 1000; ++i) {
    const Pairs pairs = simulate_pairs({}, 8, 0.01, &random);
    compared.push_back(compare(pairs.left, pairs.right, {}));
  }
  const Looks looks{Spending::kObrienFleming, 0.05, 12, {4, 8}};
  for (auto _ : state) benchmark::DoNotOptimize(look_at_all(compared, {}, looks));
}
BENCHMARK(look_at_1000)->Unit(benchmark::kMillisecond);

void sign_flip(benchmark::State& state) {
  Random random(1);
  std::vector<double> differences(static_cast<size_t>(state.range(0)));
  for (double& d : differences) d = random.normal();
  for (auto _ : state) benchmark::DoNotOptimize(sign_flip_p(differences, 1));
}
BENCHMARK(sign_flip)->Arg(12)->Arg(20)->Arg(30)->Arg(40)->Unit(benchmark::kMicrosecond);

void decide_a_suspicion(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(decide_rates({0, 3, 3, 3}, {1, 30}, {}));
}
BENCHMARK(decide_a_suspicion)->Unit(benchmark::kMicrosecond);

void find_a_culprit(benchmark::State& state) {
  std::vector<PrefixRuns> prefixes(static_cast<size_t>(state.range(0)) + 1);
  prefixes.front() = {0, 5};
  prefixes.back() = {5, 5};
  for (auto _ : state) benchmark::DoNotOptimize(find_culprit(prefixes, {}));
}
BENCHMARK(find_a_culprit)->Arg(3)->Arg(1000)->Unit(benchmark::kMicrosecond);

void two_years_of_nights(benchmark::State& state) {
  Random random(1);
  const SimulatedNights nights = simulate_nights({}, &random);
  for (auto _ : state) benchmark::DoNotOptimize(find_changes(nights.metric, nights.machine, {}));
}
BENCHMARK(two_years_of_nights)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace kiln::stats
