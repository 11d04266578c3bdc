#pragma once
/// The NOT TESTED list. Pure.
#include <string>
#include <vector>

#include "lib/verdict/verdict.h"

namespace kiln::verdict {

/// Changed code that nothing executed. Where reach was measured it decides, and the job's words say
/// what would reach a place; else the job's words are all there is. `notes` gets a line for each of
/// them that the measurement contradicts.
std::vector<NotTested> not_tested_places(const Input& input, std::vector<std::string>* notes);

}  // namespace kiln::verdict
