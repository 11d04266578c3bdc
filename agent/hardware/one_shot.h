#pragma once
/// Starting a kernel once: whatever becomes of it, the next boot is the known-good one again.
#include <memory>
#include <string>

#include "agent/machine/shell.h"
#include "lib/machine/spec.h"
#include "lib/os/files.h"

namespace kiln::agent {

/// What lies in the boot folder and how it is to be started.
struct BootEntry {
  std::string kernel{};    ///< a file's name in the folder
  std::string initrd{};    ///< or "": the kernel needs none
  std::string cmdline{};   ///< whole
  os::Path kernel_file{};  ///< the same on this computer, for what is fetched from it
  os::Path initrd_file{};
};

/// All calls go to the known-good system that runs now. Used by one thread at a time.
class OneShot {
 public:
  virtual ~OneShot() = default;
  /// Sets it and reads it back. Errors: what the loader said; nothing is set then.
  virtual Status arm(Shell& shell, const BootEntry& entry, std::stop_token stop) = 0;
  /// Takes it back. Safe when nothing is set.
  virtual Status disarm(Shell& shell, std::stop_token stop) = 0;
  /// The command that starts it: it returns before the machine goes down.
  [[nodiscard]] virtual std::string go() const = 0;
  /// The machine fetches the kernel from this computer: nothing lies in its boot folder.
  [[nodiscard]] virtual bool fetches() const { return false; }
  /// What is armed is started after a reset or a power cycle, too.
  [[nodiscard]] virtual bool survives_reset() const { return true; }
  /// As disarm(), as far as it needs no machine that answers.
  virtual void revoke() {}
};

/// nullptr for `none` and `network` (see netboot.h). `boot_folder` is GRUB's, for tests: /boot
/// elsewhere.
std::unique_ptr<OneShot> make_one_shot(const machine::BootSpec& boot,
                                       const std::string& boot_folder = "/boot");

/// Printable ASCII without quotes, backslash, '$', braces and line ends: safe in a shell, in GRUB's
/// and systemd-boot's files, and in a script of iPXE. Pure.
bool is_safe_cmdline(const std::string& cmdline);
/// kBadInput when its command line is not safe.
Status check_cmdline(const BootEntry& entry);
/// The command for go() that goes through firmware.
std::string reboot_soon();
/// Starts the command, which has no single quotes, when the connection that gave it has ended: it
/// is to end in peace before the machine does. 0.3 s are the longest wait.
std::string after_goodbye(const std::string& command);

}  // namespace kiln::agent
