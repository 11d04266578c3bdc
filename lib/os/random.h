#pragma once
/// The kernel's random bytes. Thread-safety: a pure call.
#include <cstddef>
#include <string>

#include "lib/base/result.h"

namespace kiln::os {

/// `count` bytes fit for keys; waits only while the kernel has never had enough of them (early
/// boot).
Result<std::string> random_bytes(size_t count);

}  // namespace kiln::os
