#pragma once
/// Many agents in one process, for measuring a controller: each a connection of its own with the
/// real protocol, its machines no more than names. What a session comes to is good at once.
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "kiln/v1/agent.grpc.pb.h"

namespace kiln::bench {

using Steady = std::chrono::steady_clock;

class LightAgent;

/// One machine; guarded by its mutex.
struct LightMachine {
  std::mutex mutex;
  LightAgent* agent = nullptr;
  std::string name;
  bool holds = false;  ///< a session
  v1::SessionOrder order;
  Steady::time_point freed{};  ///< when it last ended one
};

struct Options {
  std::string target;
  int agents = 1;
  int machines = 1;
  std::string pki;  ///< folder of the lab's authority: TLS with a certificate each; "" = plain
};

class LightAgents {
 public:
  explicit LightAgents(const Options& options);
  ~LightAgents();
  LightAgents(const LightAgents&) = delete;
  LightAgents& operator=(const LightAgents&) = delete;

  /// All have been welcomed.
  bool wait_welcomed(std::chrono::seconds limit) const;
  /// Ends its session, when it has one.
  bool end(LightMachine& machine);
  /// Tells something of its session.
  bool say(LightMachine& machine, const std::string& line);

  std::vector<std::unique_ptr<LightMachine>> machines;
  std::atomic<bool> end_at_once{false};
  std::atomic<int> welcomed{0};
  std::atomic<int> holding{0};
  std::atomic<int64_t> orders{0};
  std::atomic<int64_t> acknowledged{0};
  std::atomic<int> broken{0};  ///< connections that ended by themselves

  /// From a machine's end to its next order, in microseconds; forgets them.
  std::vector<double> take_latencies();

 private:
  friend class LightAgent;
  void started(const v1::SessionOrder& order);
  void cancelled(int64_t session_id, LightAgent& agent);

  std::unordered_map<std::string, LightMachine*> by_name_;
  std::mutex latencies_mutex_;
  std::vector<double> latencies_;
  std::atomic<bool> closing_{false};
  std::vector<std::unique_ptr<LightAgent>> agents_;
};

/// A good end of the order: each test passed.
v1::FromAgent good_end(const v1::SessionOrder& order);

}  // namespace kiln::bench
