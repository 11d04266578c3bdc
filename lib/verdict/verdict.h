#pragma once
/// Results in, findings and verdict out. Pure: no clock, no disk; the same rows give the same
/// answer, so that a stored run can be judged again with other rules.
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "lib/hygiene/conditions.h"
#include "lib/job/spec.h"
#include "lib/kernel/build.h"
#include "lib/known/filter.h"
#include "lib/reach/reach.h"
#include "lib/statics/statics.h"
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
  /// "functional" | "confirmation" | "bisection" | "performance" | "canary" | "instructions"
  std::string purpose;
  std::string variant;  ///< "baseline" | "patched" | "prefix-K" | "without-K"
  std::string config;
  std::string ending;  ///< "tested" | "test-failed" | "infrastructure" | "cancelled"
  std::string error;
  std::string machine;
  std::vector<std::string> tags;  ///< of the machine
  int pair = 0;                   ///< performance pairs: same number = one pair of one config
  bool patched_first = false;
  bool emulated = true;                 ///< machine is emulated: wall clock is information only
  hygiene::Conditions conditions;       ///< under which it measured
  std::vector<std::string> only_tests;  ///< what it was to run; empty = all of the job
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

/// Older boots of a test say nothing more of it.
inline constexpr int kMostHistoryRuns = 50;

/// How often a test was bad on a kind of machine and config without any series, in earlier runs.
struct TestHistory {
  std::string config;
  std::string test;
  int failures = 0;
  int runs = 0;
};

/// In how many boots without any series a kernel report was seen, on that machine in earlier runs.
struct ReportHistory {
  std::string signature;
  int boots = 0;
};

/// Older A/A pairs of a machine say nothing more of it.
inline constexpr int kMostCanaryPairs = 240;

/// One metric in one boot of an A/A pair.
struct CanaryBoot {
  int64_t run_id = 0;
  int pair = 0;
  double value = 0;
  hygiene::Conditions conditions{};  ///< none on an emulated machine
};

/// What earlier runs measured of the baseline against itself on a machine.
struct CanaryHistory {
  std::string metric;
  std::vector<CanaryBoot> boots;  ///< in the order in which they ran
};

/// Older boots of a machine say nothing more of how it is set as a rule.
inline constexpr int kMostSettings = 50;

struct Input {
  job::JobSpec job;
  std::vector<std::string> planned_tests;  ///< expanded from the lists, in order, no duplicates
  std::map<std::string, std::string> planned_phase;  ///< test -> phase
  std::vector<std::string> patch_subjects;
  std::vector<std::string> touched_files;            ///< by the series, each once
  std::map<std::string, bool> config_wants_highmem;  ///< config -> its kernel has CONFIG_HIGHMEM
  std::vector<SessionRow> sessions;
  std::vector<BuildRow> builds;
  std::vector<int> not_revertible;   ///< patches (from 1) without which the rest does not apply
  std::vector<TestHistory> history;  ///< of tests that differ; others need none
  std::vector<ReportHistory> old_reports;  ///< of reports that findings may show
  std::vector<CanaryHistory> canaries;     ///< of metrics that wall clock compares
  /// How machines were set in earlier boots without any series, by machine.
  std::map<std::string, std::vector<hygiene::Settings>> settings_before;
  reach::Reach reach;     ///< which lines of the series ran
  statics::Side statics;  ///< what tools say of each patch
  bool interrupted = false;
  std::string infrastructure_error;  ///< why the run could not go on, "" = it could
  std::vector<known::Filter> known;  ///< known issues, also those that no longer hold
  WallTime ended{};                  ///< of the run (now, while it runs): which filters hold
};

/// What in which boot makes a finding: known issues are matched with it.
struct Occurrence {
  std::string finding;  ///< its id
  int64_t session_id = 0;
  std::string test;  ///< "" = a report outside of tests
  std::string config;
  std::string outcome;         ///< effective (outcome.h)
  int row = -1;                ///< index in the session's results; -1 = no result
  int report = -1;             ///< index in the session's kernel reports; -1 = all of the test's
  std::vector<int64_t> known;  ///< filters that cover it, or a part of it
};

/// Functional outcomes of one test in one cell.
struct CellCounts {
  std::string variant;
  std::string config;
  std::map<std::string, int> outcomes;
  std::vector<int64_t> session_ids;
};

/// What one step of a series' bisection showed.
struct BisectionStep {
  std::string variant;  ///< "baseline" | "prefix-K" | "patched" | "without-K"
  std::string config;
  int bad = 0;
  int runs = 0;
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
  std::string known;          ///< of class "known": "filter 3: reason"
  std::string subject;        ///< what it is about, the same in every run: test, signature ...
  std::string bare_cls;       ///< the class without known issues
  bool only_patched = false;  ///< nothing of it was seen without the series
  std::string explain;        ///< two sentences for outsiders
  std::vector<KernelReport> kernel;
  std::string patch;  ///< "2/3 drm/i915/gt: ..."
  std::vector<std::string> evidence;
  double confidence = 0;  ///< 0 to 1, of the class; 0 = not decided by counts
  std::string prior;      ///< what earlier runs say of the test, "" = nothing
  std::vector<BisectionStep> bisection;
};

struct PairValue {
  double left = 0;
  double right = 0;
  std::string order;  ///< "AB" | "BA" | "same boot"
  std::string excluded;
  int pair = 0;  ///< of the sessions
};

struct Comparison {
  std::string metric, unit, config, kind, left, right, answer, note;
  double change_percent = 0, ci_low_percent = 0, ci_high_percent = 0;
  double ci90_low_percent = 0, ci90_high_percent = 0;
  double p_value = 1, p_adjusted = 1, p_signflip = 1;
  double margin_percent = 0, detectable_percent = 0;
  int more_pairs = 0;
  /// Intervals and p_repeated hold at all looks together; 0 looks = it asks for no more pairs.
  int looks_taken = 0, looks_at_most = 0, pairs_at_most = 0;
  double p_repeated = 1;
  double left_typical = 0, right_typical = 0;
  bool decides = false;
  std::vector<PairValue> pairs;
};

/// HIGHMEM x patch: is the effect on a metric another one with HIGHMEM than without?
struct MetricInteraction {
  struct Side {
    std::string config;
    double left_typical = 0, right_typical = 0;
    double change_percent = 0, ci_low_percent = 0, ci_high_percent = 0;
  };
  std::string metric, unit, kind, left, right;
  Side on, off;                   ///< with HIGHMEM, and without
  std::string answer;             ///< "differs" | "equal" | "inconclusive"
  bool has_percent = true;        ///< false: counts with zeros, compared as counts
  double difference_percent = 0;  ///< how much larger the ratio right to left is with HIGHMEM
  double ci_low_percent = 0, ci_high_percent = 0;
  double p_value = 1, p_adjusted = 1;
  bool exact = false;    ///< counts that need no test
  bool matched = false;  ///< pair i of both was taken together
  bool decides = false;
};

/// What a machine makes of nothing, from A/A pairs: for the metrics of one entry of the job.
struct Noise {
  std::string machine;
  std::string family;  ///< the entry's glob
  int metrics = 0;
  int pairs = 0;
  double sd_percent = 0, sd_low_percent = 0, sd_high_percent = 0;  ///< of one pair; 0 = not known
  /// Experiments of as many pairs as the job has, over all metrics; those that raised an alarm.
  int experiments = 0, alarms = 0;
  double rate_low = 0, rate_high = 1;     ///< exact 95 % interval of the false-alarm rate
  std::vector<std::string> not_believed;  ///< metrics that raise more alarms than is nominal
};

/// A boot whose wall clock does not count.
struct UnfitBoot {
  int64_t session_id = 0;
  std::string purpose, variant, config;
  int pair = 0;
  std::string why;
};

/// How a machine was set in the run, as far as it says.
struct Hygiene {
  std::string machine;
  hygiene::Settings usual;
  double celsius = 0;  ///< the highest seen; 0 = not known
  int boots = 0;       ///< that said something
  std::vector<UnfitBoot> unfit;
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
  int regressions = 0, fixes = 0, warnings = 0, flaky = 0, known = 0;
  std::vector<Finding> findings;
  std::vector<Comparison> comparisons;
  std::vector<MetricInteraction> interactions;
  std::vector<Noise> noise;
  std::vector<Hygiene> hygiene;
  std::vector<Claim> claims;
  std::vector<NotTested> not_tested;
  reach::Reach reach;
  statics::Side statics;
  std::vector<Lost> lost;
  std::vector<CellCounts> outcome_counts;
  std::vector<Occurrence> occurrences;       ///< of findings that known issues may cover
  std::vector<known::Filter> known_filters;  ///< those that make a finding known
};

/// A difference seen in the functional sessions that asks for confirmation.
struct Suspicion {
  std::string config;
  std::vector<std::string> tests;  ///< all that need more boots in this config, in planned order
  int boots_each = 0;              ///< further boots on each side that decide at the earliest
};

/// Which configs need more boots on both sides, and of which tests, before their differences get a
/// name; empty when all are decided or their bounds are reached.
std::vector<Suspicion> suspicions(const Input& input);

/// The tests that differ, by config, with no counts: whoever has the store fills Input::history.
std::vector<TestHistory> tests_to_look_up(const Input& input);

/// Signatures seen with the series and not without it: whoever has the store fills
/// Input::old_reports.
std::vector<std::string> reports_to_look_up(const Input& input);

/// A boot that a bisection asks for.
struct BisectionBoot {
  std::string config;
  std::string variant;  ///< "prefix-K" | "without-K"
  std::vector<std::string> tests;
  bool operator==(const BisectionBoot&) const = default;
};

/// Which parts of the series to boot next so that each confirmed regression gets its patch;
/// findings share boots. Empty when all have one, or no boot can tell more.
std::vector<BisectionBoot> bisection_boots(const Input& input);

/// The metrics that are compared by wall clock, with no boots: whoever has the store fills
/// Input::canaries from runs before this one.
std::vector<CanaryHistory> canaries_to_look_up(const Input& input);

/// What is left of a run's time for more pairs.
struct PairBudget {
  double seconds_left = 0;
  double seconds_a_pair = 0;  ///< both boots; 0 = they cost nothing
};

/// A config whose figures need more pairs of boots.
struct FurtherPairs {
  std::string config;
  int from = 0, to = 0;           ///< numbers of the pairs to take before the next look
  std::vector<std::string> open;  ///< metrics that decide and are not decided
};

/// Which configs go on, in the job's order: where a comparison that decides, and needs a test, has
/// no answer yet. Bounded by the job's `max_pairs` and by the budget, which the configs share.
/// Empty: all is answered, or nothing more can be asked for.
std::vector<FurtherPairs> further_pairs(const Input& input, const PairBudget& budget);

Output judge(const Input& input);

}  // namespace kiln::verdict
