#pragma once
/// A machine that boots in a tenth of a second and is real to whoever drives it: power by programs,
/// a serial line behind ser2net, OpenSSH, GRUB's environment block; see the script quick-machine.
/// What disturbs a lab that is well can be done to it. For tests and benchmarks only.
#include <memory>
#include <string>
#include <thread>

#include "agent/serial/testing.h"
#include "agent/test/identity.h"
#include "lib/base/sync.h"
#include "lib/machine/spec.h"

namespace kiln::agent {

class QuickMachine {
 public:
  /// "" when all that it needs is there.
  static std::string missing();
  /// How its kernel shows itself when these bytes are booted.
  static ExpectedIdentity identity_of(const os::Path& kernel);

  explicit QuickMachine(const std::string& name);
  /// Switched off.
  ~QuickMachine();
  [[nodiscard]] const machine::MachineSpec& spec() const { return spec_; }

  /// Once: the next command starts so much later (`slow`) or its connection breaks after that time
  /// (`drop`), the next boot (`boot`) or the power's next answer (`power`) takes so much longer.
  void noise(const std::string& name, Millis time) const;
  /// On the serial line, between the machine's own words.
  void say(const std::string& bytes) { extra_.lock()->append(bytes); }
  /// Who listens to the line loses it, and what is said meanwhile.
  void restart_console_server();

 private:
  void switch_off() const;
  /// From the script's pipe to the wire.
  void carry(const std::stop_token& stop);

  os::TempFolder folder_ = *os::TempFolder::make("/tmp", "quick-");
  machine::MachineSpec spec_{};
  testing::Wire wire_;
  int pipe_ = -1;
  Sync<std::string> extra_;
  std::unique_ptr<os::Child> console_server_;
  std::jthread carrier_;  ///< ends first
};

}  // namespace kiln::agent
