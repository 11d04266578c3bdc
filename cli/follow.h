#pragma once
/// Following a run that is driven elsewhere: it goes on when we stop looking.
#include "cli/embedded.h"

namespace kiln::cli {

/// Until options.lab.until, its timeout, or Ctrl-C; then the run's report. The exit code: the
/// verdict's; 3 when the time was over first; 130 after Ctrl-C.
Result<int> follow_run(const Options& options, EmbeddedLab& lab, int64_t run_id);

}  // namespace kiln::cli
