#include "lib/verdict/unfit.h"

#include <algorithm>

namespace kiln::verdict {

std::map<std::string, hygiene::Settings> usual_settings(const Input& input) {
  std::map<std::string, std::vector<hygiene::Settings>> boots = input.settings_before;
  for (const SessionRow& session : input.sessions)
    if (session.variant == "baseline")
      boots[session.machine].push_back(session.conditions.settings);
  std::map<std::string, hygiene::Settings> out;
  for (const auto& [machine, settings] : boots) out[machine] = hygiene::usual_of(settings);
  return out;
}

std::map<int64_t, std::string> unfit_boots(const Input& input) {
  const std::map<std::string, hygiene::Settings> usual = usual_settings(input);
  std::map<int64_t, std::string> out;
  for (const SessionRow& session : input.sessions) {
    if (session.emulated) continue;
    const auto rule = usual.find(session.machine);
    std::string why = hygiene::unfit_because(
        session.conditions, rule == usual.end() ? hygiene::Settings() : rule->second);
    if (!why.empty()) out.emplace(session.id, std::move(why));
  }
  return out;
}

std::vector<Hygiene> machine_hygiene(const Input& input) {
  const std::map<std::string, hygiene::Settings> usual = usual_settings(input);
  const std::map<int64_t, std::string> unfit = unfit_boots(input);
  std::map<std::string, Hygiene> by_machine;
  for (const SessionRow& session : input.sessions) {
    if (session.conditions == hygiene::Conditions()) continue;
    Hygiene& one = by_machine[session.machine];
    one.machine = session.machine;
    ++one.boots;
    one.celsius = std::max(one.celsius, session.conditions.celsius.value_or(0));
    if (const auto rule = usual.find(session.machine); rule != usual.end())
      one.usual = rule->second;
    const auto why = unfit.find(session.id);
    if (why == unfit.end() || session.measurements.empty()) continue;
    one.unfit.push_back(
        {session.id, session.purpose, session.variant, session.config, session.pair, why->second});
  }
  std::vector<Hygiene> out;
  for (auto& [machine, one] : by_machine) out.push_back(std::move(one));
  return out;
}

}  // namespace kiln::verdict
