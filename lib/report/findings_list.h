#pragma once
/// Findings over all runs, and decisions on them, for terminals. Pure; hostile strings made
/// harmless.
#include <string>

#include "kiln/v1/findings.pb.h"

namespace kiln::report {

std::string findings_to_text(const v1::ListFindingsReply& reply);
std::string decision_to_text(const v1::Decision& decision);

}  // namespace kiln::report
