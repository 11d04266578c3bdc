#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lib/stats/interaction.h"
#include "lib/stats/multiple.h"
#include "lib/verdict/draft.h"

namespace kiln::verdict {
namespace {

/// The same metric with HIGHMEM and without.
struct Cross {
  const Draft* on = nullptr;
  const Draft* off = nullptr;
  stats::Interaction numbers;
  double equivalence_p = 0;  ///< level of the interval that must lie inside the margin
  MetricInteraction out;
};

bool same_metric(const Comparison& a, const Comparison& b) {
  return a.metric == b.metric && a.kind == b.kind && a.left == b.left && a.right == b.right;
}

/// The first config of each kind that measured the metric tells.
std::vector<Cross> crosses_of(const Input& input, const std::vector<Draft>& drafts) {
  const auto has_highmem = [&](const Draft& d) {
    const auto found = input.config_wants_highmem.find(d.out.config);
    return found != input.config_wants_highmem.end() && found->second;
  };
  const auto says_off = [&](const Draft& d) {
    const auto found = input.config_wants_highmem.find(d.out.config);
    return found != input.config_wants_highmem.end() && !found->second;
  };
  std::vector<Cross> out;
  for (const Draft& on : drafts) {
    if (!has_highmem(on) || on.numbers.n == 0) continue;
    if (std::any_of(out.begin(), out.end(),
                    [&](const Cross& c) { return same_metric(c.on->out, on.out); }))
      continue;
    const auto off = std::find_if(drafts.begin(), drafts.end(), [&](const Draft& d) {
      return says_off(d) && d.numbers.n > 0 && same_metric(d.out, on.out);
    });
    if (off != drafts.end()) out.push_back({&on, &*off, {}, 0, {}});
  }
  return out;
}

MetricInteraction::Side side_of(const Comparison& c) {
  return {c.config,         c.left_typical,   c.right_typical,
          c.change_percent, c.ci_low_percent, c.ci_high_percent};
}

std::vector<double> log_ratios(const Draft& d) {
  std::vector<double> out;
  for (const PairValue& pair : d.metric->pairs)
    if (pair.excluded.empty()) out.push_back(std::log(pair.right / pair.left));
  return out;
}

/// Pairs of one number were taken one after the other in both configs. Inside one boot two arms
/// share what the machine does, so that nothing is left to match.
bool are_matched(const Draft& on, const Draft& off) {
  if (on.metric->same_boot) return false;
  const auto numbers = [](const Draft& d) {
    std::vector<int> out;
    for (const PairValue& pair : d.metric->pairs)
      if (pair.excluded.empty()) out.push_back(pair.pair);
    return out;
  };
  return numbers(on) == numbers(off);
}

/// Counts with zeros have no ratio: the effect is how many more or less there are.
void answer_counts(Cross* cross) {
  const auto effect = [](const Draft& d) {
    return d.numbers.right_typical - d.numbers.left_typical;
  };
  const double difference = std::fabs(effect(*cross->on) - effect(*cross->off));
  cross->out.has_percent = false;
  cross->out.answer = difference > cross->on->metric->spec->smallest_count ? "differs" : "equal";
}

/// Ratios that need no test: counters as they are, instructions within twice their noise.
void answer_exact_ratios(Cross* cross) {
  MetricInteraction& out = cross->out;
  const double noise = out.kind == "instructions" ? 2 * kInstructionNoisePercent : 0;
  const double difference = cross->on->numbers.paired.mean - cross->off->numbers.paired.mean;
  out.difference_percent = 100 * std::expm1(difference);
  out.ci_low_percent = out.difference_percent - noise;
  out.ci_high_percent = out.difference_percent + noise;
  const double size = std::fabs(out.difference_percent);
  const stats::CompareRules& rules = cross->on->rules;
  if (size > noise && size >= rules.smallest_percent) {
    out.answer = "differs";
  } else {
    out.answer = size <= std::max(noise, rules.margin_percent) ? "equal" : "inconclusive";
  }
}

/// The stricter of the two sides' looks counts.
void count_looks(Cross* cross) {
  double p = cross->numbers.p;
  double level = 1;
  cross->equivalence_p = 1;
  for (const Draft* side : {cross->on, cross->off}) {
    const double nominal[] = {cross->numbers.p};
    p = std::max(p, stats::repeated_p(side->looks, nominal).front());
    stats::Looks looks = side->looks;
    level = std::min(level, stats::look_bounds(looks).back().nominal_p);
    looks.alpha *= 2;
    cross->equivalence_p =
        std::min(cross->equivalence_p, stats::look_bounds(looks).back().nominal_p);
  }
  cross->out.p_value = p;
  const stats::Interval interval = stats::interval_at(cross->numbers, level);
  cross->out.ci_low_percent = finite_or_zero(100 * std::expm1(interval.low));
  cross->out.ci_high_percent = finite_or_zero(100 * std::expm1(interval.high));
}

/// What can be said without a test is said; true when a test is needed.
bool prepare(Cross* cross) {
  const Draft& on = *cross->on;
  const Draft& off = *cross->off;
  MetricInteraction& out = cross->out;
  out.metric = on.out.metric;
  out.unit = on.out.unit;
  out.kind = on.out.kind;
  out.left = on.out.left;
  out.right = on.out.right;
  out.on = side_of(on.out);
  out.off = side_of(off.out);
  out.decides = on.out.decides && off.out.decides;
  out.answer = "inconclusive";
  out.exact = on.exact && off.exact;
  const bool ratios = on.numbers.by_ratio && off.numbers.by_ratio;
  if (out.exact) {
    ratios ? answer_exact_ratios(cross) : answer_counts(cross);
    return false;
  }
  out.has_percent = ratios;
  if (!ratios || on.numbers.n < 2 || off.numbers.n < 2) return false;
  cross->numbers =
      stats::interaction(log_ratios(on), log_ratios(off), are_matched(on, off), on.rules);
  out.matched = cross->numbers.matched;
  out.difference_percent = cross->numbers.percent;
  count_looks(cross);
  return true;
}

/// Benjamini-Hochberg as for the comparisons: apart for those that only inform.
void answer_tested(std::vector<Cross*> tested) {
  for (const bool decides : {true, false}) {
    std::vector<Cross*> family;
    std::vector<double> p;
    for (Cross* cross : tested) {
      if (cross->out.decides != decides) continue;
      family.push_back(cross);
      p.push_back(cross->out.p_value);
    }
    const std::vector<double> adjusted = stats::benjamini_hochberg(p);
    for (size_t i = 0; i < family.size(); ++i) {
      family[i]->out.p_adjusted = adjusted[i];
      const auto answer = stats::answer(family[i]->numbers, family[i]->on->rules, adjusted[i],
                                        family[i]->equivalence_p);
      family[i]->out.answer = answer == stats::Answer::kChanged      ? "differs"
                              : answer == stats::Answer::kEquivalent ? "equal"
                                                                     : "inconclusive";
    }
  }
}

}  // namespace

std::vector<MetricInteraction> highmem_interactions(const Input& input,
                                                    const std::vector<Draft>& drafts) {
  std::vector<Cross> crosses = crosses_of(input, drafts);
  std::vector<Cross*> tested;
  for (Cross& cross : crosses)
    if (prepare(&cross)) tested.push_back(&cross);
  answer_tested(tested);
  std::vector<MetricInteraction> out;
  for (Cross& cross : crosses) out.push_back(std::move(cross.out));
  return out;
}

std::string figure_of(const MetricInteraction& x) {
  const std::string off =
      x.has_percent ? fmt::format("{:+.1f} %", x.off.change_percent)
                    : fmt::format("{:g} -> {:g}", x.off.left_typical, x.off.right_typical);
  if (x.answer == "equal") return off + " without HIGHMEM: the same effect";
  if (x.answer != "differs") return off + " without HIGHMEM";
  if (!x.has_percent) return off + " without HIGHMEM: the effect differs";
  return fmt::format("{} without HIGHMEM: the effect differs by {:+.1f} % [{:+.1f}, {:+.1f}]", off,
                     x.difference_percent, x.ci_low_percent, x.ci_high_percent);
}

}  // namespace kiln::verdict
