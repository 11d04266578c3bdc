#pragma once
/// One machine of the agent and the thread that runs its sessions, one at a time.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "agent/machine/machine.h"
#include "agent/test/artifacts.h"
#include "agent/test/order.h"
#include "lib/base/sync.h"

namespace kiln::agent {

struct WorkerDeps {
  Machine* machine = nullptr;
  Artifacts* artifacts = nullptr;
  const Clock* clock = nullptr;
  Path folder{};  ///< the machine's own: epoch, session folders
  Millis boot_limit{180'000};
  Millis boot_silence{45'000};
  /// Runs a session instead of a machine; empty = on `machine`.
  std::function<SessionOutcome(const SessionOrder&, const ProgressSink&, std::stop_token)> play{};
  std::function<void(const SessionOrder&)> began{};
  std::function<void(const SessionOrder&, const SessionProgress&)> progress{};
  std::function<void(const SessionOrder&, const SessionOutcome&)> finished{};
  std::function<void(const std::string& state, const std::string& why)> state_changed{};
};

/// Fences by lease epoch: a higher one ends what runs, a lower one is refused. Safe for concurrent
/// use; the destructor cancels and joins.
class MachineWorker {
 public:
  explicit MachineWorker(WorkerDeps deps);
  ~MachineWorker();
  MachineWorker(const MachineWorker&) = delete;
  MachineWorker& operator=(const MachineWorker&) = delete;

  /// Queues the order; returns at once. An order that is running or waiting already changes
  /// nothing; one that may not run ends as infrastructure with the reason.
  void start(const SessionOrder& order);
  /// That wait or run here.
  [[nodiscard]] std::vector<SessionOrder> sessions();
  [[nodiscard]] uint64_t highest_epoch();
  /// Ends the session within about 3 s when it runs here. Unknown sessions are ignored.
  void cancel(int64_t session_id, const std::string& why);

 private:
  struct State {
    std::optional<SessionOrder> waiting;
    std::optional<SessionOrder> running;
    std::stop_source stop;  ///< of `running`
    std::string why;        ///< of the stop
    uint64_t epoch = 0;     ///< highest seen
    uint64_t sessions = 0;  ///< for the nonce
    bool ending = false;
  };
  void loop();
  void run(const SessionOrder& order, std::stop_token stop, uint64_t number);
  void refuse(const SessionOrder& order, const std::string& why);

  // Constant after construction.
  WorkerDeps deps_;
  Path epoch_file_;
  Sync<State> state_;
  std::thread thread_;
};

}  // namespace kiln::agent
