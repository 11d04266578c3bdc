#pragma once
/// What a quarantined machine has to do before it takes work again: boot a kernel that it is known
/// to do well, and pass a few tests that passed there. Pure.
#include <string>

#include "controller/scheduler/prepared.h"
#include "kiln/v1/report.pb.h"
#include "lib/db/session_table.h"
#include "lib/job/stored.h"

namespace kiln::scheduler {

/// A boot of a baseline that the machine (or one that may stand for it) did well.
struct GoodBoot {
  db::StoredSession session;
  job::StoredJob job;  ///< of its run
  v1::Run run;
};

inline constexpr size_t kMostCheckTests = 10;

/// That boot again, with the quickest tests that passed in it. kBadInput: no test passed.
Result<Prepared> prepare_health_check(const std::string& machine, const GoodBoot& good);

/// Its one boot. `prepared` is of prepare_health_check().
job::Plan plan_health_check(const Prepared& prepared, const job::History& history);

/// The answer, in place of the verdict on a series: "no-regression" when every test passed.
void judge_health(const std::string& machine, int planned_tests, v1::RunReport* report);

}  // namespace kiln::scheduler
