#pragma once
/// A run's reach as the message has it, both ways: a run that is judged again keeps what was
/// measured. Pure.
#include "kiln/v1/report.pb.h"
#include "lib/reach/reach.h"

namespace kiln::report {

/// Replaces `reach` and `reach_summary`.
void fill_reach(const reach::Reach& from, v1::RunReport* to);
/// What a stored report holds; empty when it has none.
reach::Reach reach_of(const v1::RunReport& report);

}  // namespace kiln::report
