#include "lib/stats/changes.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "lib/stats/energy.h"
#include "lib/stats/interaction.h"
#include "lib/stats/multiple.h"

namespace kiln::stats {
namespace {

/// A series as it is worked on: logs where all values allow, and where each came from.
struct Line {
  std::vector<double> values;
  std::vector<int64_t> nights;
  std::vector<size_t> origin;
  bool by_ratio = true;
};

Line line_of(std::span<const Night> nights) {
  Line out;
  for (size_t i = 0; i < nights.size(); ++i) {
    if (!std::isfinite(nights[i].value)) continue;
    out.values.push_back(nights[i].value);
    out.nights.push_back(nights[i].night);
    out.origin.push_back(i);
    if (nights[i].value <= 0) out.by_ratio = false;
  }
  if (out.by_ratio)
    for (double& value : out.values) value = std::log(value);
  return out;
}

/// A split with its p; the list of them cuts the line into segments.
struct Cut {
  size_t at;
  double p;
};

/// The best split of [from, to) when it is more than chance.
std::optional<Cut> cut_of(const Line& line, size_t from, size_t to, double alpha, int permutations,
                          const ChangeRules& rules) {
  const auto least = static_cast<size_t>(std::max(2, rules.least_nights));
  if (to - from < 2 * least) return std::nullopt;
  const std::span<const double> values = std::span(line.values).subspan(from, to - from);
  const Split best = best_split(values, least);
  // A seed of its own for each part: a night more at the end does not change older answers.
  const double p = split_p(values, best, least, permutations, rules.seed + from);
  if (best.at == 0 || p > alpha) return std::nullopt;
  return Cut{from + best.at, p};
}

/// A dip that is short beside the whole is lost in it: looked for in windows that overlap by half,
/// each at its share of a tenth of alpha: there are many, and noise has some memory.
std::optional<Cut> cut_in_windows(const Line& line, size_t from, size_t to,
                                  const ChangeRules& rules) {
  constexpr size_t kWindow = 60;
  constexpr int kMostPermutations = 50'000;
  if (to - from <= kWindow) return std::nullopt;
  const size_t windows = (to - from - 1) / (kWindow / 2);
  const double alpha = rules.alpha / 10 / static_cast<double>(windows);
  const int permutations =
      static_cast<int>(std::min(2 / std::max(alpha, 1e-12), double{kMostPermutations}));
  for (size_t i = 0; i < windows; ++i) {
    const size_t end = std::min(to, from + i * kWindow / 2 + kWindow);
    std::optional<Cut> cut = cut_of(line, end - kWindow, end, alpha, permutations, rules);
    if (!cut) continue;
    cut->p = std::min(1.0, cut->p * static_cast<double>(windows));
    return cut;
  }
  return std::nullopt;
}

/// Splits [from, to) as long as the parts differ by more than chance.
void split(const Line& line, size_t from, size_t to, const ChangeRules& rules,
           std::vector<Cut>* out) {
  std::optional<Cut> cut = cut_of(line, from, to, rules.alpha, rules.permutations, rules);
  if (!cut) cut = cut_in_windows(line, from, to, rules);
  if (!cut) return;
  split(line, from, cut->at, rules, out);
  out->push_back(*cut);
  split(line, cut->at, to, rules, out);
}

/// The segments around cut i.
struct Around {
  size_t from, at, to;
};

Around around(const Line& line, const std::vector<Cut>& cuts, size_t i) {
  return {i == 0 ? 0 : cuts[i - 1].at, cuts[i].at,
          i + 1 == cuts.size() ? line.values.size() : cuts[i + 1].at};
}

std::span<const double> part(const Line& line, size_t from, size_t to) {
  return std::span(line.values).subspan(from, to - from);
}

double percent_of(const Line& line, double difference, double level_before) {
  if (line.by_ratio) return 100 * std::expm1(difference);
  return level_before == 0 ? std::copysign(std::numeric_limits<double>::infinity(), difference)
                           : 100 * difference / std::fabs(level_before);
}

double change_percent(const Line& line, const Around& a) {
  const double before = arithmetic_mean(part(line, a.from, a.at));
  return percent_of(line, arithmetic_mean(part(line, a.at, a.to)) - before, before);
}

/// Drops the smallest change as long as it is below the smallest of interest.
void merge(const Line& line, double smallest_percent, std::vector<Cut>* cuts) {
  while (!cuts->empty()) {
    size_t smallest = 0;
    double size = std::numeric_limits<double>::infinity();
    for (size_t i = 0; i < cuts->size(); ++i) {
      const double here = std::fabs(change_percent(line, around(line, *cuts, i)));
      if (here < size) smallest = i, size = here;
    }
    if (size >= smallest_percent) return;
    cuts->erase(cuts->begin() + static_cast<std::ptrdiff_t>(smallest));
  }
}

/// Chance of each first index of the new level, with the levels and the noise integrated out (flat
/// priors, normal noise): proportional to (n1 n2)^-1/2 RSS^-(n-2)/2.
std::vector<double> location_chances(std::span<const double> values, size_t least) {
  const size_t n = values.size();
  std::vector<double> logs(n, -std::numeric_limits<double>::infinity());
  const double middle = arithmetic_mean(values);
  double total = 0;
  double squares = 0;
  for (const double v : values) total += v - middle, squares += (v - middle) * (v - middle);
  double left = 0;
  double high = -std::numeric_limits<double>::infinity();
  for (size_t k = 1; k < n; ++k) {
    left += values[k - 1] - middle;
    if (k < least || n - k < least) continue;
    const auto n1 = static_cast<double>(k);
    const auto n2 = static_cast<double>(n - k);
    const double right = total - left;
    const double rss = squares - left * left / n1 - right * right / n2;
    const double floor = 1e-12 * squares + std::numeric_limits<double>::min();
    logs[k] = -0.5 * std::log(n1 * n2) -
              0.5 * static_cast<double>(n - 2) * std::log(std::max(rss, floor));
    high = std::max(high, logs[k]);
  }
  double sum = 0;
  for (double& value : logs) sum += value = std::exp(value - high);
  for (double& value : logs) value /= sum;
  return logs;
}

struct Place {
  size_t likeliest, first, last;
  double confidence;
};

/// The likeliest place, and the shortest run of places around it that holds the confidence: it
/// grows to the likelier side.
Place place_of(const std::vector<double>& chances, double confidence) {
  const auto best =
      static_cast<size_t>(std::max_element(chances.begin(), chances.end()) - chances.begin());
  Place out{best, best, best, chances[best]};
  while (out.confidence < confidence) {
    const double before = out.first > 0 ? chances[out.first - 1] : 0;
    const double after = out.last + 1 < chances.size() ? chances[out.last + 1] : 0;
    if (before <= 0 && after <= 0) break;
    if (before >= after)
      out.confidence += chances[--out.first];
    else
      out.confidence += chances[++out.last];
  }
  return out;
}

Change describe(const Line& line, const Around& a, double p, const ChangeRules& rules) {
  // Two values at each end, not least_nights: the place may be nearer to the next change than that.
  const std::vector<double> chances = location_chances(part(line, a.from, a.to), 2);
  const Place place = place_of(chances, rules.confidence);
  const size_t at = a.from + place.likeliest;
  Change out;
  out.first_new = line.origin[at];
  out.after = line.origin[a.from + place.first - 1];
  out.until = line.origin[a.from + place.last];
  out.location_confidence = place.confidence;
  out.p = p;
  const std::span<const double> before = part(line, a.from, at);
  const std::span<const double> after = part(line, at, a.to);
  const Welch test = welch(after, before);
  const double level = arithmetic_mean(before);
  out.level_before = line.by_ratio ? std::exp(level) : level;
  out.level_after = line.by_ratio ? std::exp(level + test.difference) : level + test.difference;
  out.change_percent = percent_of(line, test.difference, level);
  out.ci95_percent = {percent_of(line, test.ci95.low, level),
                      percent_of(line, test.ci95.high, level)};
  return out;
}

std::vector<Change> changes_of(const Line& line, const ChangeRules& rules) {
  std::vector<Cut> cuts;
  split(line, 0, line.values.size(), rules, &cuts);
  merge(line, rules.smallest_percent, &cuts);
  std::vector<Change> out;
  for (size_t i = 0; i < cuts.size(); ++i)
    out.push_back(describe(line, around(line, cuts, i), cuts[i].p, rules));
  return out;
}

/// Takes the machine's level out: the median of the nearest nights of its own series, a filter that
/// keeps steps sharp.
void take_out(const Line& machine, Line* line) {
  constexpr size_t kNear = 11;
  const double usual = median(machine.values);
  const size_t width = std::min(kNear, machine.values.size());
  size_t from = 0;
  for (size_t i = 0; i < line->values.size(); ++i) {
    const int64_t night = line->nights[i];
    // The window moves on while its next night is nearer than its first one.
    while (from + width < machine.nights.size() &&
           static_cast<double>(machine.nights[from + width]) - night <
               night - static_cast<double>(machine.nights[from]))
      ++from;
    const auto begin = machine.values.begin() + static_cast<std::ptrdiff_t>(from);
    line->values[i] -= median({begin, begin + static_cast<std::ptrdiff_t>(width)}) - usual;
  }
}

/// Drops the nights inside a machine's change: between two of its own measurements nobody knows
/// which level it had.
void drop_unknown(std::span<const Night> machine, const std::vector<Change>& changes, Line* line) {
  Line kept;
  kept.by_ratio = line->by_ratio;
  for (size_t i = 0; i < line->values.size(); ++i) {
    const int64_t night = line->nights[i];
    const bool unknown = std::any_of(changes.begin(), changes.end(), [&](const Change& change) {
      return machine[change.after].night < night && night < machine[change.until].night;
    });
    if (unknown) continue;
    kept.values.push_back(line->values[i]);
    kept.nights.push_back(night);
    kept.origin.push_back(line->origin[i]);
  }
  *line = std::move(kept);
}

}  // namespace

History find_changes(std::span<const Night> metric, std::span<const Night> machine,
                     const ChangeRules& rules) {
  History out;
  Line line = line_of(metric);
  const Line own = line_of(machine);
  out.machine = changes_of(own, rules);
  out.machine_told_apart = own.values.size() >= kLeastReference && own.by_ratio && line.by_ratio;
  if (out.machine_told_apart) {
    take_out(own, &line);
    drop_unknown(machine, out.machine, &line);
  }
  out.code = changes_of(line, rules);
  return out;
}

}  // namespace kiln::stats
