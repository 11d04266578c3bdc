#pragma once
/// Where a session takes its kernel from and leaves its logs.
#include <stop_token>
#include <string>

#include "lib/base/result.h"
#include "lib/os/files.h"

namespace kiln::agent {

/// Safe for concurrent use.
class Artifacts {
 public:
  virtual ~Artifacts() = default;
  /// A local file whose content has this sha256; it stays valid while the agent runs.
  virtual Result<os::Path> fetch(const std::string& digest, std::stop_token stop) = 0;
  /// Takes the file over (it is moved) and gives its sha256; it reaches the controller before the
  /// session's end does.
  virtual Result<std::string> put(const os::Path& file) = 0;
};

}  // namespace kiln::agent
