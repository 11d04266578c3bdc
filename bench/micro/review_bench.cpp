/// Stored runs judged again, and a known issue's preview over many runs: from a database on disk.
#include <benchmark/benchmark.h>

#include "controller/app/review.h"
#include "controller/results/stored_judge.h"
#include "controller/results/testing.h"

namespace kiln::controller {
namespace {

using results::testing::SampleRun;
using results::testing::StoredRuns;

SampleRun sample(int tests, int boots) {
  SampleRun out;
  out.configs = {"i386-highmem", "i386-nohighmem"};
  out.boots = boots;
  out.tests.clear();
  for (int i = 0; i < tests; ++i)
    out.tests.push_back(fmt::format("igt@gem_test_{}@sub-{}", i / 8, i));
  out.bad_test = out.tests.at(out.tests.size() / 2);
  return out;
}

/// 100,000 results: 1,000 tests, 25 boots of each of four cells. Asked: below 0.3 s.
void judge_again(benchmark::State& state) {
  StoredRuns runs;
  v1::JudgeRunRequest request;
  request.set_run_id(runs.add(sample(1000, 25)));
  Review review(ReviewParts{runs.clock, *runs.database, *runs.store, nullptr});
  for (auto unused : state) {
    const auto reply = review.judge_run(request);
    if (!reply || reply->report().findings_size() != 1) state.SkipWithError("judged otherwise");
  }
}
BENCHMARK(judge_again)->Unit(benchmark::kMillisecond);

/// The same without the sessions' rows in the reply: what a change of a known issue does to a run.
void judge_for_known(benchmark::State& state) {
  StoredRuns runs;
  const int64_t id = runs.add(sample(1000, 25));
  const results::StoredJudge judge(*runs.database);
  for (auto unused : state) {
    const auto judged = judge.judge_again(id, {}, "known 1 added", runs.clock.now());
    if (!judged || judged->report.findings_size() != 1) state.SkipWithError("judged otherwise");
  }
}
BENCHMARK(judge_for_known)->Unit(benchmark::kMillisecond);

/// 1,000 runs of 1,000 results. Asked: below 1 s.
void preview(benchmark::State& state) {
  StoredRuns runs;
  for (int i = 0; i < 1000; ++i) runs.add(sample(250, 1));
  Review review(ReviewParts{runs.clock, *runs.database, *runs.store, nullptr});
  v1::ChangeKnownRequest request;
  request.set_who("bench");
  request.mutable_filter()->set_test("igt@gem_test_15@*");
  request.mutable_filter()->set_text("byte [0-9]+ is wrong");
  request.mutable_filter()->set_reason("bench");
  for (auto unused : state) {
    const auto reply = review.preview_known(request);
    if (!reply || reply->changes_size() == 0) state.SkipWithError("nothing changes");
  }
}
BENCHMARK(preview)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace kiln::controller
