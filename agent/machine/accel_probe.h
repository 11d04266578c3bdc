#pragma once
/// KVM or emulation? /dev/kvm may exist, open, and yet hang every guest, so it is tried.
#include <functional>
#include <stop_token>
#include <string>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/base/sync.h"
#include "lib/os/files.h"

namespace kiln::agent {

struct AccelAnswer {
  bool kvm = false;
  std::string why;           ///< "KVM booted the probe in 0.2 s", "no /dev/kvm", ...
  std::string qemu_version;  ///< "7.2.22"
};

/// Boots a 512-byte probe under KVM, once for each boot of this computer and version of QEMU; the
/// answer is kept in `memory_file`. Safe for concurrent use.
class AccelProbe {
 public:
  struct Config {
    std::string qemu = "qemu-system-i386";
    os::Path kvm_device = "/dev/kvm";
    os::Path memory_file{};
    Millis limit{5'000};  ///< of the probe's boot; under KVM it takes 0.2 s
    /// accelerator that the probe boots with; another one than KVM only in tests
    std::string accel = "kvm";
  };
  explicit AccelProbe(Config config) : config_(std::move(config)) {}
  /// Errors: QEMU is not installed or does not even tell its version.
  Result<AccelAnswer> choose(std::stop_token stop = {});
  /// A real kernel met a failure of KVM: emulation from now on.
  void kvm_failed(const std::string& why);

 private:
  Result<AccelAnswer> probe(const std::string& version, std::stop_token stop);
  void remember(const std::string& key, const AccelAnswer& answer);
  // Constant after construction.
  Config config_;
  struct State {
    std::string key;
    std::optional<AccelAnswer> answer;
  };
  Sync<State> state_;
};

}  // namespace kiln::agent
