#pragma once
/// kernel-configs/NAME.yaml to a NamedConfig.
#include <string>

#include "lib/kernel/config.h"

namespace kiln::kernel {

/// Reads FOLDER/NAME.yaml; its fragments are FOLDER/fragments/*.config. kBadInput with place for
/// what is wrong in it, or with the nearest name when there is no such config.
Result<NamedConfig> load_named_config(const os::Path& folder, const std::string& name);

}  // namespace kiln::kernel
