#pragma once
/// The agent's ends of what people have open to its machines: a console, or a connection to the
/// SSH server. Who may is the controller's to decide.
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <thread>

#include "agent/machine/tapped_machine.h"
#include "kiln/v1/agent.grpc.pb.h"
#include "lib/base/sync.h"

namespace kiln::agent {

/// A public key as one line of authorized_keys, without its comment. kBadInput: anything else,
/// since the line is written into a machine.
Result<std::string> checked_ssh_key(std::string_view key);

/// Two threads for each tunnel, at most kMost of them. Safe for concurrent use; the destructor ends
/// all.
class Tunnels {
 public:
  static constexpr size_t kMost = 32;
  /// nullptr: there is no such machine. Machines outlive the object.
  using Find = std::function<TappedMachine*(const std::string& machine)>;

  Tunnels(std::shared_ptr<grpc::Channel> channel, Find find);
  ~Tunnels();
  Tunnels(const Tunnels&) = delete;
  Tunnels& operator=(const Tunnels&) = delete;

  /// Dials the controller; returns at once. What goes wrong is told there.
  void open(const v1::OpenAgentTunnel& order);

 private:
  struct Open {
    std::atomic<bool> ended{false};
    std::jthread thread;
  };
  void run(const v1::OpenAgentTunnel& order, std::stop_token stop);

  // Constant after construction.
  std::unique_ptr<v1::AgentLink::Stub> stub_;
  Find find_;
  Sync<std::list<Open>> open_;
};

}  // namespace kiln::agent
