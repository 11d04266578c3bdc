#pragma once
/// A prepared job as it is kept with its runs, and back. Pure.
#include "controller/scheduler/prepared.h"
#include "lib/job/stored.h"

namespace kiln::scheduler {

job::StoredJob to_stored(const Prepared& prepared);

/// What a run of these rows needs to boot kernels that are built already: spec, lists, patches,
/// configs. Targets are the caller's.
Prepared from_stored(const job::StoredJob& stored);

/// Its lists, cut down to the tests; phases without any go.
void keep_tests(const std::vector<std::string>& tests, Prepared* prepared);

}  // namespace kiln::scheduler
