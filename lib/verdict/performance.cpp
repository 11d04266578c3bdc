#include "lib/verdict/performance.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "lib/verdict/canaries.h"
#include "lib/verdict/draft.h"
#include "lib/verdict/looks.h"

namespace kiln::verdict {
namespace {

struct Sides {
  std::vector<double> left;
  std::vector<double> right;
};

Sides counted(const PairedMetric& metric) {
  Sides sides;
  for (const PairValue& pair : metric.pairs) {
    if (!pair.excluded.empty()) continue;
    sides.left.push_back(pair.left);
    sides.right.push_back(pair.right);
  }
  return sides;
}

bool same_sign_everywhere(const Sides& s) {
  bool less = true;
  bool more = true;
  for (size_t i = 0; i < s.left.size(); ++i) {
    less = less && s.right[i] < s.left[i];
    more = more && s.right[i] > s.left[i];
  }
  return less || more;
}

/// Do counts speak for themselves? Equal in every boot; or, inside one boot, ordered the same way
/// in every boot; or, between boots, with ranges that do not touch.
bool counter_is_exact(const PairedMetric& metric, const Sides& s) {
  if (s.left.empty()) return false;
  if (s.left == s.right) return true;
  if (metric.same_boot) return same_sign_everywhere(s);
  const auto [left_min, left_max] = std::minmax_element(s.left.begin(), s.left.end());
  const auto [right_min, right_max] = std::minmax_element(s.right.begin(), s.right.end());
  return *right_max < *left_min || *right_min > *left_max;
}

/// Counters that differ by no more than what a boot's own noise gives, in every pair.
bool within_count_noise(const PairedMetric& metric, const Sides& s) {
  for (size_t i = 0; i < s.left.size(); ++i)
    if (std::fabs(s.left[i] - s.right[i]) > metric.spec->smallest_count) return false;
  return metric.kind == "counter" && metric.spec->smallest_count > 0 && !s.left.empty();
}

/// Do instruction counts repeat as well as they should, so that the noise floor bounds them?
bool instructions_are_exact(const stats::Compared& c, const Sides& s) {
  if (!c.by_ratio || c.n == 0) return false;
  const double floor = kInstructionNoisePercent / 100;
  for (size_t i = 0; i < s.left.size(); ++i)
    if (std::fabs(std::log(s.right[i] / s.left[i]) - c.paired.mean) > floor) return false;
  return true;
}

std::string better_or_worse(const Draft& d) {
  const bool lower = d.numbers.right_typical < d.numbers.left_typical;
  return lower == d.metric->spec->lower_is_better ? "faster" : "slower";
}

/// Counts that agree in every boot need no test: only the question whether it matters remains.
void answer_exact(Draft* d) {
  Comparison& out = d->out;
  if (within_count_noise(*d->metric, counted(*d->metric))) {
    out.answer = "equivalent";
    if (d->numbers.left_typical != d->numbers.right_typical)
      out.note = fmt::format("differences up to {:g} are a boot's own noise",
                             d->metric->spec->smallest_count);
    return;
  }
  const stats::Compared& c = d->numbers;
  const double change = std::fabs(c.change_percent);
  const bool equal = c.left_typical == c.right_typical;
  const bool is_counter = d->metric->kind == "counter";
  const bool real = is_counter ? !equal : change > kInstructionNoisePercent;
  if (!is_counter) {
    const double floor = kInstructionNoisePercent;
    out.ci_low_percent = out.ci90_low_percent = out.change_percent - floor;
    out.ci_high_percent = out.ci90_high_percent = out.change_percent + floor;
    out.detectable_percent = floor;
  }
  if (real && (!c.has_percent || change >= d->rules.smallest_percent)) {
    out.answer = better_or_worse(*d);
  } else if (!real || change <= d->rules.margin_percent) {
    out.answer = "equivalent";
    if (real)
      out.note = fmt::format("a real difference, below the smallest effect of interest ({:g} %)",
                             d->rules.smallest_percent);
  } else {
    out.answer = "inconclusive";
  }
  if (c.n == 1 && out.note.empty())
    out.note = is_counter ? "one boot: a count is taken as exact"
                          : "one pair of boots: instruction counts repeat within 0.1 %";
}

/// Why a small p does not decide.
std::string small_p_note(const Draft& d, const stats::LookResult& result, int family) {
  if (d.out.p_value >= 0.05 || result.adjusted_p < 0.05) return "";
  if (result.repeated_p < 0.05)
    return fmt::format("p below 0.05 by itself, not among {} comparisons", family);
  return fmt::format("p below 0.05 by itself, not at look {} of at most {}", d.out.looks_taken,
                     d.out.looks_at_most);
}

void answer_by_test(Draft* d, const stats::LookResult& result, int family) {
  Comparison& out = d->out;
  out.p_repeated = result.repeated_p;
  out.p_adjusted = result.adjusted_p;
  if (out.looks_at_most > 1) {
    out.ci_low_percent = finite_or_zero(result.repeated95_percent.low);
    out.ci_high_percent = finite_or_zero(result.repeated95_percent.high);
    out.ci90_low_percent = finite_or_zero(result.repeated90_percent.low);
    out.ci90_high_percent = finite_or_zero(result.repeated90_percent.high);
  }
  switch (result.answer) {
    case stats::Answer::kChanged:
      out.answer = better_or_worse(*d);
      break;
    case stats::Answer::kEquivalent:
      out.answer = "equivalent";
      break;
    case stats::Answer::kInconclusive:
      out.answer = "inconclusive";
      out.more_pairs = result.more_pairs;
      if (out.note.empty()) out.note = small_p_note(*d, result, family);
      break;
  }
}

/// A machine that sees differences where there are none decides nothing by its wall clock.
void check_machine(const std::map<std::string, stats::NoiseFloor>& floors, Draft* d) {
  const auto floor = floors.find(d->out.metric);
  if (d->metric->kind != "wall-clock" || d->metric->same_boot || d->metric->emulated) return;
  if (floor == floors.end() || floor->second.as_nominal) return;
  d->believed = false;
  d->out.decides = false;
  d->out.note = not_believed_because(floor->second);
}

/// What decides by a test, in boots that a run can have more of, is looked at again and again;
/// everything else once.
void plan_looks(const Input& input, const LookPlan& plan, Draft* d) {
  d->looks = one_look(d->numbers.n);
  const bool informs = d->metric->kind == "wall-clock" && (d->metric->emulated || !d->believed);
  if (d->exact || informs || d->numbers.n == 0 || d->metric->purpose != "performance") return;
  d->looks = looks_of(*d->metric, plan);
  d->out.looks_taken = static_cast<int>(plan.taken.size());
  d->out.looks_at_most = plan.at_most;
  d->out.pairs_at_most = std::max(input.job.pairs, input.job.max_pairs);
}

Draft draft_of(const PairedMetric& metric, uint64_t seed) {
  Draft d;
  d.metric = &metric;
  d.rules = {metric.spec->margin_percent, metric.spec->smallest_percent, seed};
  const Sides sides = counted(metric);
  d.numbers = stats::compare(sides.left, sides.right, d.rules);
  const stats::Compared& c = d.numbers;
  Comparison& out = d.out;
  out.metric = metric.metric;
  out.unit = metric.unit;
  out.config = metric.config;
  out.kind = metric.kind;
  out.left = metric.left;
  out.right = metric.right;
  out.pairs = metric.pairs;
  out.change_percent = finite_or_zero(c.change_percent);
  out.ci_low_percent = finite_or_zero(c.ci95_percent.low);
  out.ci_high_percent = finite_or_zero(c.ci95_percent.high);
  out.ci90_low_percent = finite_or_zero(c.ci90_percent.low);
  out.ci90_high_percent = finite_or_zero(c.ci90_percent.high);
  if (c.n < 2)
    out.ci_low_percent = out.ci_high_percent = out.ci90_low_percent = out.ci90_high_percent = 0;
  out.p_value = out.p_adjusted = c.paired.p;
  out.p_signflip = c.p_signflip;
  out.margin_percent = d.rules.margin_percent;
  out.detectable_percent = finite_or_zero(c.detectable_percent);
  out.left_typical = c.left_typical;
  out.right_typical = c.right_typical;
  if (metric.kind == "counter") {
    d.exact = counter_is_exact(metric, sides) || within_count_noise(metric, sides);
    out.decides = c.n > 0;
    if (!c.has_percent && c.right_typical != 0)
      out.note = fmt::format("from 0 to {:g}: no percentage", c.right_typical);
    else if (!c.by_ratio && !d.exact && c.n > 0)
      out.note = "compared by difference: zeros have no logarithm";
  } else if (metric.kind == "instructions") {
    d.exact = instructions_are_exact(c, sides);
    out.decides = c.n > 0;
  } else {
    out.decides = c.n > 1 && !metric.emulated;
    if (metric.emulated) out.note = "emulated machine: wall clock is information only";
  }
  return d;
}

/// Benjamini-Hochberg among those that decide, and apart from them among those that inform.
void adjust_and_answer(std::vector<Draft>* drafts) {
  for (const bool decides : {true, false}) {
    std::vector<Draft*> family;
    std::vector<stats::Watched> watched;
    for (Draft& d : *drafts) {
      if (d.out.decides != decides) continue;
      if (d.exact) {
        answer_exact(&d);
      } else {
        family.push_back(&d);
        watched.push_back({&d.numbers, d.rules, d.looks});
      }
    }
    const std::vector<stats::LookResult> results = stats::look_at_all(watched);
    for (size_t i = 0; i < family.size(); ++i)
      answer_by_test(family[i], results[i], static_cast<int>(family.size()));
  }
}

}  // namespace

bool between_variants(const Comparison& comparison) {
  return comparison.left == "baseline" && comparison.right == "patched";
}

std::string figure_of(const Comparison& c) {
  const auto counted_pairs = std::count_if(c.pairs.begin(), c.pairs.end(),
                                           [](const PairValue& p) { return p.excluded.empty(); });
  if (counted_pairs == 0) return "no pair";
  if (c.kind == "counter") return fmt::format("{:g} -> {:g}", c.left_typical, c.right_typical);
  if (counted_pairs < 2 && c.kind != "instructions")
    return fmt::format("{:+.1f} %", c.change_percent);
  const bool fine = std::fabs(c.change_percent) < 1;
  return fine ? fmt::format("{:+.2f} % [{:+.2f}, {:+.2f}]", c.change_percent, c.ci_low_percent,
                            c.ci_high_percent)
              : fmt::format("{:+.1f} % [{:+.1f}, {:+.1f}]", c.change_percent, c.ci_low_percent,
                            c.ci_high_percent);
}

Performance compare_metrics(const Input& input) {
  const std::vector<PairedMetric> metrics = pair_metrics(input);
  std::map<std::string, LookPlan> plans;
  for (const std::string& config : input.job.configs)
    plans[config] = look_plan(input.job, pairs_taken(input, config));
  const std::map<std::string, stats::NoiseFloor> floors = noise_floors(input);
  std::vector<Draft> drafts;
  for (const PairedMetric& metric : metrics) {
    drafts.push_back(draft_of(metric, input.job.seed));
    check_machine(floors, &drafts.back());
    plan_looks(input, plans[metric.config], &drafts.back());
  }
  adjust_and_answer(&drafts);
  Performance out;
  out.interactions = highmem_interactions(input, drafts);
  for (Draft& d : drafts) out.comparisons.push_back(std::move(d.out));
  return out;
}

}  // namespace kiln::verdict
