#pragma once
/// agent.yaml. Fields and defaults are documented in docs/kiln-agent.md.
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/conf/read.h"
#include "lib/machine/spec.h"

namespace kiln::agent {

struct DaemonConfig {
  std::string file;
  std::string name;
  std::string controller;    ///< "unix:/path/controller.sock" or "host:port"
  std::string identity_dir;  ///< of agent.pem and ca.crt (kiln-agent enrol); "" with unix:
  std::string data_dir;
  std::string images_dir;             ///< recipes of root images
  std::vector<std::string> machines;  ///< embedded ones
  std::string machines_file;          ///< of real ones (docs/lab-file.md), "" = none
  machine::LabFile lab;               ///< what it holds
  int simulated = 0;                  ///< played machines, for trying a lab
  int simulated_seed = 1;
  int simulated_ms = 200;                 ///< a session's mean length
  int simulated_troubles = 10;            ///< in 100 sessions
  std::string simulated_trouble = "any";  ///< or always that one
  std::string log_format = "text";
  std::string log_level = "info";
};

/// kBadInput with file:line:column.
Result<DaemonConfig> load_daemon_config(const std::string& path);
std::vector<conf::FieldDoc> daemon_config_fields();

}  // namespace kiln::agent
