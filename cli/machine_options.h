#pragma once
/// What kiln machine gets from the command line. Plain data.
#include <string>

namespace kiln::cli {

struct MachineOptions {
  std::string name;
  std::string file = "/etc/kiln/lab.yaml";
  bool power = false;  ///< also switch it
};

}  // namespace kiln::cli
