#include "bench/lab/light_agents.h"

#include <fmt/format.h>

#include <condition_variable>
#include <thread>

#include "lib/base/text.h"
#include "lib/pki/authority.h"
#include "lib/rpc/protocol.h"

namespace kiln::bench {
namespace {

std::shared_ptr<grpc::ChannelCredentials> credentials(const pki::Authority* authority,
                                                      const std::string& agent) {
  if (authority == nullptr) return grpc::InsecureChannelCredentials();
  const auto request = pki::make_request(agent);
  if (!request) return nullptr;
  const auto signed_pem =
      authority->sign_agent(request->csr, agent, SystemClock().now(), pki::kAgentLifetime);
  if (!signed_pem) return nullptr;
  // Not the product's credentials: those watch their files with a thread for each.
  return grpc::SslCredentials({authority->certificate(), request->key, *signed_pem});
}

v1::FromAgent hello_of(const std::string& name, int machines) {
  v1::FromAgent first;
  v1::Hello* hello = first.mutable_hello();
  hello->set_agent(name);
  hello->set_version("bench");
  hello->set_protocol(rpc::kAgentProtocol);
  for (int m = 0; m < machines; ++m) {
    v1::MachineInfo* info = hello->add_machines();
    info->set_name(fmt::format("{}-m{}", name, m));
    info->add_tags("light");
    info->set_emulated(true);
    info->set_host(name);
    (*info->mutable_facts())["igt"] = "played";
  }
  return first;
}

}  // namespace

v1::FromAgent good_end(const v1::SessionOrder& order) {
  v1::FromAgent message;
  v1::SessionDone* done = message.mutable_done();
  done->set_lease_epoch(order.lease_epoch());
  v1::Session* session = done->mutable_session();
  session->set_id(order.session_id());
  session->set_machine(order.machine());
  session->set_ending("tested");
  session->set_elapsed_seconds(1);
  v1::Identity* identity = session->mutable_identity();
  identity->set_release(order.expected().release());
  identity->set_kernel_build_id(order.expected().kernel_build_id());
  *identity->mutable_module_build_ids() = order.expected().module_build_ids();
  identity->set_config_digest(order.expected().config_digest());
  identity->set_boot_id(fmt::format("light-{}", order.session_id()));
  identity->set_proved(true);
  for (const v1::TestPhase& phase : order.phases()) {
    for (const std::string& line : split_lines(phase.test_list())) {
      if (line.empty() || line[0] == '#') continue;
      v1::Result* result = session->add_results();
      result->set_test(line);
      result->set_phase(phase.name());
      result->set_outcome("pass");
      result->set_seconds(0.01);
    }
  }
  return message;
}

/// One connection. Deletes nothing: LightAgents owns it and waits for its end.
class LightAgent final : public grpc::ClientBidiReactor<v1::FromAgent, v1::ToAgent> {
 public:
  explicit LightAgent(LightAgents& all) : all_(all) {}

  void begin(std::shared_ptr<grpc::Channel> channel, v1::FromAgent hello) {
    stub_ = v1::AgentLink::NewStub(std::move(channel));
    stub_->async()->Connect(&context_, this);
    send(std::move(hello));
    StartRead(&incoming_);
    StartCall();
  }

  void send(v1::FromAgent message) {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    outgoing_.push_back(std::move(message));
    if (outgoing_.size() == 1) StartWrite(&outgoing_.front());
  }

  void close() {
    context_.TryCancel();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ended_; });
  }

  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(mutex_);
    outgoing_.pop_front();
    if (!ok) outgoing_.clear();
    if (!outgoing_.empty()) StartWrite(&outgoing_.front());
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    if (incoming_.has_welcome()) ++all_.welcomed;
    if (incoming_.has_ack()) ++all_.acknowledged;
    if (incoming_.has_start()) all_.started(incoming_.start());
    if (incoming_.has_cancel()) all_.cancelled(incoming_.cancel().session_id(), *this);
    incoming_.Clear();
    StartRead(&incoming_);
  }

  void OnDone(const grpc::Status& status) override {
    if (!all_.closing_) {
      ++all_.broken;
      fmt::print(stderr, "an agent's connection ended: {}\n", status.error_message());
    }
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }

 private:
  LightAgents& all_;
  std::unique_ptr<v1::AgentLink::Stub> stub_;
  grpc::ClientContext context_;
  v1::ToAgent incoming_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<v1::FromAgent> outgoing_;
  bool ended_ = false;
};

LightAgents::LightAgents(const Options& options) {
  std::optional<pki::Authority> authority;
  if (!options.pki.empty()) {
    auto opened = pki::Authority::open(options.pki);
    if (!opened) throw std::runtime_error(render(opened.error()));
    authority.emplace(std::move(*opened));
  }
  // Orders come as soon as one is connected: by then all machines are known.
  std::vector<v1::FromAgent> hellos;
  for (int a = 0; a < options.agents; ++a) {
    agents_.push_back(std::make_unique<LightAgent>(*this));
    hellos.push_back(hello_of(fmt::format("light-{}", a), options.machines));
    for (const v1::MachineInfo& info : hellos.back().hello().machines()) {
      auto machine = std::make_unique<LightMachine>();
      machine->name = info.name();
      machine->agent = agents_.back().get();
      by_name_[machine->name] = machine.get();
      machines.push_back(std::move(machine));
    }
  }
  for (size_t a = 0; a < agents_.size(); ++a) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 20'000);
    arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    auto channel = grpc::CreateCustomChannel(
        options.target, credentials(authority ? &*authority : nullptr, hellos[a].hello().agent()),
        arguments);
    agents_[a]->begin(std::move(channel), std::move(hellos[a]));
  }
}

LightAgents::~LightAgents() {
  closing_ = true;
  for (const auto& agent : agents_) agent->close();
}

bool LightAgents::wait_welcomed(std::chrono::seconds limit) const {
  const auto deadline = Steady::now() + limit;
  while (Steady::now() < deadline) {
    if (welcomed == static_cast<int>(agents_.size())) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

bool LightAgents::end(LightMachine& machine) {
  v1::FromAgent done;
  LightAgent* agent = nullptr;
  {
    const std::lock_guard lock(machine.mutex);
    if (!machine.holds) return false;
    machine.holds = false;
    --holding;
    done = good_end(machine.order);
    agent = machine.agent;
    machine.freed = Steady::now();
  }
  agent->send(std::move(done));
  return true;
}

bool LightAgents::say(LightMachine& machine, const std::string& line) {
  v1::FromAgent message;
  const std::lock_guard lock(machine.mutex);
  if (!machine.holds) return false;
  message.mutable_event()->set_session_id(machine.order.session_id());
  message.mutable_event()->set_lease_epoch(machine.order.lease_epoch());
  message.mutable_event()->set_console_line(line);
  machine.agent->send(std::move(message));
  return true;
}

void LightAgents::started(const v1::SessionOrder& order) {
  const auto now = Steady::now();
  LightMachine& machine = *by_name_.at(order.machine());
  {
    const std::lock_guard lock(machine.mutex);
    machine.order = order;
    machine.holds = true;
    ++holding;
    if (machine.freed != Steady::time_point{}) {
      const std::lock_guard also(latencies_mutex_);
      latencies_.push_back(std::chrono::duration<double, std::micro>(now - machine.freed).count());
    }
  }
  ++orders;
  if (end_at_once) end(machine);
}

void LightAgents::cancelled(int64_t session_id, LightAgent& agent) {
  v1::FromAgent message;
  message.mutable_done()->mutable_session()->set_id(session_id);
  message.mutable_done()->mutable_session()->set_ending("cancelled");
  for (const auto& machine : machines) {
    const std::lock_guard lock(machine->mutex);
    if (!machine->holds || machine->order.session_id() != session_id) continue;
    machine->holds = false;
    --holding;
    message.mutable_done()->mutable_session()->set_machine(machine->name);
    message.mutable_done()->set_lease_epoch(machine->order.lease_epoch());
  }
  agent.send(std::move(message));
}

std::vector<double> LightAgents::take_latencies() {
  const std::lock_guard lock(latencies_mutex_);
  return std::exchange(latencies_, {});
}

}  // namespace kiln::bench
