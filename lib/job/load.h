#pragma once
/// A job file to a JobSpec. Fields are documented in docs/job-file.md.
#include <string>

#include "lib/base/result.h"
#include "lib/conf/read.h"
#include "lib/job/spec.h"

namespace kiln::job {

/// kBadInput with file:line:column for whatever is wrong in it; kNotFound when it is not there.
/// `confines` is a folder that the job's paths may not leave and in which absolute ones start (a
/// job that was handed in by somebody); "" = the computer's own. `series` is a folder or an mbox
/// that stands for the job's own, which then need not be there.
Result<JobSpec> load_job(const std::string& path, const std::string& confines = "",
                         const std::string& series = "");

/// Every field that load_job reads, for the documentation and its test.
std::vector<conf::FieldDoc> job_fields();

}  // namespace kiln::job
