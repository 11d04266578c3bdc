/// verdict::judge() on a run of the size of the founding job, and ten times that.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "lib/verdict/verdict.h"

namespace kiln::verdict {
namespace {

constexpr const char* kConfigs[] = {"i386-highmem", "i386-nohighmem"};
constexpr const char* kVariants[] = {"baseline", "patched"};
constexpr int kPairs = 6;
constexpr int kMetrics = 20;

SessionRow session(Input* input, const char* purpose, const char* variant, const char* config) {
  SessionRow row;
  row.id = static_cast<int64_t>(input->sessions.size()) + 1;
  row.purpose = purpose;
  row.variant = variant;
  row.config = config;
  row.ending = "tested";
  return row;
}

void add_functional(Input* input, const char* variant, const char* config) {
  SessionRow row = session(input, "functional", variant, config);
  int number = 0;
  for (const std::string& test : input->planned_tests) {
    // A tenth skips, and now and then one fails with the series alone.
    const bool fails = ++number % 97 == 0 && row.variant == "patched";
    const char* outcome = "pass";
    if (fails) outcome = "fail";
    if (number % 10 == 0) outcome = "skip";
    row.results.push_back({test, "gem", outcome, 0.25, fails ? "Failed assertion: ret == 0" : "",
                           fails ? "<3> [12.345] i915 mock: an invented error\n" : ""});
  }
  row.kernel.push_back({"warning", "WARNING: invented", "warning:invented+i915_gem_pread_ioctl",
                        std::string(4000, 'x'), "igt@binary_1@subtest"});
  input->sessions.push_back(std::move(row));
}

void add_performance(Input* input, const char* variant, const char* config, int pair) {
  SessionRow row = session(input, "performance", variant, config);
  row.pair = pair;
  row.patched_first = pair % 2 == 0;
  const double factor = row.variant == "patched" ? 0.97 : 1.0;
  for (int i = 0; i < kMetrics; ++i)
    row.measurements.push_back({"kmap", fmt::format("i915/path_{}/ns_per_page", i),
                                factor * (1000 + 10 * i + 3 * ((pair * 7 + i) % 5)), "ns"});
  input->sessions.push_back(std::move(row));
}

Input stored_run(int tests) {
  Input input;
  input.job.series.kind = job::SeriesSpec::Kind::kFolder;
  input.patch_subjects = {"first", "second", "third"};
  for (const char* config : kConfigs) input.job.configs.emplace_back(config);
  for (int i = 0; i < tests; ++i)
    input.planned_tests.push_back(fmt::format("igt@binary_{}@subtest-{}", i / 8, i));
  for (const char* config : kConfigs)
    for (const char* variant : kVariants) {
      add_functional(&input, variant, config);
      for (int pair = 1; pair <= kPairs; ++pair) add_performance(&input, variant, config, pair);
    }
  return input;
}

void judge_stored_run(benchmark::State& state) {
  const Input input = stored_run(static_cast<int>(state.range(0)));
  for (auto unused : state) benchmark::DoNotOptimize(judge(input));
  state.SetItemsProcessed(state.iterations() * state.range(0) * 4);
}
BENCHMARK(judge_stored_run)->Arg(234)->Arg(2340)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace kiln::verdict
