#pragma once
/// Tries each driver of a machine for real and says what is wrong and how to mend it.
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/machine/shell.h"
#include "lib/base/clock.h"
#include "lib/machine/spec.h"

namespace kiln::agent {

struct CheckLine {
  enum class State {
    kOk,
    kNote,   ///< works, and limits what the machine can do
    kWrong,  ///< no session can rely on it
  };
  std::string driver{};  ///< "power", "console", "netconsole", "boot", "shell", "watchdog"
  State state = State::kOk;
  std::string found{};
  std::string mend{};  ///< "" = nothing to do
};

struct CheckOptions {
  bool power = false;  ///< also switch it off and on: what runs there is lost
  Millis shell{20'000};
  Millis console{15'000};  ///< until the line stands, and again for its words
};

/// In the order in which they depend on each other. Bounded by the options and the power's times;
/// `tell` hears of each line as it is known. Without options.power nothing on the machine changes
/// but its kernel log, which gets a line for each of its consoles.
std::vector<CheckLine> check_machine(const machine::MachineSpec& machine,
                                     const CheckOptions& options, const Clock& clock,
                                     const ShellConnector& connect,
                                     const std::function<void(const CheckLine&)>& tell,
                                     std::stop_token stop);

/// The verdict on the boot driver out of what boot_probe() printed. Pure.
CheckLine judge_boot(const machine::BootSpec& boot, const std::string& printed);
/// The verdict on `network`, which serves them, out of what the agent says of itself. Pure.
CheckLine judge_network_boot(const machine::MachineSpec& machine, const std::string& whom,
                             const std::string& said);
/// Whether its port can be had, or who has it; no shell is needed. Bounded by some seconds.
CheckLine check_network_boot(const machine::MachineSpec& machine);
/// One shell command that looks and changes nothing.
std::string boot_probe(const machine::BootSpec& boot);

}  // namespace kiln::agent
