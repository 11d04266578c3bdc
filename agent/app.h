#pragma once
/// The agent: constructs the real parts, keeps the connection, runs what it is ordered. Hosted by
/// `kiln run` in its own process and by kiln-agent as a daemon.
#include <memory>
#include <string>
#include <vector>

#include "agent/simulated/simulated.h"
#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/machine/spec.h"
#include "lib/os/files.h"

namespace kiln::agent {

struct AgentConfig {
  std::string name = "local";
  std::string target{};     ///< of the controller: "unix:/run/.../controller.sock", "host:port"
  os::Path identity_dir{};  ///< agent.pem and ca.crt, for a controller elsewhere; "" = none needed
  os::Path data_dir{};      ///< images, caches, outbox, machines; made when missing
  os::Path images_dir{};    ///< the repository's images/ folder with the recipes
  std::vector<std::string> machines{"qemu-1"};  ///< embedded machines to offer
  machine::LabFile lab{};                       ///< real machines beside them
  SimulatedConfig simulated{};                  ///< played machines beside them: NAME-sim-1 ...
  std::string qemu = "qemu-system-i386";
  Millis boot_limit{180'000};
  uint64_t cache_bytes = 4ULL << 30;  ///< of fetched artifacts that are kept
};

/// The file with the names of all tests that the embedded machines of such an agent hold; "" when
/// their image, made by the recipe as it is now, is not there yet. Makes nothing.
os::Path known_test_names(const AgentConfig& config);

/// Owns its threads. A session that runs when it is destroyed is cancelled (within about 3 s) and
/// its end stays in the outbox until a controller acknowledged it.
class Agent {
 public:
  /// kConflict when another agent works in the data folder. Connecting goes on in the background.
  static Result<std::unique_ptr<Agent>> start(AgentConfig config);
  ~Agent();
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;
  /// Whether a controller said welcome and the connection stands.
  [[nodiscard]] bool connected();

 private:
  struct Impl;
  explicit Agent(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kiln::agent
