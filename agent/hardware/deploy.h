#pragma once
/// Files onto a machine's own disk, by hash: what is there already is not sent again.
#include <cstdint>
#include <string>
#include <vector>

#include "agent/machine/shell.h"
#include "lib/os/files.h"

namespace kiln::agent {

struct DeployFile {
  std::string name{};  ///< in the folder: letters, digits, '.', '_', '-'
  os::Path local{};
};

struct DeployReport {
  int sent = 0;
  int kept = 0;        ///< were there with the right hash
  uint64_t bytes = 0;  ///< that were sent
};

/// Afterwards the folder holds these files and nothing else, each read back from the disk and
/// hashed there. A file gets its name only when it is whole. Errors: kNoSpace, kInfrastructure
/// (also a hash that differs, with both), kTimeout.
Result<DeployReport> deploy(Shell& shell, const std::string& folder,
                            const std::vector<DeployFile>& files, Millis timeout,
                            std::stop_token stop);
/// Removes the folder with all that it holds.
Status empty_folder(Shell& shell, const std::string& folder, Millis timeout, std::stop_token stop);

}  // namespace kiln::agent
