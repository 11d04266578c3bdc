#include "lib/verdict/pairs.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lib/base/text.h"
#include "lib/verdict/observe.h"
#include "lib/verdict/unfit.h"

namespace kiln::verdict {
namespace {

using Sessions = std::vector<const SessionRow*>;
using Kind = job::MetricSpec::Kind;
using Unfit = std::map<int64_t, std::string>;  ///< by session: why its wall clock does not count

Sessions sessions_for(const Input& input, const std::string& config, const std::string& purpose) {
  Sessions out;
  for (const SessionRow& session : input.sessions)
    if (session.config == config && session.purpose == purpose) out.push_back(&session);
  return out;
}

std::set<std::string> metric_names(const Sessions& sessions) {
  std::set<std::string> out;
  for (const SessionRow* session : sessions)
    if (usable(*session))
      for (const MeasurementRow& row : session->measurements) out.insert(row.metric);
  return out;
}

std::string unit_in(const Sessions& sessions, const std::string& metric) {
  for (const SessionRow* session : sessions)
    if (usable(*session))
      if (const auto value = value_of(*session, metric)) return value->unit;
  return "";
}

/// The last try of one side of a pair that has the metric, else the last try at all.
const SessionRow* side_of(const Sessions& sessions, int pair, const std::string& variant,
                          const std::string& metric) {
  const SessionRow* last = nullptr;
  const SessionRow* measured = nullptr;
  for (const SessionRow* session : sessions) {
    if (session->pair != pair || session->variant != variant) continue;
    last = session;
    if (usable(*session) && value_of(*session, metric)) measured = session;
  }
  return measured != nullptr ? measured : last;
}

/// Why a side gives no value, "" when it gives one.
std::string missing_because(const SessionRow* session, std::string_view side,
                            const std::string& metric) {
  if (session == nullptr) return fmt::format("no {} boot", side);
  if (!usable(*session))
    return fmt::format("{} boot: {}", side,
                       session->error.empty() ? session->ending : session->error);
  if (!value_of(*session, metric)) return fmt::format("the {} boot did not measure it", side);
  return "";
}

/// Only what a clock measured is disturbed by how the machine was set.
std::string unfit_because(const Unfit& unfit, const SessionRow& session, const PairedMetric& metric,
                          std::string_view side) {
  const auto found = unfit.find(session.id);
  if (metric.kind != "wall-clock" || found == unfit.end()) return "";
  return fmt::format("{} boot: {}", side, found->second);
}

void pair_variants(const Sessions& sessions, const Unfit& unfit, PairedMetric* out) {
  std::set<int> numbers;
  for (const SessionRow* session : sessions) numbers.insert(session->pair);
  for (const int number : numbers) {
    const SessionRow* left = side_of(sessions, number, "baseline", out->metric);
    const SessionRow* right = side_of(sessions, number, "patched", out->metric);
    PairValue pair;
    pair.pair = number;
    const SessionRow* any = left != nullptr ? left : right;
    pair.order = any != nullptr && any->patched_first ? "BA" : "AB";
    pair.excluded = missing_because(left, "baseline", out->metric);
    if (pair.excluded.empty()) pair.excluded = missing_because(right, "patched", out->metric);
    if (pair.excluded.empty()) pair.excluded = unfit_because(unfit, *left, *out, "baseline");
    if (pair.excluded.empty()) pair.excluded = unfit_because(unfit, *right, *out, "patched");
    if (left != nullptr && usable(*left))
      if (const auto value = value_of(*left, out->metric)) pair.left = value->value;
    if (right != nullptr && usable(*right))
      if (const auto value = value_of(*right, out->metric)) pair.right = value->value;
    if (pair.excluded.empty()) out->emulated = out->emulated || left->emulated || right->emulated;
    out->pairs.push_back(std::move(pair));
  }
}

void pair_arms(const Sessions& sessions, const std::string& left, const std::string& right,
               const Unfit& unfit, PairedMetric* out) {
  for (const SessionRow* session : sessions) {
    if (!usable(*session)) continue;
    const auto left_value = value_of(*session, left);
    const auto right_value = value_of(*session, right);
    if (!left_value && !right_value) continue;
    PairValue pair;
    pair.order = "same boot";
    pair.pair = session->pair;
    if (left_value) pair.left = left_value->value;
    if (right_value) pair.right = right_value->value;
    if (!left_value)
      pair.excluded = fmt::format("session {} did not measure {}", session->id, left);
    if (!right_value)
      pair.excluded = fmt::format("session {} did not measure {}", session->id, right);
    if (pair.excluded.empty())
      pair.excluded =
          unfit_because(unfit, *session, *out, fmt::format("session {}'s", session->id));
    if (pair.excluded.empty()) out->emulated = out->emulated || session->emulated;
    out->pairs.push_back(std::move(pair));
  }
}

/// One spec in one config: which purposes count, and under which kind.
struct Source {
  const Sessions* sessions;
  std::string kind;
};

std::vector<Source> sources_of(const job::MetricSpec& spec, const Sessions& performance,
                               const Sessions& instructions, const std::string& metric) {
  const bool in_performance =
      !unit_in(performance, metric).empty() || metric_names(performance).count(metric) > 0;
  const std::string counted_unit = unit_in(instructions, metric);
  std::vector<Source> out;
  if (spec.kind == Kind::kCounter) {
    // Counters are exact in any boot; those that measure undisturbed come first.
    out.push_back({in_performance ? &performance : &instructions, "counter"});
    return out;
  }
  if (counted_unit.starts_with("instructions")) out.push_back({&instructions, "instructions"});
  if (spec.kind == Kind::kWallClock && in_performance) out.push_back({&performance, "wall-clock"});
  return out;
}

void pair_spec(const Input& input, const std::string& config, const job::MetricSpec& spec,
               const Unfit& unfit, std::set<std::string>* done, std::vector<PairedMetric>* out) {
  const Sessions performance = sessions_for(input, config, "performance");
  const Sessions instructions = sessions_for(input, config, "instructions");
  std::set<std::string> names = metric_names(performance);
  names.merge(metric_names(instructions));
  const bool arms = !spec.left_arm.empty() && !spec.right_arm.empty();
  for (const std::string& name : names) {
    std::string metric = name;
    if (arms) {
      if (!name.starts_with(spec.left_arm + "/")) continue;
      metric = name.substr(spec.left_arm.size() + 1);
      if (names.count(spec.right_arm + "/" + metric) == 0) continue;
    }
    if (!glob_match(spec.metric, name) && !(arms && glob_match(spec.metric, metric))) continue;
    for (const Source& source : sources_of(spec, performance, instructions, name)) {
      PairedMetric pm;
      pm.metric = metric;
      pm.config = config;
      pm.kind = source.kind;
      pm.spec = &spec;
      pm.purpose = source.sessions == &performance ? "performance" : "instructions";
      pm.same_boot = arms;
      pm.two_sides = has_series(input);
      pm.left = arms ? spec.left_arm : "baseline";
      pm.right = arms ? spec.right_arm : "patched";
      pm.unit = unit_in(*source.sessions, name);
      // The first spec that matches a metric rules it.
      if (!done->insert(fmt::format("{}|{}|{}|{}", metric, pm.kind, pm.left, pm.right)).second)
        continue;
      if (arms) {
        pair_arms(*source.sessions, name, spec.right_arm + "/" + metric, unfit, &pm);
      } else {
        pair_variants(*source.sessions, unfit, &pm);
      }
      if (!pm.pairs.empty()) out->push_back(std::move(pm));
    }
  }
}

}  // namespace

std::vector<PairedMetric> pair_metrics(const Input& input) {
  std::vector<PairedMetric> out;
  const Unfit unfit = unfit_boots(input);
  const bool two_sides = has_series(input);
  for (const std::string& config : input.job.configs) {
    std::set<std::string> done;
    for (const job::MetricSpec& spec : input.job.metrics)
      if (two_sides || !spec.left_arm.empty()) pair_spec(input, config, spec, unfit, &done, &out);
  }
  return out;
}

}  // namespace kiln::verdict
