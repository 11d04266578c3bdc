#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lib/verdict/bisection.h"
#include "lib/verdict/canaries.h"
#include "lib/verdict/claims.h"
#include "lib/verdict/explain.h"
#include "lib/verdict/findings.h"
#include "lib/verdict/foreign.h"
#include "lib/verdict/headline.h"
#include "lib/verdict/known.h"
#include "lib/verdict/not_tested.h"
#include "lib/verdict/observe.h"
#include "lib/verdict/performance.h"
#include "lib/verdict/shared_reports.h"
#include "lib/verdict/unfit.h"

namespace kiln::verdict {
namespace {

/// Machines that gave so many more useless confirming boots than useful ones are not asked again.
constexpr int kMostUselessBoots = 6;
/// Tests whose history is looked up; where more differ, it is no test's own habit.
constexpr size_t kMostHistories = 200;
/// Boots of one config that are asked for at once: the decision may come earlier than the bound.
constexpr int kMostBootsAtOnce = 4;

/// Boots on each side that may still be asked for.
int confirmations_left(const CellView& baseline, const CellView& patched, const Input& input) {
  int left = input.job.confirmations;
  for (const CellView* cell : {&baseline, &patched}) {
    const auto useful = static_cast<int>(cell->confirmations.size());
    const auto useless = static_cast<int>(
        std::count_if(cell->unusable.begin(), cell->unusable.end(),
                      [](const SessionRow* row) { return row->purpose == "confirmation"; }));
    if (useless >= useful + kMostUselessBoots) return 0;
    left = std::min(left, input.job.confirmations - useful);
  }
  return std::max(0, left);
}

std::vector<Judged> infrastructure_findings(const Input& input,
                                            const std::vector<ConfigView>& views) {
  std::vector<Judged> out;
  if (input.planned_tests.empty()) return out;
  for (const ConfigView& view : views) {
    for (const CellView* cell : {&view.baseline, &view.patched}) {
      if (cell == &view.patched && !has_series(input)) continue;
      // A cell that does not build has its own finding; one of an interrupted run came too late.
      if (!cell->functional.empty() || cell->build_failed) continue;
      if (view.baseline.build_failed) continue;
      if (cell->unusable.empty() && (input.interrupted || !input.infrastructure_error.empty()))
        continue;
      Judged judged;
      judged.finding.cls = "infrastructure";
      judged.finding.summary = fmt::format("{} has no usable {} boot", view.config, cell->variant);
      if (!cell->unusable.empty()) {
        const SessionRow& last = *cell->unusable.back();
        judged.finding.summary += fmt::format(
            " in {} (last: {})", count_of(static_cast<int>(cell->unusable.size()), "try", "tries"),
            last.error.empty() ? last.ending : last.error);
        judged.finding.kernel = last.kernel;
      }
      for (const SessionRow* session : cell->unusable)
        judged.finding.evidence.push_back(
            fmt::format("session {}: {}: {}", session->id, session->ending, session->error));
      out.push_back(std::move(judged));
    }
  }
  return out;
}

std::vector<Judged> performance_findings(const std::vector<ConfigView>& views,
                                         const std::vector<Comparison>& comparisons) {
  std::vector<Judged> out;
  std::map<std::string, std::vector<size_t>> configs;
  std::map<std::string, size_t> at;
  for (const Comparison& c : comparisons) {
    if (!c.decides || !between_variants(c) || c.answer != "slower") continue;
    const std::string key = c.kind + "|" + c.metric;
    const auto [found, is_new] = at.emplace(key, out.size());
    if (is_new) out.emplace_back();
    Finding& finding = out[found->second].finding;
    const std::string words = fmt::format("{} ({}) is worse with the series: {} in {}", c.metric,
                                          c.kind, figure_of(c), c.config);
    if (is_new) {
      finding.cls = "regression";
      finding.summary = words;
      finding.subject = fmt::format("{} ({})", c.metric, c.kind);
    }
    finding.evidence.push_back(words);
    for (size_t i = 0; i < views.size(); ++i)
      if (views[i].config == c.config) configs[key].push_back(i);
    finding.interaction = interaction_of(views, configs[key], Cls::kRegression);
  }
  return out;
}

/// How each test of a cell ended in its first boot, once each.
std::vector<CellCounts> outcome_counts(const std::vector<ConfigView>& views) {
  std::vector<CellCounts> out;
  for (const ConfigView& view : views) {
    for (const auto& [cell, side] : {std::pair{&view.baseline, &TestView::baseline},
                                     std::pair{&view.patched, &TestView::patched}}) {
      if (cell->functional.empty()) continue;
      CellCounts counts{cell->variant, cell->config, {}, {}};
      for (const SessionRow* session : cell->functional) counts.session_ids.push_back(session->id);
      for (const TestView& test : view.tests)
        if (!(test.*side).seen.empty()) ++counts.outcomes[(test.*side).seen.front().outcome];
      out.push_back(std::move(counts));
    }
  }
  return out;
}

void count_results(const Input& input, const std::vector<ConfigView>& views, Output* out) {
  const int sides = has_series(input) ? 2 : 1;
  out->results_planned = static_cast<int>(input.planned_tests.size() * views.size()) * sides;
  for (const ConfigView& view : views)
    for (const CellView* cell : {&view.baseline, &view.patched}) {
      out->results_got += cell->got;
      out->lost.insert(out->lost.end(), cell->lost.begin(), cell->lost.end());
    }
}

void count_findings(Output* out) {
  for (const Finding& finding : out->findings) {
    if (finding.cls == "regression" || finding.cls == "build-failure") ++out->regressions;
    if (finding.cls == "fix") ++out->fixes;
    if (finding.cls == "warning" || finding.cls == "build-warning") ++out->warnings;
    if (finding.cls == "flaky") ++out->flaky;
  }
}

void append(std::vector<Judged>* to, std::vector<Judged> more) {
  for (Judged& one : more) to->push_back(std::move(one));
}

}  // namespace

std::vector<Suspicion> suspicions(const Input& input) {
  std::vector<Suspicion> out;
  if (!has_series(input) || input.job.confirmations <= 0) return out;
  const std::vector<ConfigView> views = observe(input);
  const auto by_kernel = kernel_suspicions(input, views);
  const stats::RateRules rules = rate_rules(input.job);
  for (const ConfigView& view : views) {
    if (!view.comparable()) continue;
    const int left = confirmations_left(view.baseline, view.patched, input);
    if (left == 0) continue;
    Suspicion suspicion{view.config, {}, 0};
    std::set<std::string> known;
    const SharedReports shared = shared_reports(input, view, rules);
    for (const TestView& test : view.tests) {
      if (shared.waiting.contains(test.test) || shared.told_by.contains(test.test)) continue;
      const int more =
          classify(test, view, rules, prior_of(input, view.config, test.test)).more_each;
      if (more == 0 || spoken_for(test, view, rules)) continue;
      suspicion.boots_each = std::max(suspicion.boots_each, more);
      if (known.insert(test.planned).second) suspicion.tests.push_back(test.planned);
    }
    // A report outside of any test may come from any of them: then all run again.
    if (const auto found = by_kernel.find(view.config); found != by_kernel.end()) {
      if (!found->second.anywhere)
        known.insert(found->second.tests.begin(), found->second.tests.end());
      suspicion.tests.clear();
      for (const std::string& test : input.planned_tests)
        if (found->second.anywhere || known.contains(test)) suspicion.tests.push_back(test);
      suspicion.boots_each = std::max(suspicion.boots_each, found->second.boots_each);
    }
    suspicion.boots_each = std::min({suspicion.boots_each, left, kMostBootsAtOnce});
    if (!suspicion.tests.empty()) out.push_back(std::move(suspicion));
  }
  return out;
}

std::vector<TestHistory> tests_to_look_up(const Input& input) {
  std::vector<TestHistory> out;
  if (!has_series(input)) return out;
  for (const ConfigView& view : observe(input))
    for (const TestView& test : view.tests)
      if (differs(test) && out.size() < kMostHistories)
        out.push_back({view.config, test.test, 0, 0});
  return out;
}

Output judge(const Input& input) {
  Output out;
  const std::vector<ConfigView> views = observe(input);
  out.hygiene = machine_hygiene(input);
  Performance performance = compare_metrics(input);
  out.comparisons = std::move(performance.comparisons);
  out.interactions = std::move(performance.interactions);
  out.noise = machine_noise(input);
  std::vector<Judged> judged = build_findings(input);
  append(&judged, static_findings(input));
  append(&judged, test_findings(input, views));
  append(&judged, kernel_findings(input, views));
  append(&judged, performance_findings(views, out.comparisons));
  append(&judged, infrastructure_findings(input, views));
  append(&judged, foreign_findings(input));
  name_patches(input, &judged);
  join_causes(&judged);
  // What a person must act on comes first.
  std::stable_partition(judged.begin(), judged.end(), [](const Judged& one) {
    return one.finding.cls == "regression" || one.finding.cls == "build-failure";
  });
  std::stable_partition(judged.begin(), judged.end(),
                        [](const Judged& one) { return one.known.empty(); });
  int number = 0;
  for (Judged& one : judged) {
    say_what_is_old(input, &one.finding);
    one.finding.explain = explain(input, one);
    one.finding.subject = subject_of(one.finding);
    if (one.finding.bare_cls.empty()) one.finding.bare_cls = one.finding.cls;
    one.finding.id = fmt::format("f{}", ++number);
    out.findings.push_back(one.finding);
  }
  count_results(input, views, &out);
  count_findings(&out);
  list_known(input, judged, &out);
  out.outcome_counts = outcome_counts(views);
  out.reach = input.reach;
  out.statics = input.statics;
  out.not_tested = not_tested_places(input, &out.reach.notes);
  out.claims = judge_claims(input, views, out.comparisons, out.interactions);
  conclude(input, judged, &out);
  return out;
}

}  // namespace kiln::verdict
