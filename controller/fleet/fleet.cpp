#include "controller/fleet/fleet.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "lib/base/clock.h"
#include "lib/base/text.h"

namespace kiln::fleet {
namespace {

constexpr double kClockTolerance = 60;  // seconds
constexpr size_t kMostWarned = 1000;

/// Seconds that the agent's clock is ahead of ours; what the wire took is in it.
double clock_offset_of(const v1::Hello& hello) {
  if (!hello.has_time()) return 0;
  const double theirs = static_cast<double>(hello.time().seconds()) + hello.time().nanos() / 1e9;
  const auto ours = std::chrono::system_clock::now().time_since_epoch();
  return theirs - std::chrono::duration<double>(ours).count();
}

}  // namespace

void Fleet::set_listener(Listener listener) {
  const std::lock_guard lock(mutex_);
  listener_ = std::make_shared<const Listener>(std::move(listener));
}

Fleet::Listening Fleet::listener() const {
  const std::lock_guard lock(mutex_);
  return listener_;
}

MachineList Fleet::machines() const {
  const std::lock_guard lock(mutex_);
  if (list_) return list_;
  auto list = std::make_shared<std::vector<Machine>>();
  list->reserve(holders_.size());
  for (const auto& [name, agent] : agents_)
    for (const v1::MachineInfo& info : agent.hello.machines())
      if (holders_.at(info.name()).front() == name) list->push_back({info, name});
  return list_ = std::move(list);
}

const v1::MachineInfo* Fleet::info_locked(const std::string& machine,
                                          const std::string& agent) const {
  for (const v1::MachineInfo& info : agents_.at(agent).hello.machines())
    if (info.name() == machine) return &info;
  return nullptr;
}

std::optional<Machine> Fleet::machine(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto holders = holders_.find(name);
  if (holders == holders_.end()) return std::nullopt;
  const std::string& agent = holders->second.front();
  const v1::MachineInfo* info = info_locked(name, agent);
  return info == nullptr ? std::nullopt : std::optional<Machine>({*info, agent});
}

std::optional<Machine> Fleet::some_machine() const {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, agent] : agents_)
    if (!agent.hello.machines().empty()) return Machine{agent.hello.machines(0), name};
  return std::nullopt;
}

std::vector<AgentInfo> Fleet::agents() const {
  const std::lock_guard lock(mutex_);
  std::vector<AgentInfo> out;
  for (const auto& [name, agent] : agents_) {
    AgentInfo& info = out.emplace_back();
    info.name = name;
    info.version = agent.hello.version();
    info.clock_offset_seconds = agent.clock_offset_seconds;
    for (const v1::MachineInfo& machine : agent.hello.machines())
      info.machines.push_back(machine.name());
  }
  return out;
}

std::vector<std::string> Fleet::tags_of(const std::string& name) const {
  const auto found = machine(name);
  if (!found) return {};
  return {found->info.tags().begin(), found->info.tags().end()};
}

std::shared_ptr<AgentSender> Fleet::sender_of_machine(const std::string& machine) const {
  const std::lock_guard lock(mutex_);
  const auto holders = holders_.find(machine);
  return holders == holders_.end() ? nullptr : agents_.at(holders->second.front()).sender;
}

/// Whether another connected agent has the machine.
bool Fleet::is_foreign(const std::string& agent, const std::string& machine) const {
  const std::lock_guard lock(mutex_);
  const auto holders = holders_.find(machine);
  return holders != holders_.end() && holders->second.front() != agent;
}

/// Lists what the agent says it has; the words of what another one has already.
std::vector<std::string> Fleet::list_locked(const std::string& agent, const v1::Hello& hello) {
  std::vector<std::string> taken;
  for (const v1::MachineInfo& info : hello.machines()) {
    std::vector<std::string>& holders = holders_[info.name()];
    if (std::find(holders.begin(), holders.end(), agent) == holders.end()) holders.push_back(agent);
    if (holders.front() != agent)
      taken.push_back(
          fmt::format("agents {} and {} both list the machine {}: {} has it until it goes",
                      holders.front(), agent, to_valid_utf8(info.name()), holders.front()));
  }
  list_.reset();
  return taken;
}

/// The agent has no machines any more but those.
void Fleet::unlist_locked(const std::string& agent, const std::set<std::string>& keep) {
  const auto found = agents_.find(agent);
  if (found == agents_.end()) return;
  for (const v1::MachineInfo& info : found->second.hello.machines()) {
    const auto holders = holders_.find(info.name());
    if (holders == holders_.end() || keep.contains(info.name())) continue;
    std::erase(holders->second, agent);
    if (holders->second.empty()) holders_.erase(holders);
  }
  list_.reset();
}

Status Fleet::start(const v1::SessionOrder& order) {
  const auto sender = sender_of_machine(order.machine());
  if (!sender) {
    return fail(ErrorKind::kNotFound,
                fmt::format("no connected agent has the machine {}", order.machine()));
  }
  v1::ToAgent message;
  *message.mutable_start() = order;
  sender->send(std::move(message));
  return {};
}

Status Fleet::ask_for(const Tunnel& tunnel, const std::string& kind, const std::string& ssh_key) {
  const auto where = machine(tunnel.machine());
  const auto sender = sender_of_machine(tunnel.machine());
  if (!where || !sender)
    return fail(Error(ErrorKind::kNotFound, "no connected machine is called " + tunnel.machine())
                    .with_hint("kiln machines lists them"));
  {
    const std::lock_guard lock(mutex_);
    const auto agent = agents_.find(where->agent);
    const bool has_tunnels =
        agent != agents_.end() && std::count(agent->second.hello.features().begin(),
                                             agent->second.hello.features().end(), "tunnels") > 0;
    if (!has_tunnels)
      return fail(Error(ErrorKind::kConflict,
                        fmt::format("agent {} cannot open a machine to people", where->agent))
                      .with_hint("it is of an older Kiln: update it"));
  }
  v1::ToAgent message;
  v1::OpenAgentTunnel& open = *message.mutable_open_tunnel();
  open.set_tunnel_id(tunnel.id());
  open.set_machine(tunnel.machine());
  open.set_kind(kind);
  open.set_ssh_key(ssh_key);
  sender->send(std::move(message));
  return {};
}

void Fleet::cancel(const std::string& machine, int64_t session_id, const std::string& why) {
  const auto sender = sender_of_machine(machine);
  if (!sender) return;
  v1::ToAgent message;
  message.mutable_cancel()->set_session_id(session_id);
  message.mutable_cancel()->set_why(why);
  sender->send(std::move(message));
}

void Fleet::acknowledge(const std::string& machine, int64_t session_id) {
  const auto sender = sender_of_machine(machine);
  if (!sender) return;
  v1::ToAgent message;
  message.mutable_ack()->set_session_id(session_id);
  sender->send(std::move(message));
}

void Fleet::acknowledge_to(const std::string& agent, int64_t session_id) {
  std::shared_ptr<AgentSender> sender;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = agents_.find(agent); found != agents_.end())
      sender = found->second.sender;
  }
  if (!sender) return;
  v1::ToAgent message;
  message.mutable_ack()->set_session_id(session_id);
  sender->send(std::move(message));
}

void Fleet::drop(const std::string& agent) {
  std::shared_ptr<AgentSender> sender;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = agents_.find(agent); found != agents_.end())
      sender = found->second.sender;
  }
  if (sender) sender->close();
}

void Fleet::warn_once(const std::string& words) {
  Listening listener;
  {
    const std::lock_guard lock(mutex_);
    if (warned_.size() >= kMostWarned || !warned_.insert(words).second) return;
    listener = listener_;
  }
  if (listener->warn) listener->warn(words);
}

Status Fleet::connected(const std::string& agent, const v1::Hello& hello,
                        std::shared_ptr<AgentSender> sender) {
  const double offset = clock_offset_of(hello);
  if (std::abs(offset) > kClockTolerance)
    warn_once(fmt::format("the clock of agent {} is {} {}; times of sessions are this computer's",
                          agent,
                          human_duration(Millis(static_cast<int64_t>(std::abs(offset) * 1000))),
                          offset > 0 ? "ahead" : "behind"));
  std::vector<std::string> taken;
  bool two = false;
  {
    const std::lock_guard lock(mutex_);
    const auto old = agents_.find(agent);
    two = old != agents_.end() && !hello.instance().empty() &&
          !old->second.hello.instance().empty() && old->second.hello.instance() != hello.instance();
  }
  if (two) {
    Error error(
        ErrorKind::kConflict,
        fmt::format("an agent called {} is connected already, from another process", agent));
    warn_once(error.message + "; a second one is refused");
    return fail(std::move(error).with_hint(
        "each agent has a name and a certificate of its own: kiln agent invite"));
  }
  {
    const std::lock_guard lock(mutex_);
    // One that came again keeps its place in the lines of its machines.
    std::set<std::string> keep;
    for (const v1::MachineInfo& info : hello.machines()) keep.insert(info.name());
    unlist_locked(agent, keep);
    taken = list_locked(agent, hello);
    agents_[agent] = Agent{hello, std::move(sender), offset};
  }
  for (const std::string& words : taken) warn_once(words);
  const Listening listener = this->listener();
  if (listener->hello) listener->hello(agent, hello);
  if (listener->machines_changed) listener->machines_changed();
  return {};
}

void Fleet::disconnected(const std::string& agent, const AgentSender* sender) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = agents_.find(agent);
    if (found == agents_.end() || found->second.sender.get() != sender) return;
    unlist_locked(agent);
    agents_.erase(found);
  }
  if (const Listening listener = this->listener(); listener->machines_changed)
    listener->machines_changed();
}

void Fleet::change(const std::string& agent, const std::string& machine,
                   const std::function<void(v1::MachineInfo*)>& how) {
  const std::lock_guard lock(mutex_);
  const auto found = agents_.find(agent);
  if (found == agents_.end()) return;
  for (v1::MachineInfo& info : *found->second.hello.mutable_machines())
    if (info.name() == machine) how(&info);
  list_.reset();
}

void Fleet::received(const std::string& agent, v1::FromAgent message) {
  const Listening listener = this->listener();
  switch (message.kind_case()) {
    case v1::FromAgent::kEvent:
      if (listener->session_event) listener->session_event(std::move(*message.mutable_event()));
      break;
    case v1::FromAgent::kDone:
      if (is_foreign(agent, message.done().session().machine())) {
        if (listener->foreign_done)
          listener->foreign_done(agent, std::move(*message.mutable_done()));
      } else if (listener->session_done) {
        listener->session_done(std::move(*message.mutable_done()));
      }
      break;
    case v1::FromAgent::kMachine:
      change(agent, message.machine().machine(), [&](v1::MachineInfo* info) {
        (*info->mutable_facts())["state"] = message.machine().state();
      });
      break;
    case v1::FromAgent::kMachineInfo:
      change(agent, message.machine_info().name(),
             [&](v1::MachineInfo* info) { *info = message.machine_info(); });
      if (listener->machines_changed) listener->machines_changed();
      break;
    case v1::FromAgent::kHello:
    case v1::FromAgent::KIND_NOT_SET:
      break;
  }
}

}  // namespace kiln::fleet
