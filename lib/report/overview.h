#pragma once
/// `kiln show`: one run at a glance.
#include <string>

#include "kiln/v1/report.pb.h"

namespace kiln::report {

/// Verdict, matrix, builds and sessions as tables for a terminal. Ends with a newline.
std::string overview_to_text(const v1::RunReport& report);

}  // namespace kiln::report
