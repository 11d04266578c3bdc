#pragma once
/// The controller: constructs the real parts, serves kiln.v1 on a socket, drives runs. Everything
/// it knows is in its data folder; kill it at any instant, start it, and it goes on.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/access/quota.h"
#include "controller/app/keeping.h"
#include "controller/slurm/options.h"
#include "lib/base/result.h"
#include "lib/lab/health.h"
#include "lib/os/files.h"

namespace kiln::controller {

/// The pages, for browsers.
struct DashboardOptions {
  std::string listen{};              ///< "" = none
  os::Path certificate{};            ///< "" = the lab's, where it listens beyond this computer
  std::vector<std::string> hosts{};  ///< further names by which browsers reach it
  bool guests = false;               ///< of a lab: viewers need no token
  std::string key{};                 ///< not of a lab: who has it may do everything
  os::Path app{};                    ///< the built files
};

/// What a controller may do with its data folder.
enum class Access {
  kRead,    ///< looks at stored runs: no lock, nothing is written
  kReview,  ///< judges stored runs and changes known issues, also while another process runs a job
  kRun,     ///< everything; one process at a time
};

struct ControllerOptions {
  os::Path data_dir;
  os::Path ccache_dir;
  int jobs = 2;            ///< parallel compilations
  os::Path known_tests{};  ///< names of all tests of the machines to come, one a line; "" = unknown
  Access access = Access::kRun;
  /// A daemon's: it goes on with the runs that an earlier process was driving, waits for machines
  /// that are away, and leaves running sessions to their agents when it stops.
  bool serves_a_lab = false;
  /// Of a lab with an authority in DATA/pki: addresses of the TLS ports, "" = none.
  std::string listen{};
  std::string listen_agents{};
  lab::HealthRules health{};     ///< when a quarantined machine is checked
  std::string listen_metrics{};  ///< of a lab: plain HTTP for Prometheus and health, "" = none
  DashboardOptions dashboard{};  ///< of a lab with an authority, or with a key
  KeepingRules keeping{};        ///< of a lab: what it clears away by itself
  uint64_t min_free = 0;         ///< bytes; with less nothing new is started; 0 = whatever is free
  int quarantine_after = 0;      ///< infrastructure errors in a row of a machine; 0 = never
  /// Builds go to Slurm. Its shared folder then has what builds need: sources, trees, objects.
  std::optional<slurm::SlurmOptions> slurm{};
  int builds_at_once = 1;
  QuotaLimits limits{};  ///< of each user of a lab
};

/// Safe for concurrent use.
class Controller {
 public:
  /// kConflict when another process works in the data folder.
  static Result<std::unique_ptr<Controller>> open(const ControllerOptions& options);
  ~Controller();
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  /// Where clients and agents connect: "unix:/.../controller.sock".
  [[nodiscard]] const std::string& target() const;
  /// The ports that it listens on, in words.
  [[nodiscard]] std::string ports() const;
  /// 0 = the dashboard is not served.
  [[nodiscard]] int dashboard_port() const;
  /// Other rules from now on.
  void set_keeping(const KeepingRules& rules);
  void set_min_free(uint64_t bytes);
  /// Interrupts what runs, ends the server. The destructor does so, too.
  void stop();

 private:
  struct Impl;
  explicit Controller(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kiln::controller
