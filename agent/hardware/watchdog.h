#pragma once
/// The machine's hardware watchdog: what resets a kernel that hangs where nobody can switch the
/// power and nobody hears the console.
#include <string>

#include "lib/base/clock.h"

namespace kiln::agent {

/// Long beside what a test's load keeps a program from running; a hang is then heard of before.
constexpr Millis kWatchdogTime{120'000};

/// A shell command that starts it for the system that runs, and feeds it from then on; a reset or a
/// reboot of the machine ends both. Prints one line: what watches, or why nothing does. Twice is
/// as once.
std::string watchdog_command(Millis time = kWatchdogTime);
/// Prints what the machine has: the driver's name, or nothing. Changes nothing.
std::string watchdog_probe();

}  // namespace kiln::agent
