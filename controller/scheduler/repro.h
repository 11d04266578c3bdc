#pragma once
/// Repeating one finding of a stored run: which boots of which stored kernels show it, and the
/// words for people. Pure.
#include <set>
#include <string>
#include <vector>

#include "controller/scheduler/prepared.h"
#include "kiln/v1/report.pb.h"
#include "kiln/v1/review.pb.h"
#include "lib/job/stored.h"

namespace kiln::scheduler {

/// A kernel of the run that can still be booted.
struct StoredKernel {
  std::string variant;
  std::string config;
  std::string key;
};

struct ReproInput {
  v1::RunReport report;           ///< of the run
  job::StoredJob job;             ///< what it was asked
  std::string finding;            ///< "f3"
  std::string subject;            ///< db::FindingRow::subject
  std::set<std::string> seen_in;  ///< configs of its occurrences, when they are known
  std::vector<StoredKernel> kernels;
  int boots = 0;  ///< on each side; 0 = as many as confirmed it, at least 3
  job::History history;
};

/// The run's job, cut down to what shows the finding, on the kernels that are there. kNotFound: no
/// such finding, or a kernel that is gone. kBadInput: a finding that no boot can repeat. Each hint
/// says what can be done instead.
Result<Prepared> prepare_repro(const ReproInput& input);

/// The boots: both kernels of each config in turns. `prepared` is of prepare_repro().
job::Plan plan_repro(const ReproInput& input, const Prepared& prepared, uint64_t seed);

/// What `kiln repro` does, and how to do it by hand. kNotFound: no such finding; one that cannot be
/// repeated has its reason in `cannot`.
Result<v1::ReproReply> describe_repro(const ReproInput& input);

}  // namespace kiln::scheduler
