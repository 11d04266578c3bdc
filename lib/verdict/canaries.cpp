#include "lib/verdict/canaries.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "lib/base/text.h"
#include "lib/verdict/observe.h"
#include "lib/verdict/performance.h"
#include "lib/verdict/unfit.h"

namespace kiln::verdict {
namespace {

constexpr double kAlpha = 0.05;

/// The entry that compares this metric between baseline and patched by wall clock, or nullptr.
const job::MetricSpec* spec_of(const Input& input, const std::string& metric) {
  for (const job::MetricSpec& spec : input.job.metrics)
    if (spec.left_arm.empty() && glob_match(spec.metric, metric))
      return spec.kind == job::MetricSpec::Kind::kWallClock ? &spec : nullptr;
  return nullptr;
}

std::vector<CanaryBoot> own_boots(const Input& input, const std::string& metric) {
  std::vector<CanaryBoot> out;
  for (const SessionRow& session : input.sessions) {
    if (session.purpose != "canary" || !usable(session)) continue;
    if (const auto value = value_of(session, metric))
      out.push_back({0, session.pair, value->value,
                     session.emulated ? hygiene::Conditions() : session.conditions});
  }
  return out;
}

std::string machine_of(const Input& input) {
  for (const SessionRow& session : input.sessions)
    if (!session.machine.empty()) return session.machine;
  return "";
}

/// Metrics of one boot hang together: their common spread is known no better than one metric's.
void add_spread(const std::vector<const stats::NoiseFloor*>& floors, Noise* noise) {
  double squares = 0;
  int known = 0;
  int pairs = 0;
  for (const stats::NoiseFloor* floor : floors) {
    pairs = std::max(pairs, floor->pairs);
    if (floor->pairs < 2) continue;
    squares += floor->sd * floor->sd;
    ++known;
  }
  noise->pairs = pairs;
  if (known == 0) return;
  const double sd = std::sqrt(squares / known);
  const double df = pairs - 1;
  const auto percent = [](double logs) { return 100 * std::expm1(logs); };
  noise->sd_percent = percent(sd);
  noise->sd_low_percent = percent(sd * std::sqrt(df / stats::chi_square_quantile(0.975, df)));
  noise->sd_high_percent = percent(sd * std::sqrt(df / stats::chi_square_quantile(0.025, df)));
}

}  // namespace

std::vector<double> canary_ratios(const std::vector<CanaryBoot>& boots,
                                  const hygiene::Settings& usual) {
  std::map<std::pair<int64_t, int>, std::vector<double>> pairs;
  std::vector<std::pair<int64_t, int>> order;
  for (const CanaryBoot& boot : boots) {
    if (!hygiene::unfit_because(boot.conditions, usual).empty()) continue;
    std::vector<double>& values = pairs[{boot.run_id, boot.pair}];
    values.push_back(boot.value);
    if (values.size() == 2) order.emplace_back(boot.run_id, boot.pair);
  }
  std::vector<double> out;
  for (const auto& key : order) {
    const std::vector<double>& values = pairs[key];
    if (values[0] > 0 && values[1] > 0) out.push_back(std::log(values[1] / values[0]));
  }
  return out;
}

std::vector<CanaryHistory> canaries_to_look_up(const Input& input) {
  std::set<std::string> names;
  for (const SessionRow& session : input.sessions) {
    if (session.purpose != "performance" && session.purpose != "canary") continue;
    for (const MeasurementRow& row : session.measurements)
      if (spec_of(input, row.metric) != nullptr) names.insert(row.metric);
  }
  std::vector<CanaryHistory> out;
  for (const std::string& name : names) out.push_back({name, {}});
  return out;
}

std::map<std::string, stats::NoiseFloor> noise_floors(const Input& input) {
  std::map<std::string, stats::NoiseFloor> out;
  const std::map<std::string, hygiene::Settings> all = usual_settings(input);
  const auto found = all.find(machine_of(input));
  const hygiene::Settings usual = found == all.end() ? hygiene::Settings() : found->second;
  for (const CanaryHistory& history : canaries_to_look_up(input)) {
    std::vector<double> ratios;
    for (const CanaryHistory& stored : input.canaries)
      if (stored.metric == history.metric) ratios = canary_ratios(stored.boots, usual);
    const std::vector<double> own = canary_ratios(own_boots(input, history.metric), usual);
    ratios.insert(ratios.end(), own.begin(), own.end());
    if (!ratios.empty())
      out[history.metric] = stats::noise_floor(ratios, std::max(2, input.job.pairs), kAlpha);
  }
  return out;
}

std::vector<Noise> machine_noise(const Input& input) {
  const auto floors = noise_floors(input);
  std::vector<Noise> out;
  for (const job::MetricSpec& spec : input.job.metrics) {
    std::vector<const stats::NoiseFloor*> of_family;
    std::vector<stats::NoiseFloor> copies;
    Noise noise;
    for (const auto& [metric, floor] : floors) {
      if (spec_of(input, metric) != &spec) continue;
      of_family.push_back(&floor);
      copies.push_back(floor);
      if (!floor.as_nominal) noise.not_believed.push_back(metric);
    }
    if (of_family.empty()) continue;
    noise.machine = machine_of(input);
    noise.family = spec.metric;
    noise.metrics = static_cast<int>(of_family.size());
    add_spread(of_family, &noise);
    const stats::Alarms alarms = stats::alarms_of(copies);
    noise.experiments = alarms.experiments;
    noise.alarms = alarms.alarms;
    noise.rate_low = alarms.rate95.low;
    noise.rate_high = alarms.rate95.high;
    out.push_back(std::move(noise));
  }
  return out;
}

std::string not_believed_because(const stats::NoiseFloor& floor) {
  if (floor.as_nominal) return "";
  return fmt::format(
      "not believed: this machine raised {} in {} of its baseline against itself, where {:g} % "
      "are nominal",
      count_of(floor.alarms, "alarm", "alarms"),
      count_of(floor.experiments, "comparison", "comparisons"), 100 * kAlpha);
}

}  // namespace kiln::verdict
