#pragma once
/// A run's static side as the message has it, both ways: a run that is judged again keeps what the
/// tools said. Pure.
#include "kiln/v1/report.pb.h"
#include "lib/statics/statics.h"

namespace kiln::report {

/// Replaces `static_side`; unset when nothing was looked at.
void fill_statics(const statics::Side& from, v1::RunReport* to);
/// What a stored report holds; empty when it has none.
statics::Side statics_of(const v1::RunReport& report);

}  // namespace kiln::report
