#include "lib/hygiene/fit.h"

#include <fmt/format.h>

#include <algorithm>

#include "lib/base/text.h"

namespace kiln::hygiene {
namespace {

std::string most(const std::vector<Settings>& boots, std::string Settings::*setting) {
  std::string best;
  int64_t votes = 0;
  for (const Settings& boot : boots) {
    const std::string& value = boot.*setting;
    if (value.empty() || value == best) continue;
    const auto n = std::count_if(boots.begin(), boots.end(),
                                 [&](const Settings& other) { return other.*setting == value; });
    if (n <= votes) continue;
    best = value;
    votes = n;
  }
  return best;
}

}  // namespace

Settings usual_of(const std::vector<Settings>& boots) {
  return {most(boots, &Settings::governor), most(boots, &Settings::turbo),
          most(boots, &Settings::clocksource)};
}

std::string unfit_because(const Conditions& boot, const Settings& usual) {
  std::vector<std::string> reasons;
  const auto differs = [&](std::string_view what, std::string Settings::*setting) {
    const std::string& is = boot.settings.*setting;
    const std::string& rule = usual.*setting;
    if (!is.empty() && !rule.empty() && is != rule)
      reasons.push_back(fmt::format("{} is {}, as a rule {} there", what, is, rule));
  };
  if (boot.throttled.value_or(0) > 0)
    reasons.push_back(fmt::format(
        "heat slowed the CPUs {}",
        *boot.throttled == 1 ? std::string("once") : fmt::format("{} times", *boot.throttled)));
  differs("the governor", &Settings::governor);
  differs("turbo", &Settings::turbo);
  differs("the clocksource", &Settings::clocksource);
  if (boot.other_load.value_or(0) > kMuchLoad)
    reasons.push_back(
        fmt::format("other work kept {:.1f} CPUs busy before the bench", *boot.other_load));
  if (boot.stolen_percent.value_or(0) > kMuchStolenPercent)
    reasons.push_back(
        fmt::format("the host took {:.0f} % of the CPUs' time", *boot.stolen_percent));
  return join(reasons, "; ");
}

}  // namespace kiln::hygiene
