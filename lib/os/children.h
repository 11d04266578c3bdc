#pragma once
/// Programs that this process started and that still run (lib/os/process.h).

namespace kiln::os {

/// Kills the process groups of all of them, for a process that is about to end without its
/// destructors. Async-signal-safe; waits for nothing. One that starts at that moment, and those
/// beyond the first 4096, may be missed.
void kill_children();

}  // namespace kiln::os
