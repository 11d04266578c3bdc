#pragma once
/// The agents that are connected and their machines: who may get an order, and what they report.
/// Keeps nothing on disk. Safe for concurrent use; calls return at once.
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "kiln/v1/agent.pb.h"
#include "lib/base/result.h"

namespace kiln::fleet {

/// The way back to one connected agent; the rpc folder implements it.
class AgentSender {
 public:
  virtual ~AgentSender() = default;
  /// Queues the message; never blocks.
  virtual void send(v1::ToAgent message) = 0;
  /// Ends the connection; the agent may not come back.
  virtual void close() {}
};

struct Machine {
  v1::MachineInfo info;
  std::string agent;
};

/// A connected agent.
struct AgentInfo {
  std::string name, version;
  std::vector<std::string> machines;
};

/// What the fleet tells its listener (the dispatcher); called on rpc threads, must return at once.
struct Listener {
  std::function<void(const std::string& agent, const v1::Hello& hello)> hello;  ///< an agent came
  std::function<void()> machines_changed;
  std::function<void(v1::SessionEvent)> session_event;
  std::function<void(v1::SessionDone)> session_done;
};

class Fleet {
 public:
  /// Events go to one listener at a time; nullptr-like (empty functions) drops them. A SessionDone
  /// that nobody takes is not acknowledged, so the agent sends it again.
  void set_listener(Listener listener);

  [[nodiscard]] std::vector<Machine> machines() const;
  [[nodiscard]] std::vector<AgentInfo> agents() const;
  /// Of a connected machine; none when there is no such machine.
  [[nodiscard]] std::vector<std::string> tags_of(const std::string& machine) const;
  /// kNotFound when no connected agent has the machine.
  Status start(const v1::SessionOrder& order);
  void cancel(const std::string& machine, int64_t session_id, const std::string& why);
  /// After the session is stored: the agent may forget it.
  void acknowledge(const std::string& machine, int64_t session_id);

  /// Ends the agent's connection, when it has one.
  void drop(const std::string& agent);

  // Called by the rpc folder.
  void connected(const std::string& agent, const v1::Hello& hello,
                 std::shared_ptr<AgentSender> sender);
  void received(const std::string& agent, v1::FromAgent message);
  /// Only the agent's newest connection counts: an older `sender` changes nothing.
  void disconnected(const std::string& agent, const AgentSender* sender);

 private:
  struct Agent {
    v1::Hello hello;
    std::shared_ptr<AgentSender> sender;
  };
  std::shared_ptr<AgentSender> sender_of_machine(const std::string& machine) const;
  Listener listener_copy() const;

  mutable std::mutex mutex_;
  std::map<std::string, Agent> agents_;
  Listener listener_;
};

}  // namespace kiln::fleet
