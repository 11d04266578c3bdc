#pragma once
/// May what a boot measured by the clock be held against other boots of its machine? Decided by
/// the conditions alone: nothing here knows a measured value. Pure.
#include <string>
#include <vector>

#include "lib/hygiene/conditions.h"

namespace kiln::hygiene {

/// More than half a CPU of other work is no background any more.
inline constexpr double kMuchLoad = 0.5;
/// So much of a virtual machine's time may its host take.
inline constexpr double kMuchStolenPercent = 5;

/// How a machine is set as a rule: of each setting what most boots had, of equally many what came
/// first. Boots that do not say are not asked.
Settings usual_of(const std::vector<Settings>& boots);

/// Why its values do not count, for people: "the governor is powersave, as a rule performance
/// there; heat slowed the CPUs 3 times"; "" = they do.
std::string unfit_because(const Conditions& boot, const Settings& usual);

}  // namespace kiln::hygiene
