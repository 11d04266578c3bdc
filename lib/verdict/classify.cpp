#include "lib/verdict/classify.h"

#include <algorithm>

namespace kiln::verdict {
namespace {

/// Does the patched side mostly end as it never did before?
bool ends_otherwise(const SideView& before, const SideView& after) {
  const auto known = before.outcomes();
  const auto other =
      std::count_if(after.seen.begin(), after.seen.end(),
                    [&](const Observation& one) { return !known.contains(one.outcome); });
  return 2 * static_cast<size_t>(other) > after.seen.size();
}

/// The baseline ran what covers the test and never saw it: the series brought it.
bool is_new(const TestView& test, const ConfigView& view) {
  if (test.test == test.planned) return false;  // planned and lost, not new
  return std::any_of(view.tests.begin(), view.tests.end(), [&](const TestView& other) {
    return other.planned == test.planned &&
           other.baseline.count(Kind::kMissing) < static_cast<int>(other.baseline.seen.size());
  });
}

using stats::RateAnswer;

bool is_open(const stats::RateDecision& decision) {
  return decision.answer == RateAnswer::kMore || decision.answer == RateAnswer::kUndecided;
}

/// Other outcomes of a test that is bad anyway are named after so many boots a side; a rate has
/// nothing to say of them.
constexpr int kBootsForOtherOutcome = 3;

int boots_missing(const TestView& test, const stats::RateRules& rules) {
  const int wanted = std::min(kBootsForOtherOutcome, rules.max_runs_each);
  const auto least = std::min(test.baseline.seen.size(), test.patched.seen.size());
  return std::max(0, wanted - static_cast<int>(least));
}

/// Bad in every boot of both sides.
Classified classify_bad(const TestView& test, const stats::RateRules& rules) {
  Classified out;
  if (!ends_otherwise(test.baseline, test.patched)) {
    out.cls = Cls::kNotTheSeries;
    return out;
  }
  out.cls = Cls::kWarning;
  out.more_each = boots_missing(test, rules);
  out.unconfirmed = out.more_each > 0 || rules.max_runs_each < kBootsForOtherOutcome;
  return out;
}

/// Bad in no boot: what passed may have stopped to run.
Classified classify_silent(const TestView& test, const ConfigView& view,
                           const stats::RateRules& rules, const stats::RatePrior& prior) {
  Classified out;
  const int passed_before = test.baseline.count(Kind::kPass);
  const int passed_after = test.patched.count(Kind::kPass);
  if (passed_before == 0) {
    if (passed_after > 0 && (test.baseline.count(Kind::kSkip) > 0 || is_new(test, view)))
      out.cls = Cls::kNewTest;
    return out;
  }
  if (passed_after == static_cast<int>(test.patched.seen.size())) return out;
  const auto worse = is_worse(test.baseline, test.patched, Failure::kNoPass, prior, rules);
  if (worse.answer == RateAnswer::kAsBefore) {
    out.cls = Cls::kFlaky;
    return out;
  }
  out.cls = Cls::kCoverageLost;
  out.unconfirmed = is_open(worse);
  out.more_each = worse.answer == RateAnswer::kMore ? worse.more_each : 0;
  out.confidence = worse.confidence;
  return out;
}

/// Not decided: what it looks like so far.
Classified classify_open(const TestView& test, const stats::RateDecision& decision, bool worse) {
  Classified out;
  out.more_each = decision.answer == RateAnswer::kMore ? decision.more_each : 0;
  const bool pure = test.baseline.state() != State::kMixed && test.patched.state() != State::kMixed;
  out.cls = pure ? Cls::kWarning : Cls::kFlaky;
  out.unconfirmed = pure || (worse && out.more_each > 0);
  out.only_patched =
      !pure && worse && test.baseline.count(Kind::kBad) == 0 && test.patched.count(Kind::kBad) >= 2;
  return out;
}

/// Bad in some boots: the two rates are compared in the direction in which they differ.
Classified classify_rates(const TestView& test, const ConfigView& view,
                          const stats::RateRules& rules, const stats::RatePrior& prior) {
  const SideView& before = test.baseline;
  const SideView& after = test.patched;
  Classified out;
  const bool nothing_before = before.count(Kind::kMissing) == static_cast<int>(before.seen.size());
  if (nothing_before && !is_new(test, view)) {
    out.cls = Cls::kWarning;
    out.no_baseline = true;
    return out;
  }
  const auto rate = [](const SideView& side) {
    return static_cast<double>(side.count(Kind::kBad)) / static_cast<double>(side.seen.size());
  };
  const bool worse = rate(after) > rate(before);
  const stats::RateDecision decision = worse ? is_worse(before, after, Failure::kBad, prior, rules)
                                             : is_worse(after, before, Failure::kBad, prior, rules);
  if (is_open(decision)) return classify_open(test, decision, worse);
  out.confidence = decision.confidence;
  if (decision.answer == RateAnswer::kAsBefore) {
    out.cls = Cls::kFlaky;
  } else if (worse) {
    out.cls = Cls::kRegression;
  } else {
    // What mostly stopped to run is not repaired.
    const auto passed = static_cast<size_t>(after.count(Kind::kPass));
    out.cls = 2 * passed > after.seen.size() ? Cls::kFix : Cls::kWarning;
  }
  return out;
}

}  // namespace

std::string_view to_string(Cls cls) {
  switch (cls) {
    case Cls::kRegression:
      return "regression";
    case Cls::kFix:
      return "fix";
    case Cls::kWarning:
      return "warning";
    case Cls::kFlaky:
      return "flaky";
    case Cls::kCoverageLost:
      return "coverage-lost";
    case Cls::kNewTest:
      return "new-test";
    case Cls::kNotTheSeries:
      return "not-the-series";
    case Cls::kNone:
      break;
  }
  return "";
}

Classified classify(const TestView& test, const ConfigView& view, const stats::RateRules& rules,
                    const stats::RatePrior& prior) {
  if (test.baseline.seen.empty() || test.patched.seen.empty()) return {};
  const int bad_before = test.baseline.count(Kind::kBad);
  const int bad_after = test.patched.count(Kind::kBad);
  if (bad_before == 0 && bad_after == 0) return classify_silent(test, view, rules, prior);
  if (bad_before == static_cast<int>(test.baseline.seen.size()) &&
      bad_after == static_cast<int>(test.patched.seen.size()))
    return classify_bad(test, rules);
  return classify_rates(test, view, rules, prior);
}

bool spoken_for(const TestView& test, const ConfigView& view, const stats::RateRules& rules) {
  return std::any_of(view.tests.begin(), view.tests.end(), [&](const TestView& other) {
    return other.test != test.test && covers(test.test, other.test) &&
           classify(other, view, rules, {}).cls == Cls::kRegression;
  });
}

}  // namespace kiln::verdict
