#pragma once
/// The run's report from all that it knows. Pure.
#include <map>
#include <vector>

#include "controller/scheduler/prepared.h"
#include "kiln/v1/report.pb.h"
#include "lib/verdict/verdict.h"

namespace kiln::scheduler {

struct ReportInput {
  const Prepared* prepared = nullptr;
  const job::Plan* plan = nullptr;
  const std::map<std::string, kernel::BuildRecord>* records = nullptr;
  v1::Run run;
  std::vector<v1::Session> sessions;  ///< in the order of running
  verdict::Output verdict;
};

v1::RunReport build_report(const ReportInput& input);

/// The plan as the wire's message.
v1::Plan to_proto(const Prepared& prepared, const job::Plan& plan, const std::string& machine,
                  int tests_per_cell);

}  // namespace kiln::scheduler
