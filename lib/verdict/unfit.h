#pragma once
/// Boots whose wall clock does not count, because of how their machine was set or what disturbed
/// it. Found from the conditions of boots alone, before any value is compared. Pure.
#include <map>
#include <string>
#include <vector>

#include "lib/hygiene/fit.h"
#include "lib/verdict/verdict.h"

namespace kiln::verdict {

/// How each machine of the run is set as a rule: in its boots without any series, earlier ones
/// first.
std::map<std::string, hygiene::Settings> usual_settings(const Input& input);

/// Session id -> why its wall clock does not count. An emulated machine's figures only inform, and
/// its host's troubles are its own: its boots are never here.
std::map<int64_t, std::string> unfit_boots(const Input& input);

/// For the report: one entry a machine that said anything.
std::vector<Hygiene> machine_hygiene(const Input& input);

}  // namespace kiln::verdict
