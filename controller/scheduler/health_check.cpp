#include "controller/scheduler/health_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "controller/scheduler/stored_job.h"
#include "lib/base/text.h"
#include "lib/igt/test_list.h"

namespace kiln::scheduler {
namespace {

constexpr const char* kPurpose = "health";

/// Lines of the lists whose one result was a pass, the quickest first.
std::vector<std::string> good_tests(const GoodBoot& good) {
  std::vector<verdict::ResultRow> passed;
  for (const verdict::ResultRow& result : good.session.results)
    if (result.outcome == "pass") passed.push_back(result);
  std::stable_sort(passed.begin(), passed.end(),
                   [](const auto& a, const auto& b) { return a.seconds < b.seconds; });
  std::vector<std::string> out;
  for (const verdict::ResultRow& result : passed) {
    const bool listed =
        std::any_of(good.job.lists.begin(), good.job.lists.end(), [&](const job::StoredList& list) {
          return std::find(list.tests.begin(), list.tests.end(), result.test) != list.tests.end();
        });
    if (listed && out.size() < kMostCheckTests) out.push_back(result.test);
  }
  return out;
}

/// Nothing but the boot and its tests.
void strip(Prepared* prepared) {
  job::JobSpec& spec = prepared->spec;
  spec.benches.clear();
  spec.metrics.clear();
  spec.claims.clear();
  spec.not_reached.clear();
  spec.coverage = false;
  spec.static_checks = false;
  spec.confirmations = 0;
  spec.canaries = 0;
  spec.instruction_boots = 0;
  spec.series = {};
  prepared->series_title.clear();
  prepared->series_author.clear();
  prepared->series_message_id.clear();
  prepared->series_answers.clear();
  prepared->patches.clear();
}

}  // namespace

Result<Prepared> prepare_health_check(const std::string& machine, const GoodBoot& good) {
  const std::vector<std::string> tests = good_tests(good);
  if (tests.empty())
    return fail(ErrorKind::kBadInput,
                fmt::format("no test of a list passed in session {}", good.session.id));
  Prepared prepared = from_stored(good.job);
  keep_tests(tests, &prepared);
  strip(&prepared);
  job::JobSpec& spec = prepared.spec;
  spec.configs = {good.session.config};
  spec.title = fmt::format("health check of {}: session {} of run {} again", machine,
                           good.session.id, good.run.id());
  spec.name = "health-check";
  BuildTarget target;
  target.variant = "baseline";
  target.config = good.session.config;
  target.key = good.session.build_key;
  prepared.targets = {std::move(target)};
  prepared.job_digest = "health check of " + machine;
  prepared.source = good.run.source();
  prepared.source_tree = good.run.source_tree();
  prepared.toolchain = good.run.toolchain();
  return prepared;
}

job::Plan plan_health_check(const Prepared& prepared, const job::History& history) {
  const BuildTarget& target = prepared.targets.front();
  job::PlanInput input;
  input.spec = prepared.spec;
  input.source = prepared.source;
  input.history = history;
  input.cells = {{target.variant, target.config, target.key, job::CellKey::State::kCached}};
  for (const PhaseList& list : prepared.lists)
    input.tests_per_cell += static_cast<int>(list.tests.size());
  job::Plan plan = job::make_plan(input);
  // Of a purpose of its own: what a doubtful machine shows is no history of a test.
  for (job::PlannedSession& session : plan.sessions) session.purpose = kPurpose;
  return plan;
}

void judge_health(const std::string& machine, int planned_tests, v1::RunReport* report) {
  int passed = 0;
  std::string bad;
  for (const v1::Session& session : report->sessions()) {
    if (session.ending() != "tested") {
      bad = session.error().empty() ? "its boot ended as " + session.ending() : session.error();
      continue;
    }
    bad.clear();
    passed = 0;
    for (const v1::Result& result : session.results()) {
      if (result.outcome() == "pass")
        ++passed;
      else if (bad.empty())
        bad = fmt::format("{}: {}", result.test(), result.outcome());
    }
  }
  if (bad.empty()) bad = report->run().error();
  if (bad.empty() && passed < planned_tests)
    bad = fmt::format("only {} of {} tests passed", passed, planned_tests);
  v1::Verdict verdict;
  verdict.set_results_planned(planned_tests);
  verdict.set_results_got(passed);
  verdict.set_result(bad.empty() ? "no-regression" : "infrastructure");
  verdict.set_exit_code(bad.empty() ? 0 : 3);
  verdict.set_headline(to_valid_utf8(
      bad.empty()
          ? fmt::format("{} works: {} tests passed on a kernel that it is known to do well.",
                        machine, passed)
          : fmt::format("{} does not work yet: {}", machine, bad)));
  *report->mutable_verdict() = std::move(verdict);
  report->clear_findings();
}

}  // namespace kiln::scheduler
