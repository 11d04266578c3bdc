#pragma once
/// What a night's report says of the last good night of its schedule.
#include "kiln/v1/report.pb.h"
#include "lib/db/database.h"
#include "lib/db/run_table.h"
#include "lib/verdict/verdict.h"

namespace kiln::results {

/// Fills or clears `last_good_night`; `input` are the run's rows as they are judged. A run that no
/// schedule started has none. Only earlier nights are looked at, so that judging a run again says
/// the same.
Status add_last_good_night(db::Database& database, const db::RunRow& run,
                           const verdict::Input& input, v1::RunReport* report);

}  // namespace kiln::results
