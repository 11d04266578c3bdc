#pragma once
/// The agents that are connected and their machines: who may get an order, and what they report.
/// Keeps nothing on disk. Safe for concurrent use; calls return at once.
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "controller/fleet/tunnels.h"
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

/// All machines of connected agents at one moment, each once; shared, since a lab may have many.
using MachineList = std::shared_ptr<const std::vector<Machine>>;

/// A connected agent.
struct AgentInfo {
  std::string name, version;
  std::vector<std::string> machines;
  double clock_offset_seconds = 0;  ///< against ours, when it came; + = ahead
};

/// What the fleet tells its listener (the dispatcher); called on rpc threads, must return at once.
struct Listener {
  std::function<void(const std::string& agent, const v1::Hello& hello)> hello;  ///< an agent came
  std::function<void()> machines_changed;
  std::function<void(v1::SessionEvent)> session_event;
  std::function<void(v1::SessionDone)> session_done;
  /// An end of a session on a machine that another connected agent has; it is not acknowledged yet.
  std::function<void(const std::string& agent, v1::SessionDone)> foreign_done;
  /// Words for the log: something is set up wrongly.
  std::function<void(const std::string& words)> warn;
};

class Fleet {
 public:
  /// Events go to one listener at a time; nullptr-like (empty functions) drops them. A SessionDone
  /// that nobody takes is not acknowledged, so the agent sends it again.
  void set_listener(Listener listener);

  [[nodiscard]] MachineList machines() const;
  [[nodiscard]] std::optional<Machine> machine(const std::string& name) const;
  /// Some machine; none when no connected agent has one.
  [[nodiscard]] std::optional<Machine> some_machine() const;
  [[nodiscard]] std::vector<AgentInfo> agents() const;
  /// Of a connected machine; none when there is no such machine.
  [[nodiscard]] std::vector<std::string> tags_of(const std::string& machine) const;
  /// kNotFound when no connected agent has the machine.
  Status start(const v1::SessionOrder& order);
  void cancel(const std::string& machine, int64_t session_id, const std::string& why);
  /// Asks the machine's agent to open its end; the tunnel says when it has. kNotFound, kConflict
  /// (an agent of before there were any).
  Status ask_for(const Tunnel& tunnel, const std::string& kind, const std::string& ssh_key);
  [[nodiscard]] Tunnels& tunnels() { return tunnels_; }
  /// After the session is stored: the agent may forget it.
  void acknowledge(const std::string& machine, int64_t session_id);
  void acknowledge_to(const std::string& agent, int64_t session_id);

  /// Ends the agent's connection, when it has one.
  void drop(const std::string& agent);

  // Called by the rpc folder.
  /// kConflict when another process is connected by that name.
  Status connected(const std::string& agent, const v1::Hello& hello,
                   std::shared_ptr<AgentSender> sender);
  void received(const std::string& agent, v1::FromAgent message);
  /// Only the agent's newest connection counts: an older `sender` changes nothing.
  void disconnected(const std::string& agent, const AgentSender* sender);
  /// A line for the log. An agent that is refused comes again every few seconds: one line tells it.
  void warn_once(const std::string& words);

 private:
  struct Agent {
    v1::Hello hello;
    std::shared_ptr<AgentSender> sender;
    double clock_offset_seconds = 0;
  };
  using Listening = std::shared_ptr<const Listener>;
  const v1::MachineInfo* info_locked(const std::string& machine, const std::string& agent) const;
  std::vector<std::string> list_locked(const std::string& agent, const v1::Hello& hello);
  void unlist_locked(const std::string& agent, const std::set<std::string>& keep = {});
  void change(const std::string& agent, const std::string& machine,
              const std::function<void(v1::MachineInfo*)>& how);
  std::shared_ptr<AgentSender> sender_of_machine(const std::string& machine) const;
  bool is_foreign(const std::string& agent, const std::string& machine) const;
  [[nodiscard]] Listening listener() const;

  mutable std::mutex mutex_;
  std::map<std::string, Agent> agents_;
  /// By machine: the connected agents that list it. The first that came has it.
  std::unordered_map<std::string, std::vector<std::string>> holders_;
  mutable MachineList list_;  ///< null: to be made again
  Listening listener_ = std::make_shared<const Listener>();
  std::set<std::string> warned_;
  Tunnels tunnels_;
};

}  // namespace kiln::fleet
