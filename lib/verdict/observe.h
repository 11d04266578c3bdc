#pragma once
/// The rows of a run laid out for comparing: per config, per test, what each side's boots gave.
/// Pure. Everything points into the Input, which must outlive it.
#include <optional>
#include <string>
#include <vector>

#include "lib/verdict/outcome.h"
#include "lib/verdict/verdict.h"

namespace kiln::verdict {

/// One test in one boot.
struct Observation {
  const SessionRow* session = nullptr;
  const ResultRow* row = nullptr;  ///< nullptr: planned, and no result came
  std::string outcome;             ///< effective; kNoResult without a row
};

/// What all boots of one side make of one test.
enum class State { kNone, kPass, kSkip, kBad, kMissing, kMixed };

/// One test on one side of one config.
struct SideView {
  std::vector<Observation> seen;
  [[nodiscard]] State state() const;
  [[nodiscard]] int count(Kind kind) const;
  [[nodiscard]] std::map<std::string, int> outcomes() const;
  /// "fail in 3 of 3 boots", "fail in 2 and pass in 1 of 3 boots"
  [[nodiscard]] std::string words() const;
};

struct TestView {
  std::string test;
  std::string planned;  ///< the planned name that covers it; the test itself when none does
  size_t order = 0;     ///< of `planned` in the plan
  SideView baseline;
  SideView patched;
};

/// One cell's sessions that ran the tests.
struct CellView {
  std::string variant;
  std::string config;
  std::vector<const SessionRow*> functional;     ///< usable
  std::vector<const SessionRow*> confirmations;  ///< usable
  std::vector<const SessionRow*> unusable;       ///< infrastructure or cancelled
  bool build_failed = false;
  std::vector<Lost> lost;  ///< planned tests without a result in any functional session
  int got = 0;             ///< planned tests with one
};

struct ConfigView {
  std::string config;
  std::optional<bool> highmem;
  CellView baseline;
  CellView patched;
  std::vector<TestView> tests;  ///< in planned order
  /// Both sides have a session that says something about tests.
  [[nodiscard]] bool comparable() const {
    return !baseline.functional.empty() && !patched.functional.empty();
  }
};

/// A session that says something about its kernel: infrastructure endings say nothing.
bool usable(const SessionRow& session);
/// Does a run of this job have a patched side at all?
bool has_series(const Input& input);

std::vector<ConfigView> observe(const Input& input);

/// Does this test differ in the functional sessions so that more boots must tell?
bool differs(const TestView& test);

}  // namespace kiln::verdict
