#include "lib/verdict/observe.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>

namespace kiln::verdict {
namespace {

using RowsByTest = std::unordered_map<std::string_view, const ResultRow*>;

int badness(std::string_view outcome) {
  switch (kind_of(outcome)) {
    case Kind::kBad:
      return 2;
    case Kind::kSkip:
      return 1;
    default:
      return 0;
  }
}

/// The plan's names, and which of them covers a result.
class PlanIndex {
 public:
  explicit PlanIndex(const std::vector<std::string>& planned) {
    for (size_t i = 0; i < planned.size(); ++i) order_.emplace(planned[i], i);
  }
  /// The planned test that covers `name`, or `name` itself.
  [[nodiscard]] std::string_view covering(std::string_view name) const {
    for (std::string_view part = name;;) {
      if (const auto found = order_.find(part); found != order_.end()) return found->first;
      const size_t at = part.rfind('@');
      if (at == std::string_view::npos) return name;
      part = part.substr(0, at);
    }
  }
  [[nodiscard]] size_t order(std::string_view planned) const {
    const auto found = order_.find(planned);
    return found == order_.end() ? order_.size() : found->second;
  }

 private:
  std::unordered_map<std::string_view, size_t> order_;
};

RowsByTest rows_of(const SessionRow& session) {
  RowsByTest rows;
  for (const ResultRow& row : session.results) {
    auto [at, is_new] = rows.emplace(row.test, &row);
    // A result that came twice counts once; of two different ones the worse.
    if (!is_new && badness(row.outcome) > badness(at->second->outcome)) at->second = &row;
  }
  return rows;
}

/// Sessions of a cell; a cell whose kernel is another cell's has that one's.
std::vector<const SessionRow*> sessions_of(const Input& input, const std::string& variant,
                                           const std::string& config) {
  const auto collect = [&](const std::string& v, const std::string& c) {
    std::vector<const SessionRow*> out;
    for (const SessionRow& session : input.sessions)
      if (session.variant == v && session.config == c &&
          (session.purpose == "functional" || session.purpose == "confirmation"))
        out.push_back(&session);
    return out;
  };
  std::vector<const SessionRow*> own = collect(variant, config);
  if (!own.empty()) return own;
  std::string key;
  for (const BuildRow& build : input.builds)
    if (build.variant == variant && build.config == config) key = build.record.key;
  if (key.empty()) return own;
  for (const BuildRow& build : input.builds) {
    if (build.record.key != key || (build.variant == variant && build.config == config)) continue;
    own = collect(build.variant, build.config);
    if (!own.empty()) return own;
  }
  return own;
}

/// IGT calls a subtest that it does not know "skip"; a name that runs nothing is no result.
bool is_unknown_subtest(const ResultRow& row) {
  return row.outcome == "skip" && row.reason.starts_with("unknown subtest");
}

std::string why_lost(const CellView& cell) {
  for (const SessionRow* session : cell.functional)
    if (!session->error.empty()) return fmt::format("session {}: {}", session->id, session->error);
  return fmt::format("session {} ended without it", cell.functional.back()->id);
}

CellView cell_view(const Input& input, const std::string& variant, const std::string& config,
                   const PlanIndex& index) {
  CellView cell;
  cell.variant = variant;
  cell.config = config;
  for (const SessionRow* session : sessions_of(input, variant, config)) {
    auto& list = !usable(*session)                    ? cell.unusable
                 : session->purpose == "confirmation" ? cell.confirmations
                                                      : cell.functional;
    list.push_back(session);
  }
  for (const BuildRow& build : input.builds)
    if (build.variant == variant && build.config == config && build.record.state == "failed")
      cell.build_failed = true;
  if (cell.functional.empty()) return cell;
  std::set<std::string_view> got;
  std::set<std::string_view> unknown;
  for (const SessionRow* session : cell.functional)
    for (const ResultRow& row : session->results)
      (is_unknown_subtest(row) ? unknown : got).insert(index.covering(row.test));
  for (const std::string& planned : input.planned_tests) {
    if (got.count(planned) > 0) {
      ++cell.got;
    } else {
      cell.lost.push_back({planned, variant, config,
                           unknown.count(planned) > 0
                               ? "this IGT has no such subtest: correct the test list"
                               : why_lost(cell)});
    }
  }
  return cell;
}

/// Adds one session's word on each test. `expected`: tests without a row here are missing.
template <typename Expected>
void add_session(const SessionRow& session, std::vector<TestView>* tests, SideView TestView::*side,
                 Expected expected) {
  const RowsByTest rows = rows_of(session);
  for (TestView& test : *tests) {
    const auto found = rows.find(test.test);
    if (found != rows.end()) {
      (test.*side).seen.push_back({&session, found->second, outcome_in(session, *found->second)});
    } else if (expected(test)) {
      (test.*side).seen.push_back({&session, nullptr, std::string(kNoResult)});
    }
  }
}

bool was_asked(const SessionRow& session, const TestView& test) {
  const auto& asked = session.only_tests;
  return asked.empty() || std::find(asked.begin(), asked.end(), test.planned) != asked.end();
}

/// Every test that gave a result anywhere in this config, and planned ones that never did.
std::vector<TestView> list_tests(const Input& input, const ConfigView& view,
                                 const PlanIndex& index) {
  std::set<std::string_view> names;
  std::set<std::string_view> covered;
  for (const CellView* cell : {&view.baseline, &view.patched})
    for (const auto* sessions : {&cell->functional, &cell->confirmations})
      for (const SessionRow* session : *sessions)
        for (const ResultRow& row : session->results) {
          names.insert(row.test);
          covered.insert(index.covering(row.test));
        }
  for (const std::string& planned : input.planned_tests)
    if (covered.count(planned) == 0) names.insert(planned);
  std::vector<TestView> tests;
  for (const std::string_view name : names) {
    TestView test;
    test.test = std::string(name);
    test.planned = std::string(index.covering(name));
    test.order = index.order(test.planned);
    tests.push_back(std::move(test));
  }
  std::stable_sort(tests.begin(), tests.end(),
                   [](const TestView& a, const TestView& b) { return a.order < b.order; });
  return tests;
}

}  // namespace

State SideView::state() const {
  if (seen.empty()) return State::kNone;
  const Kind first = kind_of(seen.front().outcome);
  for (const Observation& one : seen)
    if (kind_of(one.outcome) != first) return State::kMixed;
  switch (first) {
    case Kind::kPass:
      return State::kPass;
    case Kind::kSkip:
      return State::kSkip;
    case Kind::kMissing:
      return State::kMissing;
    case Kind::kBad:
      break;
  }
  return State::kBad;
}

int SideView::count(Kind kind) const {
  return static_cast<int>(std::count_if(seen.begin(), seen.end(), [&](const Observation& one) {
    return kind_of(one.outcome) == kind;
  }));
}

std::map<std::string, int> SideView::outcomes() const {
  std::map<std::string, int> out;
  for (const Observation& one : seen) ++out[one.outcome];
  return out;
}

std::string SideView::words() const {
  if (seen.empty()) return "no boot";
  std::string out;
  for (const auto& [outcome, n] : outcomes())
    out += fmt::format("{}{} in {}", out.empty() ? "" : " and ", outcome, n);
  return out + fmt::format(" of {}", count_of(static_cast<int>(seen.size()), "boot", "boots"));
}

bool usable(const SessionRow& session) {
  return session.ending == "tested" || session.ending == "test-failed";
}

bool has_series(const Input& input) {
  if (input.job.series.kind != job::SeriesSpec::Kind::kNone) return true;
  return std::any_of(input.sessions.begin(), input.sessions.end(),
                     [](const SessionRow& s) { return s.variant == "patched"; });
}

bool differs(const TestView& test) {
  const auto functional = [](const SideView& side) {
    SideView out;
    for (const Observation& one : side.seen)
      if (one.session->purpose == "functional") out.seen.push_back(one);
    return out;
  };
  const SideView baseline = functional(test.baseline);
  const SideView patched = functional(test.patched);
  if (baseline.seen.empty() || patched.seen.empty()) return false;
  const State before = baseline.state();
  const State after = patched.state();
  if (before == State::kBad && after == State::kBad)
    return baseline.outcomes() != patched.outcomes();
  if (before == after) return false;
  if (before == State::kMixed || after == State::kMixed) return true;
  // Something that only skipped, or never came, and now passes, skips or stays away is no worse.
  const bool silent = before == State::kSkip || before == State::kMissing;
  return !silent || after == State::kBad;
}

std::vector<ConfigView> observe(const Input& input) {
  const PlanIndex index(input.planned_tests);
  std::vector<ConfigView> views;
  for (const std::string& config : input.job.configs) {
    ConfigView view;
    view.config = config;
    if (const auto found = input.config_wants_highmem.find(config);
        found != input.config_wants_highmem.end()) {
      view.highmem = found->second;
    } else if (config.find("nohighmem") != std::string::npos) {
      view.highmem = false;
    } else if (config.find("highmem") != std::string::npos) {
      view.highmem = true;
    }
    view.baseline = cell_view(input, "baseline", config, index);
    view.patched = cell_view(input, "patched", config, index);
    view.tests = list_tests(input, view, index);
    for (const auto& [cell, side] : {std::pair{&view.baseline, &TestView::baseline},
                                     std::pair{&view.patched, &TestView::patched}})
      for (const SessionRow* session : cell->functional)
        add_session(*session, &view.tests, side, [](const TestView&) { return true; });
    // Only tests that differ in the first boots are asked for again, and a confirming boot runs
    // only what it was asked for: nothing else can be missing from it.
    std::set<const TestView*> differing;
    for (const TestView& test : view.tests)
      if (differs(test)) differing.insert(&test);
    for (const auto& [cell, side] : {std::pair{&view.baseline, &TestView::baseline},
                                     std::pair{&view.patched, &TestView::patched}})
      for (const SessionRow* session : cell->confirmations)
        add_session(*session, &view.tests, side, [&](const TestView& test) {
          return differing.count(&test) > 0 && was_asked(*session, test);
        });
    views.push_back(std::move(view));
  }
  return views;
}

}  // namespace kiln::verdict
