#pragma once
/// Results in, findings and verdict out. Pure: no clock, no disk; the same rows give the same
/// answer, so that a stored run can be judged again with other rules.
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "lib/job/spec.h"
#include "lib/kernel/build.h"
#include "lib/known/filter.h"
#include "lib/verdict/kernel_report.h"

namespace kiln::verdict {

/// One test in one session.
struct ResultRow {
  std::string test;
  std::string phase;
  std::string outcome;  ///< igt_runner's word
  double seconds = 0;
  std::string reason;
  std::string kernel_words;  ///< kernel messages of level warning or worse while it ran
};

struct MeasurementRow {
  std::string bench;
  std::string metric;
  double value = 0;
  std::string unit;
};

/// One finished session.
struct SessionRow {
  int64_t id = 0;
  std::string purpose;  ///< "functional" | "confirmation" | "performance" | "instructions"
  std::string variant;  ///< "baseline" | "patched" | "prefix-K"
  std::string config;
  std::string ending;  ///< "tested" | "test-failed" | "infrastructure" | "cancelled"
  std::string error;
  int pair = 0;  ///< performance pairs: same number = one pair of one config
  bool patched_first = false;
  bool emulated = true;  ///< machine is emulated: wall clock is information only
  std::vector<ResultRow> results;
  std::vector<MeasurementRow> measurements;
  std::vector<KernelReport> kernel;
};

/// One build of the run.
struct BuildRow {
  std::string variant;
  std::string config;
  kernel::BuildRecord record;
};

/// A prefix of the series that was only built (or did not build).
struct Input {
  job::JobSpec job;
  std::vector<std::string> planned_tests;  ///< expanded from the lists, in order, no duplicates
  std::map<std::string, std::string> planned_phase;  ///< test -> phase
  std::vector<std::string> patch_subjects;
  std::map<std::string, bool> config_wants_highmem;  ///< config -> its kernel has CONFIG_HIGHMEM
  std::vector<SessionRow> sessions;
  std::vector<BuildRow> builds;
  bool interrupted = false;
  std::string infrastructure_error;  ///< why the run could not go on, "" = it could
};

/// Functional outcomes of one test in one cell.
struct CellCounts {
  std::string variant;
  std::string config;
  std::map<std::string, int> outcomes;
  std::vector<int64_t> session_ids;
};

struct Finding {
  std::string id;
  std::string cls;  ///< see kiln.v1.Finding.class
  std::string test;
  std::vector<std::string> also;
  std::string summary;
  std::vector<CellCounts> counts;
  std::string interaction;
  std::vector<KernelReport> kernel;
  std::string patch;
  std::vector<std::string> evidence;
};

struct PairValue {
  double left = 0;
  double right = 0;
  std::string order;  ///< "AB" | "BA" | "same boot"
  std::string excluded;
};

struct Comparison {
  std::string metric, unit, config, kind, left, right, answer, note;
  double change_percent = 0, ci_low_percent = 0, ci_high_percent = 0;
  double ci90_low_percent = 0, ci90_high_percent = 0;
  double p_value = 1, p_adjusted = 1, p_signflip = 1;
  double margin_percent = 0, detectable_percent = 0;
  int more_pairs = 0;
  double left_typical = 0, right_typical = 0;
  bool decides = false;
  std::vector<PairValue> pairs;
};

struct Claim {
  std::string text, answer, figure, why;
};

struct NotTested {
  std::string file;
  int line = 0;
  std::string what, needs;
};

struct Lost {
  std::string test, variant, config, why;
};

struct Output {
  std::string result;  ///< see kiln.v1.Verdict.result
  int exit_code = 3;
  std::string headline;
  std::vector<std::string> reasons;
  int results_planned = 0, results_got = 0;
  int regressions = 0, fixes = 0, warnings = 0, flaky = 0;
  std::vector<Finding> findings;
  std::vector<Comparison> comparisons;
  std::vector<Claim> claims;
  std::vector<NotTested> not_tested;
  std::vector<Lost> lost;
  std::vector<CellCounts> outcome_counts;
};

/// A difference seen in the functional sessions that asks for confirmation.
struct Suspicion {
  std::string config;
  std::vector<std::string> tests;  ///< all that differ in this config, in planned order
};

/// Which configs need `job.confirmations` more sessions on each side, and for which tests; empty
/// when nothing differs or the confirmations are in already.
std::vector<Suspicion> suspicions(const Input& input);

Output judge(const Input& input);

}  // namespace kiln::verdict
