#pragma once
/// Parts of the text report, in the order of the mail. Each is empty when there is nothing to say,
/// else it ends with a newline. Pure.
#include <string>

#include "kiln/v1/report.pb.h"

namespace kiln::report {

std::string text_findings(const v1::RunReport& report);
/// One finding with its counts, kernel words and evidence.
std::string text_finding(const v1::Finding& finding);
std::string text_not_the_series(const v1::RunReport& report);
/// Findings that known issues cover, with the filters' reasons.
std::string text_known(const v1::RunReport& report);
/// What the series' version before broke, and this one fixed.
std::string text_predecessor(const v1::RunReport& report);
/// What differs from the last good night of the run's schedule.
std::string text_last_good_night(const v1::RunReport& report);
std::string text_not_tested(const v1::RunReport& report);
/// What tools say of each patch without running it.
std::string text_statics(const v1::RunReport& report);
std::string text_lost(const v1::RunReport& report);
std::string text_performance(const v1::RunReport& report);
std::string text_claims(const v1::RunReport& report);
/// Per config how each side's tests ended.
std::string text_matrix(const v1::RunReport& report);
/// Base, toolchain, machine, builds, how to reproduce.
std::string text_foot(const v1::RunReport& report);

}  // namespace kiln::report
