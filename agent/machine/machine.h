#pragma once
/// What a test machine can be asked to do. Narrow interfaces, so that a driver for real hardware
/// (an outlet, a BMC, a serial adapter, a network boot) joins by implementing some of them.
/// Thread-safety: one session's thread drives a machine; power().state() may be asked by any.
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/machine/shell.h"
#include "lib/os/files.h"

namespace kiln::agent {

using os::Path;

/// What a machine is, for the controller's choice and for the report.
struct MachineFacts {
  std::string name{};
  std::vector<std::string> tags{};
  std::map<std::string, std::string> facts{};  ///< "accel" -> "tcg"
  bool emulated = false;                       ///< its wall clock says nothing about hardware
  std::string preparing{};  ///< what is done to it before a session can start, "" = nothing
  std::string broken{};     ///< why no session can start before somebody mends it, "" = it can
};

enum class PowerState { kOff, kOn, kUnknown };

struct PowerReport {
  PowerState state = PowerState::kUnknown;
  /// Off by the machine's own doing (its kernel rebooted or panicked), not by ours and not by a
  /// failure of what runs it.
  bool by_guest = false;
  /// The driver has changed something, so that the next power on may well succeed.
  bool try_again = false;
  std::string why{};          ///< "the guest reset itself", "QEMU was killed by signal 9"
  std::string error_class{};  ///< of a machine that failed: "INFRA_DUT"; "" = INFRA_POWER
};

class Power {
 public:
  virtual ~Power() = default;
  virtual Status on() = 0;
  /// Off, now. Off already is success.
  virtual Status off() = 0;
  virtual PowerReport state() = 0;
};

/// What to start at the next power-on.
struct BootSpec {
  Path kernel{};
  std::string cmdline{};  ///< added to the machine's own
  uint64_t memory_bytes = 2ULL << 30;
  int cpus = 2;
  bool count_instructions = false;
};

class Boot {
 public:
  virtual ~Boot() = default;
  /// Holds for every later power-on until it is called again.
  virtual Status arm(const BootSpec& spec) = 0;
};

class Console {
 public:
  virtual ~Console() = default;
  /// Where the serial line's bytes go from now on; called on a thread of the driver's. An empty
  /// function stops it, and returns when no call is running any more.
  virtual void attach(std::function<void(std::string_view)> sink) = 0;
  /// Bytes to the serial line. kInfrastructure when it is down or takes none.
  virtual Status write(std::string_view bytes) = 0;
};

/// A log of a session beside its console.
struct KeptLog {
  std::string name{};  ///< "pstore", "netconsole"
  Path file{};
  bool crash = false;  ///< last words of a kernel, which its console need not have
};

/// A machine with its drivers.
class Machine {
 public:
  virtual ~Machine() = default;
  virtual MachineFacts facts() = 0;
  /// Whether "off" means that a system of the machine's own runs and has answered: then a kernel
  /// that is not heard of is told from a machine that is not.
  [[nodiscard]] virtual bool has_known_good() const { return false; }
  /// What the session does now, in the words of SessionProgress.phase.
  virtual void session_at(std::string_view phase) { (void)phase; }
  /// Makes a clean disk in `folder` (which exists and is the session's own), ready for arm() and
  /// on(). `progress` is told of long steps ("building the root image").
  virtual Status begin(const Path& folder, const std::function<void(const std::string&)>& progress,
                       std::stop_token stop) = 0;
  /// What it has of this session by now; with `last`, also what goes on until its end. Who has
  /// stored one removes its file.
  virtual std::vector<KeptLog> kept_logs(bool last) {
    (void)last;
    return {};
  }
  /// Off, the session's disk removed. Safe to call at any time, any number of times.
  virtual void end() = 0;
  virtual Power& power() = 0;
  virtual Boot& boot() = 0;
  virtual Console& console() = 0;
  /// Logs in as root; retries until `timeout`.
  virtual Result<std::unique_ptr<Shell>> connect(Millis timeout, std::stop_token stop) = 0;
  /// Where its SSH server is reached now. kInfrastructure while it is off.
  virtual Result<ShellEndpoint> endpoint() = 0;
};

}  // namespace kiln::agent
