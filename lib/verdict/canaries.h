#pragma once
/// The baseline against itself: what a machine makes of nothing, and whether its alarms can be
/// believed. Pure. docs/statistics.md, "Noise floor".
#include <map>
#include <string>
#include <vector>

#include "lib/hygiene/fit.h"
#include "lib/stats/noise.h"
#include "lib/verdict/verdict.h"

namespace kiln::verdict {

/// The second boot of each pair to the first, oldest pair first. A boot that failed was tried
/// again, so that the first two with a value are the pair. Boots that would not count in a
/// comparison, on a machine that is set like that as a rule, do not here.
std::vector<double> canary_ratios(const std::vector<CanaryBoot>& boots,
                                  const hygiene::Settings& usual);

/// By metric; those without any A/A pair are left out. Earlier runs first, then this one.
std::map<std::string, stats::NoiseFloor> noise_floors(const Input& input);

/// The same by the job's entries, for people.
std::vector<Noise> machine_noise(const Input& input);

/// "this machine raised 5 alarms in 12 A/A experiments: ..."; "" when its alarms can be believed.
std::string not_believed_because(const stats::NoiseFloor& floor);

}  // namespace kiln::verdict
