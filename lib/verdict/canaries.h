#pragma once
/// The baseline against itself: what a machine makes of nothing, and whether its alarms can be
/// believed. Pure. docs/statistics.md, "Noise floor".
#include <map>
#include <string>
#include <vector>

#include "lib/stats/noise.h"
#include "lib/verdict/verdict.h"

namespace kiln::verdict {

/// By metric; those without any A/A pair are left out. Earlier runs first, then this one.
std::map<std::string, stats::NoiseFloor> noise_floors(const Input& input);

/// The same by the job's entries, for people.
std::vector<Noise> machine_noise(const Input& input);

/// "this machine raised 5 alarms in 12 A/A experiments: ..."; "" when its alarms can be believed.
std::string not_believed_because(const stats::NoiseFloor& floor);

}  // namespace kiln::verdict
