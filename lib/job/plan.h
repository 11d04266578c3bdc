#pragma once
/// What a run will do, before anything starts. Pure: rows in, plan out.
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lib/job/spec.h"

namespace kiln::job {

/// The series' kernel with its own objects counting their lines, and the baseline that it starts
/// from. They are built and booted for reach alone, never judged.
inline constexpr const char* kCoverage = "coverage";
inline constexpr const char* kCoverageBase = "coverage-base";
/// Either of them.
inline bool is_coverage(std::string_view variant) {
  return variant == kCoverage || variant == kCoverageBase;
}

/// The first `patches` of the series: "prefix-2".
std::string prefix_variant(int patches);
/// The series but one patch, counted from 1: "without-2", and the number back (0 = no such name).
std::string without_variant(int patch);
int patch_left_out(std::string_view variant);

/// One cell with the key of its kernel.
struct CellKey {
  std::string variant;  ///< "baseline" | "patched" | "prefix-K" | "coverage-base" | "coverage"
  std::string config;
  std::string key;
  enum class State { kCached, kIncremental, kFull };
  State state = State::kFull;
};

/// What this computer took before, seconds, newest last. Kinds: "build-full", "build-incremental",
/// "session-functional", "session-performance", "session-canary", "session-instructions",
/// "session-confirmation", "session-bisection", "session-coverage", "image".
using History = std::map<std::string, std::vector<double>>;

struct PlanInput {
  JobSpec spec;
  std::string source;                ///< "linux-source-6.1 6.1.192-1"
  std::string series_title;          ///< "[PATCH v2 0/3] drm/i915: ..."
  std::vector<std::string> patches;  ///< subjects
  std::vector<CellKey> cells;        ///< matrix cells first, then prefix cells
  int tests_per_cell = 0;
  History history;
  std::string machine;                      ///< "qemu-1 (TCG; wall clock is indicative only)"
  bool machine_counts_instructions = true;  ///< false: instruction sessions are left out
  uint64_t seed = 1;                        ///< of the random order of pairs
};

/// One boot to be made. The key is stable: the same plan gives the same keys, so that an
/// interrupted run knows what it has.
struct PlannedSession {
  std::string
      key;  ///< "functional/patched/i386-highmem/0", "performance/i386-highmem/pair3/patched"
  /// "functional" | "confirmation" | "bisection" | "coverage" | "performance" | "canary" |
  /// "instructions"
  std::string purpose;
  std::string variant;
  std::string config;
  int pair = 0;                ///< from 1; 0 = not of a pair
  bool patched_first = false;  ///< of the pair: order BA
  std::string build_key;
  std::vector<std::string> only_tests;  ///< confirmation: run just these; empty = all of the job
};

struct PlanCell {
  std::string variant, config, build_key;
  std::string
      same_as;  ///< "patched/i386-x": the cell that has the very same kernel and runs for both
};
struct PlanBuild {
  std::string cell;  ///< "patched/i386-highmem"
  std::string key;
  std::string state;  ///< "cached" | "incremental" | "full"
  double estimated_seconds = 0;
  std::string reason;
  std::string after_key;  ///< build that must be done first (its objects are cloned), "" = none
};
struct PlanSessions {
  std::string purpose;
  int count = 0;
  double estimated_seconds_each = 0;
};

struct Plan {
  std::vector<PlanCell> cells;
  std::vector<PlanBuild> builds;         ///< one a key, in the order of building
  std::vector<PlannedSession> sessions;  ///< in the order of running
  std::vector<PlanSessions> totals;
  double estimated_seconds = 0;
  double estimated_seconds_low = 0;
  double estimated_seconds_high = 0;
  std::string estimate_basis;
  std::vector<std::string> notes;
};

Plan make_plan(const PlanInput& input);

/// What a kind of step (as in History) takes where this computer has no history yet; 0 for unknown
/// kinds.
double first_guess_seconds(const std::string& kind);
/// What it takes by this computer's history, else the first guess.
double typical_seconds(const History& history, const std::string& kind);

/// One more pair of a config than the plan has. Its order hangs on the seed, the config and the
/// number alone, so that a run that goes on after an interruption asks for the same boots.
std::vector<PlannedSession> further_pair(const Plan& plan, const std::string& config, int pair,
                                         uint64_t seed);

/// A boot of a part of the series ("prefix-K", "without-K") that looks for the patch at fault.
PlannedSession bisection_session(const std::string& config, const std::string& variant,
                                 const std::string& build_key, int round,
                                 std::vector<std::string> tests);

/// `n` more sessions on each side of one config, interleaved baseline/patched in an order drawn
/// from the seed; `round` makes the keys unique.
std::vector<PlannedSession> confirmation_sessions(const Plan& plan, const std::string& config,
                                                  int n, int round,
                                                  const std::vector<std::string>& tests,
                                                  uint64_t seed);

}  // namespace kiln::job
