#include "controller/fleet/fleet.h"

#include <fmt/format.h>

namespace kiln::fleet {

void Fleet::set_listener(Listener listener) {
  const std::lock_guard lock(mutex_);
  listener_ = std::move(listener);
}

Listener Fleet::listener_copy() const {
  const std::lock_guard lock(mutex_);
  return listener_;
}

std::vector<Machine> Fleet::machines() const {
  const std::lock_guard lock(mutex_);
  std::vector<Machine> out;
  for (const auto& [name, agent] : agents_)
    for (const v1::MachineInfo& info : agent.hello.machines()) out.push_back({info, name});
  return out;
}

std::vector<AgentInfo> Fleet::agents() const {
  const std::lock_guard lock(mutex_);
  std::vector<AgentInfo> out;
  for (const auto& [name, agent] : agents_) {
    AgentInfo& info = out.emplace_back();
    info.name = name;
    info.version = agent.hello.version();
    for (const v1::MachineInfo& machine : agent.hello.machines())
      info.machines.push_back(machine.name());
  }
  return out;
}

std::vector<std::string> Fleet::tags_of(const std::string& machine) const {
  for (const Machine& each : machines())
    if (each.info.name() == machine) return {each.info.tags().begin(), each.info.tags().end()};
  return {};
}

std::shared_ptr<AgentSender> Fleet::sender_of_machine(const std::string& machine) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, agent] : agents_)
    for (const v1::MachineInfo& info : agent.hello.machines())
      if (info.name() == machine) return agent.sender;
  return nullptr;
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

void Fleet::drop(const std::string& agent) {
  std::shared_ptr<AgentSender> sender;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = agents_.find(agent); found != agents_.end())
      sender = found->second.sender;
  }
  if (sender) sender->close();
}

void Fleet::connected(const std::string& agent, const v1::Hello& hello,
                      std::shared_ptr<AgentSender> sender) {
  {
    const std::lock_guard lock(mutex_);
    agents_[agent] = Agent{hello, std::move(sender)};
  }
  const Listener listener = listener_copy();
  if (listener.hello) listener.hello(agent, hello);
  if (listener.machines_changed) listener.machines_changed();
}

void Fleet::disconnected(const std::string& agent, const AgentSender* sender) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = agents_.find(agent);
    if (found == agents_.end() || found->second.sender.get() != sender) return;
    agents_.erase(found);
  }
  if (const Listener listener = listener_copy(); listener.machines_changed)
    listener.machines_changed();
}

void Fleet::received(const std::string& agent, v1::FromAgent message) {
  const Listener listener = listener_copy();
  switch (message.kind_case()) {
    case v1::FromAgent::kEvent:
      if (listener.session_event) listener.session_event(std::move(*message.mutable_event()));
      break;
    case v1::FromAgent::kDone:
      if (listener.session_done) listener.session_done(std::move(*message.mutable_done()));
      break;
    case v1::FromAgent::kMachine: {
      const std::lock_guard lock(mutex_);
      for (v1::MachineInfo& info : *agents_[agent].hello.mutable_machines())
        if (info.name() == message.machine().machine())
          (*info.mutable_facts())["state"] = message.machine().state();
      break;
    }
    case v1::FromAgent::kMachineInfo: {
      {
        const std::lock_guard lock(mutex_);
        for (v1::MachineInfo& info : *agents_[agent].hello.mutable_machines())
          if (info.name() == message.machine_info().name()) info = message.machine_info();
      }
      if (listener.machines_changed) listener.machines_changed();
      break;
    }
    case v1::FromAgent::kHello:
    case v1::FromAgent::KIND_NOT_SET:
      break;
  }
}

}  // namespace kiln::fleet
