#include "lib/verdict/classify.h"

#include <algorithm>

namespace kiln::verdict {
namespace {

bool share_an_outcome(const SideView& a, const SideView& b) {
  const auto left = a.outcomes();
  const auto right = b.outcomes();
  return std::any_of(left.begin(), left.end(),
                     [&](const auto& entry) { return right.count(entry.first) > 0; });
}

/// The baseline ran what covers the test and never saw it: the series brought it.
bool is_new(const TestView& test, const ConfigView& view) {
  if (test.test == test.planned) return false;  // planned and lost, not new
  return std::any_of(view.tests.begin(), view.tests.end(), [&](const TestView& other) {
    return other.planned == test.planned &&
           other.baseline.count(Kind::kMissing) < static_cast<int>(other.baseline.seen.size());
  });
}

Classified classify_mixed(const SideView& baseline, const SideView& patched) {
  const int bad_before = baseline.count(Kind::kBad);
  const int bad_after = patched.count(Kind::kBad);
  Classified out;
  out.cls = Cls::kFlaky;
  out.only_patched = bad_before == 0 && bad_after >= 2;
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

Classified classify(const TestView& test, const ConfigView& view, int confirmations) {
  const State before = test.baseline.state();
  const State after = test.patched.state();
  Classified out;
  if (before == State::kNone || after == State::kNone) return out;
  if (before == State::kMixed || after == State::kMixed)
    return classify_mixed(test.baseline, test.patched);

  const size_t wanted = 1 + static_cast<size_t>(std::max(0, confirmations));
  const bool enough = test.baseline.seen.size() >= wanted && test.patched.seen.size() >= wanted;
  const bool good_before = before == State::kPass || before == State::kSkip;
  if (after == State::kBad) {
    if (before == State::kBad) {
      out.cls = share_an_outcome(test.baseline, test.patched) ? Cls::kNotTheSeries : Cls::kWarning;
      out.unconfirmed = out.cls == Cls::kWarning && !enough;
    } else if (good_before || is_new(test, view)) {
      out.cls = enough ? Cls::kRegression : Cls::kWarning;
      out.unconfirmed = !enough;
    } else {
      out.cls = Cls::kWarning;
      out.no_baseline = true;
    }
  } else if (before == State::kBad) {
    out.cls = after == State::kPass && enough ? Cls::kFix : Cls::kWarning;
    out.unconfirmed = !enough;
  } else if (before == State::kPass && after != State::kPass) {
    out.cls = Cls::kCoverageLost;
    out.unconfirmed = !enough;
  } else if (after == State::kPass && before != State::kPass) {
    if (before == State::kSkip || is_new(test, view)) out.cls = Cls::kNewTest;
  }
  return out;
}

}  // namespace kiln::verdict
