#pragma once
/// What switches one machine's power. A driver only sends and asks; whether that came true is for
/// VerifiedPower, in one place for all of them.
///
/// The smallest driver (docs/guides/real-machine.md has it whole): unit() and set(), and read()
/// that says kUnknown.
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/machine/machine.h"
#include "lib/base/result.h"
#include "lib/machine/spec.h"

namespace kiln::agent {

/// Waits; false when stopped meanwhile. Tests put their own clock's in its place.
using Pause = std::function<bool(Millis, std::stop_token)>;
bool real_pause(Millis time, std::stop_token stop);

/// Used by one thread at a time, under its unit's lock; all calls are bounded (about 30 s).
class PowerDriver {
 public:
  virtual ~PowerDriver() = default;
  /// What takes one command at a time: two drivers with equal units are never asked at once.
  [[nodiscard]] virtual std::string unit() const = 0;
  /// Whether read() can ever say something else than kUnknown.
  [[nodiscard]] virtual bool reads() const = 0;
  /// Sends the command. Success says that it was taken, not that it came true.
  virtual Status set(bool on, std::stop_token stop) = 0;
  /// What the gear says now. Whatever is not plainly on or off is kUnknown, never off.
  virtual Result<PowerState> read(std::stop_token stop) = 0;
  /// Off and on in the gear's own way; kNotFound when it has none.
  virtual Status cycle(std::stop_token) {
    return fail(ErrorKind::kNotFound, "the driver has no power cycle of its own");
  }
  /// Whether reset() is there.
  [[nodiscard]] virtual bool resets() const { return false; }
  /// The reset button: power stays on, and memory with what a crash left there.
  virtual Status reset(std::stop_token) {
    return fail(ErrorKind::kNotFound, "the driver has no reset");
  }
};

/// The password, without its line end. kPermission when others may read its file.
Result<std::string> read_secret(const machine::Secret& secret);

std::unique_ptr<PowerDriver> make_ipmi(machine::IpmiPower power);
std::unique_ptr<PowerDriver> make_redfish(machine::RedfishPower power, Pause pause = real_pause);
std::unique_ptr<PowerDriver> make_snmp(machine::SnmpPower power);
std::unique_ptr<PowerDriver> make_pdudaemon(machine::PdudaemonPower power);
std::unique_ptr<PowerDriver> make_command(machine::CommandPower power, const std::string& machine);
/// The one that the machine file names; nullptr for `none`.
std::unique_ptr<PowerDriver> make_power(const machine::MachineSpec& machine);

/// Options of ipmitool that reach a BMC, and the environment with the password.
struct IpmiAccess {
  std::vector<std::string> argv{};
  std::map<std::string, std::string> env{};
};
Result<IpmiAccess> ipmi_access(const machine::Bmc& bmc);

/// kNotFound with the package to install, when a program is not there.
Status need_program(const std::string& program, const std::string& package);

}  // namespace kiln::agent
