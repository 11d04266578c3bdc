#pragma once
/// kilnd.yaml. Fields and defaults are documented in docs/kilnd.md.
#include <string>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/conf/read.h"

namespace kiln::controller {

/// `slurm:` in kilnd.yaml.
struct SlurmConfig {
  std::string partition;
  std::string account;
  std::vector<std::string> extra;
  std::string shared;  ///< "" = data_dir
  std::string scratch = "/var/tmp/kiln";
  Millis queue_limit{12 * 3'600'000};
  int builds_at_once = 4;
  bool operator==(const SlurmConfig&) const = default;
};

struct DaemonConfig {
  std::string file;
  std::string data_dir;
  std::string ccache_dir;                 ///< "" = ccache/ in data_dir
  std::string listen = "127.0.0.1:7420";  ///< for people and their tools; "none" = only the socket
  std::string listen_agents = "127.0.0.1:7421";   ///< "none" = only the socket
  std::string listen_metrics = "127.0.0.1:7422";  ///< for Prometheus; "none" = not served
  /// For browsers; "none" = not served.
  std::string listen_dashboard = "127.0.0.1:7423";
  std::string dashboard_certificate;         ///< PEM file; "" = the lab's, where TLS is needed
  std::vector<std::string> dashboard_hosts;  ///< further names by which browsers reach it
  bool viewer_without_sign_in = false;
  int jobs = 0;  ///< parallel compilations; 0 = one a processor
  int quarantine_after = 3;
  Millis health_check_after{60'000};  ///< of a quarantined machine
  uint64_t min_free = 2ULL << 30;     ///< bytes; with less no new work is taken; 0 = always
  int keep_runs = 0;  ///< of each job; 0 and keep_days 0 = all runs keep their artifacts
  int keep_days = 0;
  bool keep_open_findings = true;
  Millis clear_every{3'600'000};
  std::string builds = "local";  ///< or "slurm"
  SlurmConfig slurm;
  int runs_a_user = 50;           ///< that have not ended; 0 = any number
  int submissions_a_minute = 30;  ///< of a user; 0 = any number
  std::string log_format = "text";
  std::string log_level = "info";
};

/// kBadInput with file:line:column.
Result<DaemonConfig> load_daemon_config(const std::string& path);
std::vector<conf::FieldDoc> daemon_config_fields();

}  // namespace kiln::controller
