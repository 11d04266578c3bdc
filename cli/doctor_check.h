#pragma once
/// One line of the doctor.
#include <string>
#include <vector>

#include "cli/options.h"
#include "lib/base/result.h"

namespace kiln::cli {

/// "ok" needs nothing, "note" limits something, "missing" stops a run.
struct Check {
  std::string name;
  std::string state;
  std::string found;
  std::string mend;
};

/// Is the lab there, does it know us, can it work?
Result<std::vector<Check>> check_lab(const Options& options);

}  // namespace kiln::cli
