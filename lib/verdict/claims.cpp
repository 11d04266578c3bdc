#include "lib/verdict/claims.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "lib/base/text.h"
#include "lib/verdict/performance.h"
#include "lib/verdict/unfit.h"

namespace kiln::verdict {
namespace {

using job::ClaimSpec;

constexpr std::string_view kEmulated =
    "wall clock of an emulated machine decides nothing; real hardware would";

Claim undecided(const ClaimSpec& spec, std::string figure, std::string why) {
  return {spec.text, "not-decidable", std::move(figure), std::move(why)};
}

Claim decided(const ClaimSpec& spec, bool confirmed, std::string figure) {
  return {spec.text, confirmed ? "confirmed" : "refuted", std::move(figure), spec.why};
}

bool in_config(const ClaimSpec& spec, const std::string& config) {
  return spec.config.empty() || spec.config == config;
}

std::optional<bool> holds(double a, const std::string& relation, double b) {
  if (relation == "<") return a < b;
  if (relation == "<=") return a <= b;
  if (relation == "==") return a == b;
  if (relation == ">=") return a >= b;
  if (relation == ">") return a > b;
  if (relation == "!=") return a != b;
  return std::nullopt;
}

/// What one '*' of the pattern stands for in `name`; nullopt when there is not exactly one.
std::optional<std::string> star_of(const std::string& pattern, const std::string& name) {
  const size_t star = pattern.find('*');
  if (star == std::string::npos || pattern.find('*', star + 1) != std::string::npos)
    return std::nullopt;
  const size_t tail = pattern.size() - star - 1;
  if (name.size() < star + tail) return std::nullopt;
  return name.substr(star, name.size() - star - tail);
}

/// The other metric's name for a match of the first: a single '*' means the same in both.
std::string other_name(const ClaimSpec& spec, const std::string& name) {
  const size_t star = spec.other.find('*');
  const auto text = star_of(spec.metric, name);
  if (star == std::string::npos || !text) return spec.other;
  return spec.other.substr(0, star) + *text + spec.other.substr(star + 1);
}

/// Is this value wall clock (which an emulated machine cannot tell)?
bool is_wall_clock(const Input& input, const std::string& metric, const MetricValue& value) {
  for (const job::MetricSpec& spec : input.job.metrics)
    if (glob_match(spec.metric, metric)) return spec.kind == job::MetricSpec::Kind::kWallClock;
  return is_time_unit(value.unit);
}

struct Range {
  double low = HUGE_VAL;
  double high = -HUGE_VAL;
  void add(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  [[nodiscard]] std::string words() const {
    return low == high ? fmt::format("{:g}", low) : fmt::format("{:g} to {:g}", low, high);
  }
};

/// Sessions whose values speak for the claim: those with the series, if there is one.
std::vector<const SessionRow*> speaking_sessions(const Input& input, const ClaimSpec& spec) {
  const std::string side = has_series(input) ? "patched" : "baseline";
  std::vector<const SessionRow*> out;
  for (const SessionRow& session : input.sessions)
    if (session.purpose == spec.session && session.variant == side && usable(session) &&
        in_config(spec, session.config))
      out.push_back(&session);
  return out;
}

Claim judge_metric(const Input& input, const ClaimSpec& spec) {
  int held = 0;
  int seen = 0;
  bool wall_clock = false;
  Range values;
  Range others;
  std::set<std::string> configs;
  const std::map<int64_t, std::string> unfit = unfit_boots(input);
  std::string left_out;
  for (const SessionRow* session : speaking_sessions(input, spec)) {
    std::set<std::string> names;
    for (const MeasurementRow& row : session->measurements)
      if (glob_match(spec.metric, row.metric)) names.insert(row.metric);
    for (const std::string& name : names) {
      const auto value = value_of(*session, name);
      if (!value) continue;
      if (const auto why = unfit.find(session->id);
          why != unfit.end() && is_wall_clock(input, name, *value)) {
        left_out = fmt::format("session {} does not count: {}", session->id, why->second);
        continue;
      }
      double bar = spec.value;
      if (!spec.other.empty()) {
        const auto other = value_of(*session, other_name(spec, name));
        if (!other) continue;
        bar = other->value;
        others.add(bar);
      }
      const auto result = holds(value->value, spec.relation, bar);
      if (!result)
        return undecided(spec, "", fmt::format("no such relation: \"{}\"", spec.relation));
      wall_clock = wall_clock || (session->emulated && session->purpose == "performance" &&
                                  is_wall_clock(input, name, *value));
      values.add(value->value);
      configs.insert(session->config);
      held += *result ? 1 : 0;
      ++seen;
    }
  }
  if (seen == 0)
    return undecided(
        spec, "",
        left_out.empty() ? fmt::format("no boot measured {}", spec.metric) : std::move(left_out));
  const std::string bar = spec.other.empty() ? fmt::format("{:g}", spec.value)
                                             : fmt::format("{} {}", spec.other, others.words());
  const std::string figure =
      fmt::format("{} {} {} {} holds in {} of {}", spec.metric, values.words(), spec.relation, bar,
                  held, count_of(seen, "value", "values"));
  if (wall_clock) return undecided(spec, figure, std::string(kEmulated));
  for (const std::string& config : input.job.configs)
    if (in_config(spec, config) && configs.count(config) == 0)
      return undecided(spec, figure, fmt::format("nothing was measured in {}", config));
  if (held == seen) return decided(spec, true, figure);
  if (held == 0) return decided(spec, false, figure);
  return undecided(spec, figure, "the boots do not agree");
}

/// What HIGHMEM has to do with it, for a claim that speaks of the config with it.
const MetricInteraction* interaction_for(const ClaimSpec& spec, const Comparison& c,
                                         const std::vector<MetricInteraction>& interactions) {
  if (spec.config.empty()) return nullptr;
  for (const MetricInteraction& x : interactions)
    if (x.on.config == c.config && x.metric == c.metric && x.kind == c.kind && x.left == c.left &&
        x.right == c.right)
      return &x;
  return nullptr;
}

Claim judge_comparison(const Input& input, const ClaimSpec& spec,
                       const std::vector<Comparison>& comparisons,
                       const std::vector<MetricInteraction>& interactions) {
  std::vector<std::string> figures;
  std::vector<std::string> whys;
  std::set<std::string> configs;
  int as_expected = 0;
  int otherwise = 0;
  int open = 0;
  for (const Comparison& c : comparisons) {
    if (!in_config(spec, c.config) || !glob_match(spec.metric, c.metric)) continue;
    if ((spec.session == "instructions") != (c.kind == "instructions")) continue;
    configs.insert(c.config);
    figures.push_back(fmt::format("{} in {}: {} {}", c.metric, c.config, figure_of(c), c.answer));
    if (const MetricInteraction* x = interaction_for(spec, c, interactions); x != nullptr)
      figures.back() += ", " + figure_of(*x);
    if (!c.decides) {
      ++open;
      whys.emplace_back(c.note.starts_with("not believed") ? c.note : std::string(kEmulated));
    } else if (c.answer == "inconclusive") {
      ++open;
      whys.push_back(fmt::format("{} more pairs are needed", c.more_pairs));
    } else {
      ++(c.answer == spec.expect ? as_expected : otherwise);
    }
  }
  const std::string figure = join(figures, "; ");
  if (figures.empty()) return undecided(spec, "", fmt::format("nothing compares {}", spec.metric));
  if (otherwise > 0 && as_expected == 0) return decided(spec, false, figure);
  if (otherwise > 0)
    return undecided(spec, figure,
                     fmt::format("{} in {} of {} comparisons only", spec.expect, as_expected,
                                 as_expected + otherwise + open));
  if (open > 0) return undecided(spec, figure, whys.front());
  for (const std::string& config : input.job.configs)
    if (in_config(spec, config) && configs.count(config) == 0)
      return undecided(spec, figure, fmt::format("nothing was compared in {}", config));
  return decided(spec, true, figure);
}

Claim judge_tests(const Input& input, const std::vector<ConfigView>& views, const ClaimSpec& spec) {
  int passing = 0;
  int seen = 0;
  std::string bad;
  std::string anyway;
  std::string open;
  const bool two_sides = has_series(input);
  const auto note = [](std::string* first, std::string text) {
    if (first->empty()) *first = std::move(text);
  };
  for (const ConfigView& view : views) {
    if (!in_config(spec, view.config)) continue;
    for (const std::string& pattern : spec.tests) {
      int matched = 0;
      for (const TestView& test : view.tests) {
        if (!glob_match(pattern, test.test) && !glob_match(pattern + "@*", test.test)) continue;
        const SideView& side = two_sides ? test.patched : test.baseline;
        if (side.seen.empty()) continue;
        ++matched;
        ++seen;
        const std::string words = fmt::format("{}: {} ({})", test.test, side.words(), view.config);
        if (side.state() == State::kPass) {
          ++passing;
        } else if (side.state() == State::kBad) {
          note(two_sides && test.baseline.count(Kind::kBad) > 0 ? &anyway : &bad, words);
        } else {
          note(&open, words);
        }
      }
      if (matched == 0) note(&open, fmt::format("no result of {} in {}", pattern, view.config));
    }
  }
  const std::string figure = fmt::format("{} of {} pass", passing, count_of(seen, "test", "tests"));
  if (!bad.empty()) return decided(spec, false, figure + "; " + bad);
  if (!anyway.empty()) return undecided(spec, figure, "fails without the series too: " + anyway);
  if (!open.empty()) return undecided(spec, figure, open);
  if (seen == 0) return undecided(spec, figure, "no test ran");
  return decided(spec, true, figure);
}

}  // namespace

std::vector<Claim> judge_claims(const Input& input, const std::vector<ConfigView>& views,
                                const std::vector<Comparison>& comparisons,
                                const std::vector<MetricInteraction>& interactions) {
  std::vector<Claim> out;
  for (const ClaimSpec& spec : input.job.claims) {
    switch (spec.rule) {
      case ClaimSpec::Rule::kNone:
        out.push_back(undecided(spec, "", spec.why));
        break;
      case ClaimSpec::Rule::kMetric:
        out.push_back(judge_metric(input, spec));
        break;
      case ClaimSpec::Rule::kComparison:
        out.push_back(judge_comparison(input, spec, comparisons, interactions));
        break;
      case ClaimSpec::Rule::kTests:
        out.push_back(judge_tests(input, views, spec));
        break;
    }
  }
  return out;
}

}  // namespace kiln::verdict
