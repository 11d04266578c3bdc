#pragma once
/// What kiln machine gets from the command line. Plain data.
#include <string>
#include <vector>

namespace kiln::cli {

struct MachineOptions {
  std::string name;
  std::string file = "/etc/kiln/lab.yaml";
  bool power = false;  ///< also switch it

  // kiln machine add
  std::string address{}, user = "root", key{}, fingerprint{};
  int port = 22;
  std::vector<std::string> tags{};
  std::string power_map{}, console_map{};  ///< as the lab file has them
  std::string bmc_user{}, bmc_password_file{};
  std::string cmdline{};
  bool yes = false;
  bool dry_run = false;
};

}  // namespace kiln::cli
