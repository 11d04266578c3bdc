#pragma once
/// The agent's connection to its controller: dialled by us, made again whenever it breaks.
#include <grpcpp/grpcpp.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "agent/link/artifact_client.h"
#include "agent/link/outbox.h"
#include "kiln/v1/agent.grpc.pb.h"
#include "lib/base/clock.h"
#include "lib/base/sync.h"

namespace kiln::agent {

struct LinkConfig {
  std::string agent{};
  std::string version{};
  Millis retry{200};  ///< after a broken connection, doubled up to retry_max
  Millis retry_max{5'000};
  Millis resend{60'000};     ///< an unacknowledged end is sent again on the same connection
  size_t max_events = 4096;  ///< waiting to be sent; then the oldest console lines go
};

struct LinkEvents {
  std::function<std::vector<v1::MachineInfo>()> machines{};
  /// That run here, or whose ends are not acknowledged; empty function = none.
  std::function<std::vector<v1::HeldSession>()> sessions{};
  /// File with the names of all tests that the machine's image holds, "" = not known (yet). It is
  /// sent as an artifact before the machine is announced as ready.
  std::function<os::Path(const std::string& machine)> test_names{};
  std::function<void(const v1::SessionOrder&)> start{};
  std::function<void(int64_t session_id, const std::string& why)> cancel{};
  /// Empty function = this agent has no tunnels.
  std::function<void(const v1::OpenAgentTunnel&)> open_tunnel{};
  /// The controller does not take this agent; told once for the same words.
  std::function<void(const std::string& words)> refused{};
};

/// Owns two threads: one connects and reads, one writes. Safe for concurrent use. Callbacks come
/// on the reading thread and return at once.
class Link {
 public:
  /// All references outlive the link.
  Link(LinkConfig config, std::shared_ptr<grpc::Channel> channel, Outbox& outbox,
       ArtifactClient& artifacts, LinkEvents events);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// Queued; dropped while nobody is connected (an event is news, not a result).
  void event(v1::SessionEvent event);
  void machine_state(const std::string& machine, const std::string& state, const std::string& why);
  /// What machines() or test_names() answers has changed: the controller is told, now or when it
  /// is back.
  void machines_changed();
  /// The outbox holds something new.
  void wake();
  /// Whether a controller said welcome and the connection stands.
  [[nodiscard]] bool connected();
  [[nodiscard]] uint64_t dropped_events();

 private:
  using Stream = grpc::ClientReaderWriter<v1::FromAgent, v1::ToAgent>;
  struct State {
    std::deque<v1::FromAgent> events;
    uint64_t generation = 0;  ///< of the connection; 0 = none
    Stream* stream = nullptr;
    bool outbox_changed = false;
    bool machines_changed = false;
    bool welcomed = false;
    bool writer_busy = false;  ///< the writer uses `stream`
    uint64_t dropped = 0;
  };
  void push(v1::FromAgent message);
  void connect_loop(std::stop_token stop);
  bool one_connection(std::stop_token stop);
  v1::FromAgent hello(const std::vector<v1::MachineInfo>& machines) const;
  void tell_refusal(const grpc::Status& status);
  void handle(const v1::ToAgent& message);
  void write_loop(std::stop_token stop);
  void say_waiting(uint64_t generation, const v1::SessionDone& done, const Error& why);
  void send_unsent(uint64_t generation, std::stop_token stop);
  void send_machines(uint64_t generation, std::stop_token stop);
  [[nodiscard]] os::Path test_names(const std::string& machine) const;
  bool write(uint64_t generation, const v1::FromAgent& message);

  // Constant after construction.
  LinkConfig config_;
  std::shared_ptr<grpc::Channel> channel_;
  Outbox& outbox_;
  ArtifactClient& artifacts_;
  LinkEvents events_;
  std::unique_ptr<v1::AgentLink::Stub> stub_;

  const std::string instance_;
  std::string refused_;       ///< the words of the last refusal; on the reading thread only
  uint64_t connections_ = 0;  ///< on the reading thread only
  Sync<State> state_;
  std::jthread writer_;
  std::jthread reader_;
};

}  // namespace kiln::agent
