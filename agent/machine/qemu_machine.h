#pragma once
/// The embedded machine: one QEMU process for each boot over a qcow2 overlay for each session.
#include <memory>
#include <string>

#include "agent/machine/accel_probe.h"
#include "agent/machine/machine.h"
#include "agent/machine/root_image.h"
#include "lib/base/sync.h"

namespace kiln::agent {

/// A Machine whose power switch is a QEMU process. Power off keeps the session's disk, so that
/// results survive a crash; end() removes it. QEMU ends with the object, and what a killed agent
/// left running is ended when the next one constructs the machine of the same folder.
class QemuMachine final : public Machine, private Power, private Boot, private Console {
 public:
  struct Config {
    std::string name = "qemu-1";
    std::string qemu = "qemu-system-i386";
    std::string qemu_img = "qemu-img";
    Path folder{};                ///< the machine's own, in the agent's data
    Path socket_parent = "/tmp";  ///< short, for unix sockets
    ShellConnector connector{};
  };
  /// `images` and `accel` outlive the machine.
  QemuMachine(Config config, RootImages& images, AccelProbe& accel);
  ~QemuMachine() override;

  MachineFacts facts() override;
  Status begin(const Path& folder, const std::function<void(const std::string&)>& progress,
               std::stop_token stop) override;
  void end() override;
  Power& power() override { return *this; }
  Boot& boot() override { return *this; }
  Console& console() override { return *this; }
  Result<std::unique_ptr<Shell>> connect(Millis timeout, std::stop_token stop) override;
  Result<ShellEndpoint> endpoint() override;

 private:
  struct Run;
  struct State;
  Status on() override;
  Status off() override;
  PowerReport state() override;
  Status arm(const BootSpec& spec) override;
  void attach(std::function<void(std::string_view)> sink) override;
  Status write(std::string_view bytes) override;

  Result<std::unique_ptr<Run>> start(State& state, bool kvm);
  Error start_error(Run& run, Error cause) const;
  static PowerReport report_of(State& state);
  void stop_run(State& state);
  void end_leftovers();

  // Constant after construction.
  Config config_;
  RootImages& images_;
  AccelProbe& accel_;
  Path record_;
  Sync<std::unique_ptr<State>> state_;
  Sync<std::function<void(std::string_view)>> sink_;
};

}  // namespace kiln::agent
