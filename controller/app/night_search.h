#pragma once
/// After a night in which tests became worse: a run that looks for the commit.
#include "controller/app/backend.h"
#include "controller/nights/keeper.h"
#include "lib/db/database.h"

namespace kiln::controller {

/// Looks through the commits since the last good night with the night's own job: the good commit is
/// the baseline, each later one a patch of the series, and only those are built that the bisection
/// boots. What it did or why not, for the log; the same night again starts nothing twice.
Result<std::string> search_commits(db::Database& database, results::DbRunStore& store,
                                   Backend& backend, const RunEnd& night);

}  // namespace kiln::controller
