#pragma once
/// One test over many runs, a letter a run. Pure.
#include <string>
#include <vector>

#include "kiln/v1/history.pb.h"
#include "lib/db/history_table.h"

namespace kiln::controller {

/// `runs`: oldest first; boots and troubles are of this test alone, in any order. Letters are those
/// of kiln.v1.GridTest; a run's patched boots count, or those of its baseline when there are none.
v1::GridTest grid_row(const std::string& test, const std::vector<int64_t>& runs,
                      const std::vector<db::TestBoot>& boots,
                      const std::vector<db::TestTrouble>& troubles);

/// Is HIGHMEM off in the config of that name? ("i386-nohighmem", "x86_64")
bool is_without_highmem(const std::string& config);

}  // namespace kiln::controller
