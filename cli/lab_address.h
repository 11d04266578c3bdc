#pragma once
/// Which lab a command speaks to.
#include <optional>
#include <string>

#include "lib/base/result.h"

namespace kiln::cli {

struct LabAddress {
  std::string name;
  std::string target;  ///< gRPC's: "unix:/path" or "host:port"
  std::string from;    ///< where the address came from, for people
};

/// `option` (--lab), else KILN_LAB: an address (`unix:...`, `host:port`), a data folder that a
/// kilnd serves, or a name of kiln/labs.yaml in the user's XDG config folder. nullopt when neither
/// is given: this computer. An unknown name is an error, never this computer.
Result<std::optional<LabAddress>> find_lab(const std::string& option);

}  // namespace kiln::cli
