/// Confirming and bisecting failures: false regressions, power, boots.
#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "bench/calibration/table.h"
#include "lib/stats/culprit.h"
#include "lib/stats/rates.h"
#include "lib/stats/simulate.h"

namespace kiln::calibration {
namespace {

using namespace stats;

constexpr double kLeastRate = 0.01;
constexpr double kMostRate = 0.30;
constexpr int kFlaky = 14;  ///< flaky tests of a run, counted in each config that they are flaky in

/// How the rates of a run's flaky tests lie between 1 and 30 %.
enum class Spread { kEven, kEvenInLogs, kAllAtTheWorst };

double rate_at(Spread spread, double along) {
  if (spread == Spread::kAllAtTheWorst) return kMostRate;
  if (spread == Spread::kEven) return kLeastRate + (kMostRate - kLeastRate) * along;
  return kLeastRate * std::pow(kMostRate / kLeastRate, along);
}

/// Chance that a test of that rate is falsely called a regression, given a history of so many runs
/// at that same rate: over all histories, exactly.
double false_regression(double rate, int history) {
  double sum = 0;
  double chance = std::pow(1 - rate, history);  // of `failures` in the history
  for (int failures = 0; failures <= history; ++failures) {
    const RateOutlook look = outlook(
        rate, rate, {static_cast<double>(failures), static_cast<double>(history)}, RateRules());
    sum += chance * look.suspicion * look.regression;
    chance *= rate / (1 - rate) * (history - failures) / (failures + 1);
    if (chance < 1e-9) break;
  }
  return sum;
}

double mean_false_regression(Spread spread, int history) {
  constexpr int kPoints = 15;
  if (spread == Spread::kAllAtTheWorst) return false_regression(kMostRate, history);
  double sum = 0;
  for (int i = 0; i < kPoints; ++i)
    sum += false_regression(rate_at(spread, (i + 0.5) / kPoints), history);
  return sum / kPoints;
}

void exact_false_alarms(Table* table) {
  struct Case {
    const char* name;
    Spread spread;
    int history;
    bool asked;
  };
  for (const Case& one : {Case{"rates even over 1-30 %, no history", Spread::kEven, 0, true},
                          {"rates even over 1-30 %, history of 20 runs", Spread::kEven, 20, true},
                          {"rates even in logarithms, no history", Spread::kEvenInLogs, 0, true},
                          {"all at 30 %, no history", Spread::kAllAtTheWorst, 0, false}}) {
    const double each = mean_false_regression(one.spread, one.history);
    const double in_thousand = 1000 * -std::expm1(kFlaky * std::log1p(-each));
    const std::string what = fmt::format("{} flaky tests, {}", kFlaky, one.name);
    const std::string value = fmt::format("{:.2f} false regressions in 1,000 runs", in_thousand);
    if (one.asked)
      table->figure(what, value, "< 1", in_thousand < 1);
    else
      table->row(what, value + fmt::format("; < 1 for up to {} such tests",
                                           static_cast<int>(1e-3 / each)));
  }
}

/// The same by drawing whole runs: a check of the calculation.
void drawn_false_alarms(const Options& options, Table* table) {
  Random random(options.seed);
  const int runs = options.trials(20'000);
  int wrong = 0;
  int suspicions = 0;
  double pairs = 0;
  for (int run = 0; run < runs; ++run) {
    bool found = false;
    for (int test = 0; test < kFlaky; ++test) {
      const double rate = rate_at(Spread::kEven, random.uniform());
      RateCounts c{random.chance(rate) ? 1 : 0, 1, random.chance(rate) ? 1 : 0, 1};
      if (c.baseline_failures == 1 || c.patched_failures == 0) continue;
      ++suspicions;
      RateAnswer answer = RateAnswer::kMore;
      while ((answer = decide_rates(c, {}, {}).answer) == RateAnswer::kMore) {
        ++c.baseline_runs, ++c.patched_runs;
        c.baseline_failures += random.chance(rate) ? 1 : 0;
        c.patched_failures += random.chance(rate) ? 1 : 0;
      }
      pairs += c.baseline_runs;
      found = found || answer == RateAnswer::kRegression;
    }
    wrong += found ? 1 : 0;
  }
  table->row(fmt::format("the same, {} runs drawn: share with a false regression", runs),
             share(wrong, runs));
  table->row("suspicions in a run; pairs of runs until each is decided",
             fmt::format("{:.2f}; {:.1f}", static_cast<double>(suspicions) / runs,
                         pairs / std::max(1, suspicions)));
}

void power(Table* table) {
  struct Case {
    double before, after, least;
    RatePrior history;
  };
  for (const Case& one : {Case{0, 1, 1, {}},
                          {0, 1, 1, {0, 20}},
                          {0.01, 0.99, 0, {}},
                          {0.05, 0.6, 0.95, {}},
                          {0.05, 0.6, 0.95, {2, 40}},
                          {0, 0.5, 0, {}},
                          {0.3, 0.9, 0, {}},
                          {0.05, 0.4, 0, {}}}) {
    const RateOutlook look = outlook(one.before, one.after, one.history, RateRules());
    const std::string what = fmt::format("{:.0f} % -> {:.0f} %, history {}/{}", 100 * one.before,
                                         100 * one.after, one.history.failures, one.history.runs);
    const std::string value =
        fmt::format("found {:.4f}, \"as before\" {:.4f}, undecided {:.4f}, {:.1f} runs each",
                    look.regression, look.as_before, look.undecided, look.runs_each);
    if (one.least > 0)
      table->figure(what, value, one.least >= 1 ? "always" : fmt::format(">= {}", one.least),
                    look.regression >= one.least);
    else
      table->row(what, value);
  }
}

struct Search {
  bool right = false;
  bool decided = false;
  int boots = 0;
};

Search search(int patches, int culprit, double before, double after, int confirmed,
              Random* random) {
  std::vector<PrefixRuns> prefixes(static_cast<size_t>(patches) + 1);
  for (int i = 0; i < confirmed; ++i) {
    prefixes.front().failures += random->chance(before) ? 1 : 0;
    prefixes.back().failures += random->chance(after) ? 1 : 0;
  }
  prefixes.front().runs = prefixes.back().runs = confirmed;
  Search out;
  for (;;) {
    const Culprit found = find_culprit(prefixes, {});
    const std::optional<int> next = next_prefix(found);
    out.decided = found.decided;
    out.right = found.decided && found.first == culprit && found.last == culprit;
    if (!next || out.boots == 60) return out;
    PrefixRuns& runs = prefixes[static_cast<size_t>(*next)];
    ++out.boots;
    ++runs.runs;
    runs.failures += random->chance(*next < culprit ? before : after) ? 1 : 0;
  }
}

void bisection(const Options& options, Table* table) {
  Random random(options.seed + 1);
  const int trials = options.trials(2000);
  struct Case {
    int patches;
    double before, after;
    int confirmed;
  };
  for (const Case& one : {Case{3, 0, 1, 6}, {8, 0, 1, 6}, {3, 0.05, 0.6, 19}, {8, 0.05, 0.6, 19}}) {
    int right = 0;
    int decided = 0;
    int most = 0;
    double boots = 0;
    for (int trial = 0; trial < trials; ++trial) {
      const Search got = search(one.patches, 1 + trial % one.patches, one.before, one.after,
                                one.confirmed, &random);
      right += got.right ? 1 : 0;
      decided += got.decided ? 1 : 0;
      boots += got.boots;
      most = std::max(most, got.boots);
    }
    const std::string what = fmt::format("{} patches, {:.0f} % -> {:.0f} %", one.patches,
                                         100 * one.before, 100 * one.after);
    const std::string value =
        fmt::format("right {:.4f} of those decided ({:.4f}), boots: mean {:.1f}, most {}",
                    right / std::max(1.0, static_cast<double>(decided)),
                    static_cast<double>(decided) / trials, boots / trials, most);
    if (one.patches == 3 && one.after == 1)
      table->figure(what, value, "<= 2 boots", most <= 2 && right == trials);
    else
      table->row(what, value);
  }
}

}  // namespace

void functional(const Options& options, Table* table) {
  table->heading("Functional: confirming a suspicion");
  table->note(
      "A run has hundreds of tests; the steady ones can't raise a false regression. A flaky one "
      "is\n"
      "examined when the first pair differed: baseline passed, patched failed. Worked out "
      "exactly.");
  exact_false_alarms(table);
  drawn_false_alarms(options, table);
  table->note("Real regressions whose first pair differed:");
  power(table);
  table->heading("Functional: which patch");
  bisection(options, table);
}

}  // namespace kiln::calibration
