#pragma once
/// kiln schedule, over whatever lab the stub leads to.
#include "cli/options.h"
#include "kiln/v1/schedule.grpc.pb.h"
#include "lib/base/result.h"

namespace kiln::cli {

enum class ScheduleVerb { kAdd, kList, kPause, kResume, kRemove, kRunNow, kHistory };

/// Asks, prints the answer, and returns the exit code.
Result<int> schedule_with(v1::Schedules::StubInterface& schedules, ScheduleVerb verb,
                          const Options& options);

/// The request of `kiln schedule add`; the job's path made absolute.
Result<v1::AddScheduleRequest> add_request(const ScheduleOptions& options);

}  // namespace kiln::cli
