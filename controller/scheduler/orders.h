#pragma once
/// From a planned session to the order an agent gets. Pure.
#include "controller/scheduler/prepared.h"
#include "kiln/v1/agent.pb.h"

namespace kiln::scheduler {

struct OrderInput {
  const Prepared* prepared = nullptr;
  const job::PlannedSession* session = nullptr;
  const kernel::BuildRecord* build = nullptr;
  int64_t session_id = 0;
  uint64_t lease_epoch = 1;
  std::string machine;
};

v1::SessionOrder make_order(const OrderInput& input);

/// The lines of a list that run any of `tests` (a list names binaries and subtests, results also
/// dynamic subtests below them), in the list's order.
std::vector<std::string> lines_for_tests(const std::vector<std::string>& lines,
                                         const std::vector<std::string>& tests);

}  // namespace kiln::scheduler
