#pragma once
/// What a daemon shares with whoever started it: signals as values, and words for systemd.
#include <functional>
#include <string>

#include "lib/base/clock.h"

namespace kiln::os {

/// Blocks SIGTERM, SIGINT, SIGHUP in the calling thread and those that it starts: call it first.
/// SIGPIPE is ignored.
void hold_signals();

enum class Asked { kStop, kReload, kNothing };
/// The next of those signals, or kNothing after `wait`.
Asked wait_for_signal(Millis wait);

/// Tells systemd (NOTIFY_SOCKET) "READY=1", "STOPPING=1", "STATUS=..."; without it nothing happens.
void tell_systemd(const std::string& state);

}  // namespace kiln::os
