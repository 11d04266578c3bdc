#pragma once
/// An order for a kernel's build folder as `make` left it, for trials and integration tests.
#include <string>

#include "agent/test/identity.h"
#include "agent/tools/fake_controller.h"

namespace kiln::agent {

struct TrialKernel {
  os::Path image{};        ///< bzImage
  os::Path vmlinux{};      ///< for the build id
  os::Path config{};       ///< resolved .config
  os::Path modules_tar{};  ///< tar.zst, or empty
  std::string release{};
  bool highmem = true;
};

/// What lies in the build folder; `modules_tar` may be "". Errors: a file that is not there.
Result<TrialKernel> trial_kernel(const os::Path& build, const os::Path& modules_tar);

/// What it shows of itself when it runs, but for its modules.
Result<ExpectedIdentity> expected_of(const TrialKernel& kernel);

/// Order without phases; identities are read from the files, i915's from the modules' tar.
Result<v1::SessionOrder> trial_order(OneSessionController& controller, const TrialKernel& kernel);

}  // namespace kiln::agent
