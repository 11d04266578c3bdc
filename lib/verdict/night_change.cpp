#include "lib/verdict/night_change.h"

#include <algorithm>

#include "lib/verdict/classify.h"
#include "lib/verdict/known.h"

namespace kiln::verdict {
namespace {

constexpr size_t kMostHistories = 2000;

/// Both nights as one run: the earlier one's boots of `variant` as its baseline.
Input as_run(const Input& now, const std::vector<SessionRow>& then, const std::string& variant) {
  Input out;
  out.job = now.job;
  out.planned_tests = now.planned_tests;
  out.planned_phase = now.planned_phase;
  out.config_wants_highmem = now.config_wants_highmem;
  out.known = now.known;
  out.ended = now.ended;
  for (const auto& [sessions, side] :
       {std::pair{&then, "baseline"}, std::pair{&now.sessions, "patched"}})
    for (const SessionRow& session : *sessions) {
      if (session.variant != variant) continue;
      out.sessions.push_back(session);
      out.sessions.back().variant = side;
    }
  return out;
}

double bad_share(const SideView& side) {
  return side.seen.empty()
             ? 0
             : static_cast<double>(side.count(Kind::kBad)) / static_cast<double>(side.seen.size());
}

/// The list that the test belongs to; nullptr: it ends as it did, or is no news.
std::vector<NightTest>* list_of(const TestView& test, Cls cls, const stats::RatePrior& prior,
                                NightChange* out) {
  switch (cls) {
    case Cls::kRegression:
      return &out->regressed;
    case Cls::kFix:
      return &out->fixed;
    case Cls::kCoverageLost:
      return &out->lost;
    case Cls::kWarning:
    case Cls::kFlaky:
      break;
    default:
      return nullptr;
  }
  const double before = bad_share(test.baseline);
  const double now = bad_share(test.patched);
  if (now > before) return prior.failures > 0 || before > 0 ? nullptr : &out->worse;
  return now < before && now == 0 ? &out->better : nullptr;
}

bool is_known(const KnownIssues& known, const TestView& test, const std::string& config, Cls cls) {
  std::vector<Occurrence> seen = occurrences_of(test.patched, test.test, config, cls);
  return !seen.empty() && !known.cover(&seen).empty();
}

bool is_listed(const std::vector<NightTest>& in, const NightTest& what) {
  return std::any_of(in.begin(), in.end(), [&](const NightTest& one) {
    return one.test == what.test && one.config == what.config;
  });
}

void compare(const Input& run, const std::string& variant, NightChange* out) {
  const stats::RateRules rules = rate_rules(run.job);
  const KnownIssues known(run);
  for (const ConfigView& view : observe(run)) {
    if (!view.comparable()) continue;
    for (const TestView& test : view.tests) {
      const stats::RatePrior prior = prior_of(run, view.config, test.test);
      const Cls cls = classify(test, view, rules, prior).cls;
      std::vector<NightTest>* list = list_of(test, cls, prior, out);
      if (list == nullptr || is_known(known, test, view.config, cls)) continue;
      NightTest one{test.test, view.config, variant, test.baseline.words(), test.patched.words()};
      if (!is_listed(*list, one)) list->push_back(std::move(one));
    }
  }
}

}  // namespace

NightChange compare_nights(const Input& now, const std::vector<SessionRow>& then,
                           const std::vector<TestHistory>& history) {
  NightChange out;
  for (const char* variant : {"baseline", "patched"}) {
    Input run = as_run(now, then, variant);
    run.history = history;
    compare(run, variant, &out);
  }
  return out;
}

std::vector<TestHistory> night_tests_to_look_up(const Input& now,
                                                const std::vector<SessionRow>& then) {
  std::vector<TestHistory> out;
  const Input run = as_run(now, then, "baseline");  // the views point into it
  for (const ConfigView& view : observe(run))
    for (const TestView& test : view.tests)
      if (view.comparable() && differs(test) && out.size() < kMostHistories)
        out.push_back({view.config, test.test, 0, 0});
  return out;
}

}  // namespace kiln::verdict
