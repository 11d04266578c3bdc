#pragma once
/// Power as a verified transaction: command, read-back, independent witness. The one place where
/// "it was asked to" becomes "it is".
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "agent/power/driver.h"
#include "lib/base/clock.h"
#include "lib/base/sync.h"

namespace kiln::agent {

/// What a second source says of a machine that should be off.
enum class Sign {
  kNothing,  ///< it cannot tell
  kAlive,    ///< the machine did something
  kDead,     ///< it gave signs before and none now
};

/// Somebody who sees the machine by another way than its power's.
class Witness {
 public:
  virtual ~Witness() = default;
  [[nodiscard]] virtual std::string name() const = 0;  ///< "console", "SSH"
  /// Before the command: how it is now.
  virtual void before() = 0;
  /// After it. May take a few seconds.
  virtual Sign look() = 0;
};

/// The machine's SSH port, which greets; what answers there runs.
std::unique_ptr<Witness> make_port_witness(std::string host, int port, Millis timeout);
/// Bytes on the console: `count` gives how many came in all. What talks on runs; silence alone
/// proves nothing, since an idle machine is silent too.
std::unique_ptr<Witness> make_console_witness(std::function<uint64_t()> count, Pause pause);

/// What is known after a transaction.
struct PowerOutcome {
  PowerState state = PowerState::kUnknown;
  bool read_back = false;         ///< the gear itself says so
  std::string confirmed_by{};     ///< the witness that agrees, "" = none could
  std::string contradicted_by{};  ///< the witness that does not: the gear lies, or is wired wrong
  std::string why{};              ///< the whole story in a line
  [[nodiscard]] bool is(PowerState wanted) const { return state == wanted; }
};

/// How far a machine's gear can be believed.
struct PowerRecord {
  uint64_t asked = 0;
  uint64_t came_true = 0;
  uint64_t lied = 0;    ///< the read-back said off, a witness saw life
  uint64_t failed = 0;  ///< no answer, or another state in the end
};

/// Locks by unit: many PDUs and BMCs fall over when two talk to them. Safe for concurrent use.
class PowerUnits {
 public:
  std::shared_ptr<std::timed_mutex> of(const std::string& unit);

 private:
  Sync<std::map<std::string, std::shared_ptr<std::timed_mutex>>> units_;
};

struct VerifiedPowerConfig {
  Millis settle{60'000};
  Millis off_time{5'000};
  Millis poll{1'000};           ///< between two read-backs
  Millis witness_time{10'000};  ///< how long a witness may go on seeing life after off
  std::string unit{};           ///< "" = the driver's
};

/// Safe for concurrent use; calls of one unit wait for each other, bounded.
class VerifiedPower {
 public:
  /// `units` outlives it.
  VerifiedPower(std::unique_ptr<PowerDriver> driver, VerifiedPowerConfig config, PowerUnits& units,
                const Clock& clock, Pause pause = real_pause);
  /// Before the first call.
  void add_witness(std::unique_ptr<Witness> witness);

  /// Errors: the unit was busy all the time (kTimeout), stopped (kCancelled). Everything else is an
  /// outcome; its state is kOff only when the gear says so and nobody saw life, or when it cannot
  /// say and a witness saw life end.
  Result<PowerOutcome> switch_to(bool on, std::stop_token stop);
  /// Off, a while, on. An outcome of the off that is not proved ends it, unless the gear cannot
  /// read its state at all: then the boot must prove it (a new boot id).
  Result<PowerOutcome> cycle(std::stop_token stop);
  Result<PowerState> read(std::stop_token stop);
  [[nodiscard]] bool resets() const { return driver_->resets(); }
  /// Sent, and no more: that it came true a boot must prove.
  Status reset(std::stop_token stop);
  [[nodiscard]] PowerRecord record();

 private:
  Result<std::unique_lock<std::timed_mutex>> take(std::stop_token stop);
  PowerOutcome switch_locked(bool on, std::stop_token stop);
  PowerOutcome read_until(PowerState wanted, std::stop_token stop);
  void ask_witnesses(PowerOutcome& outcome, std::stop_token stop);

  // Constant after construction.
  std::unique_ptr<PowerDriver> driver_;
  VerifiedPowerConfig config_;
  std::shared_ptr<std::timed_mutex> unit_;
  std::string unit_name_;
  const Clock& clock_;
  Pause pause_;
  std::vector<std::unique_ptr<Witness>> witnesses_;
  Sync<PowerRecord> record_;
};

/// "on", "off", "unknown".
std::string_view to_string(PowerState state);

}  // namespace kiln::agent
