#pragma once
/// What a machine did, how often it was at fault, and its noise, as people look at it.
#include <optional>
#include <string>

#include "kiln/v1/history.pb.h"
#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/db/database.h"
#include "lib/stats/noise.h"

namespace kiln::controller {

/// kNotFound for a machine that nobody knows and that never had a session.
Result<v1::MachineHistoryReply> machine_history(db::Database& database,
                                                const v1::MachineHistoryRequest& request,
                                                WallTime now);

/// Of one metric over all A/A pairs of the machine; nothing with fewer than two.
Result<std::optional<stats::NoiseFloor>> noise_of(db::Database& database,
                                                  const std::string& machine,
                                                  const std::string& metric);

}  // namespace kiln::controller
