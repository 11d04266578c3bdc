#include "agent/app.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "agent/hardware/hardware_machine.h"
#include "agent/link/convert.h"
#include "agent/link/link.h"
#include "agent/link/tunnels.h"
#include "agent/machine/igt_inventory.h"
#include "agent/machine/qemu_machine.h"
#include "agent/machine_worker.h"
#include "agent/ssh/ssh_shell.h"
#include "lib/base/text.h"
#include "lib/log/log.h"
#include "lib/os/host.h"
#include "lib/rpc/credentials.h"
#include "lib/rpc/enrol.h"
#include "lib/rpc/status.h"

namespace kiln::agent {
namespace {

constexpr std::chrono::minutes kLookForRenewal{30};

os::Path recipe_of(const AgentConfig& config) {
  return config.images_dir / "forky-i386";
}
os::Path images_of(const AgentConfig& config) {
  return config.data_dir / "images";
}

}  // namespace

os::Path known_test_names(const AgentConfig& config) {
  const auto image = RootImages(recipe_of(config), images_of(config)).look();
  return image ? known_igt_inventory(*image) : os::Path();
}

/// Declared in the order of use, so destroyed in reverse: the workers end first, then their last
/// words are in the outbox, then the link goes.
struct Agent::Impl {
  AgentConfig config;
  SystemClock clock;
  std::optional<os::FileLock> lock;
  std::unique_ptr<Outbox> outbox;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<ArtifactClient> artifacts;
  std::unique_ptr<RootImages> images;
  std::unique_ptr<AccelProbe> accel;
  PowerUnits units;
  ConsoleHub hub;  ///< of all consoles
  std::map<std::string, std::unique_ptr<TappedMachine>> machines;
  std::vector<v1::MachineInfo> simulated;
  Sync<Tunnels*> tunnels_ref;  ///< as link_ref
  Sync<Link*> link_ref;        ///< null before the link is there and after it went
  std::unique_ptr<Link> link;
  std::map<std::string, std::unique_ptr<MachineWorker>> workers;
  std::unique_ptr<Tunnels> tunnels;
  /// Of the embedded machines' image, which is made while kernels are still being built.
  struct Preparation {
    std::string doing = "looking for its root image";  ///< "" = done, well or not
    os::Path test_names;                               ///< "" = not known
    std::string why_unknown;
  };
  Sync<Preparation> preparation;
  std::jthread image_builder;
  std::jthread renewer;

  ~Impl();
  void renew(const std::stop_token& stop);
  void add_machine(const std::string& name);
  Status add_hardware(const machine::MachineSpec& spec);
  WorkerDeps worker_deps(const std::string& name);
  void add_worker(const std::string& name, Machine& machine);
  void add_simulated(const std::string& name);
  void start_link();
  void prepare_image(const std::stop_token& stop);
  std::vector<v1::MachineInfo> machine_infos();
  std::vector<v1::HeldSession> held_sessions();
  void on_start(const v1::SessionOrder& order);
  void finished(const SessionOrder& order, const SessionOutcome& outcome);
  template <typename Use>
  void with_link(Use use) {
    auto ref = link_ref.lock();
    if (*ref != nullptr) use(**ref);
  }
};

Agent::Impl::~Impl() {
  renewer = {};
  // First, since a session may wait for the image that it makes.
  image_builder = {};
  *tunnels_ref.lock() = nullptr;
  tunnels.reset();
  workers.clear();
  machines.clear();  // a thread of theirs may tell the link
  *link_ref.lock() = nullptr;
  link.reset();
}

void Agent::Impl::add_machine(const std::string& name) {
  QemuMachine::Config machine;
  machine.name = name;
  machine.qemu = config.qemu;
  machine.folder = config.data_dir / "machines" / name;
  machine.connector = connect_until;
  machines[name] = std::make_unique<TappedMachine>(
      std::make_unique<QemuMachine>(std::move(machine), *images, *accel));
}

/// One that no session can run on is for `kiln machine check` only.
Status Agent::Impl::add_hardware(const machine::MachineSpec& spec) {
  HardwareMachine::Config machine;
  machine.spec = spec;
  machine.folder = config.data_dir / "machines" / spec.name;
  machine.connector = connect_until;
  machine.changed = [this, name = spec.name](machine::LifeState state, const std::string& why) {
    with_link([&](Link& to) {
      to.machine_state(name, std::string(to_string(state)), why);
      // Whether sessions may be given to it stands in its facts.
      if (state == machine::LifeState::kQuarantined || state == machine::LifeState::kReady)
        to.machines_changed();
    });
  };
  KILN_TRY(os::make_dirs(machine.folder));
  auto made = HardwareMachine::create(std::move(machine), hub, units, clock);
  if (made)
    machines[spec.name] = std::make_unique<TappedMachine>(std::move(*made));
  else
    log::line(log::Level::kWarning, "a machine of the lab file is not offered",
              {{"machine", spec.name}, {"why", made.error().message}});
  return {};
}

WorkerDeps Agent::Impl::worker_deps(const std::string& name) {
  WorkerDeps deps;
  deps.artifacts = artifacts.get();
  deps.clock = &clock;
  deps.folder = config.data_dir / "machines" / name;
  deps.boot_limit = config.boot_limit;
  if (const machine::MachineSpec* real = config.lab.find(name)) {
    deps.boot_limit = std::max(deps.boot_limit, real->limits.boot);
    deps.boot_silence = std::max(deps.boot_silence, real->limits.firmware);
  }
  deps.began = [this](const SessionOrder& order) {
    artifacts->trim(config.cache_bytes);
    (void)outbox->began(order.session_id, order.lease_epoch, order.machine);
  };
  deps.progress = [this](const SessionOrder& order, const SessionProgress& progress) {
    const auto event = to_proto(order.session_id, order.lease_epoch, clock.now(), progress);
    with_link([&](Link& to) { to.event(event); });
  };
  deps.finished = [this](const SessionOrder& order, const SessionOutcome& outcome) {
    finished(order, outcome);
  };
  deps.state_changed = [this, name](const std::string& state, const std::string& why) {
    with_link([&](Link& to) { to.machine_state(name, state, why); });
  };
  return deps;
}

void Agent::Impl::add_worker(const std::string& name, Machine& machine) {
  WorkerDeps deps = worker_deps(name);
  deps.machine = &machine;
  workers[name] = std::make_unique<MachineWorker>(std::move(deps));
}

/// The certificate is renewed at two thirds of its life, while the agent works.
void Agent::Impl::renew(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock waiting(mutex);
  while (!stop.stop_requested()) {
    const auto done = rpc::renew_when_due(channel, config.identity_dir, clock.now());
    if (!done)
      log::line(log::Level::kWarning, "the certificate was not renewed",
                {{"error", done.error().message}});
    else if (*done)
      log::line(log::Level::kInfo, "the certificate was renewed");
    changed.wait_for(waiting, stop, kLookForRenewal, [] { return false; });
  }
}

void Agent::Impl::add_simulated(const std::string& name) {
  WorkerDeps deps = worker_deps(name);
  deps.play = [this](const SessionOrder& order, const ProgressSink& progress,
                     std::stop_token stop) {
    return simulate(config.simulated, order, clock, progress, std::move(stop));
  };
  workers[name] = std::make_unique<MachineWorker>(std::move(deps));
  v1::MachineInfo& info = simulated.emplace_back();
  info.set_name(name);
  info.add_tags("simulated");
  info.set_emulated(true);
  info.set_host(name);  // each takes a computer of its own
  (*info.mutable_facts())["seed"] = std::to_string(config.simulated.seed);
}

void Agent::Impl::finished(const SessionOrder& order, const SessionOutcome& outcome) {
  // A disk that is full does not lose the end: the outbox has it in memory, too.
  (void)outbox->finished(to_proto(order, outcome));
  with_link([](Link& to) { to.wake(); });
}

void Agent::Impl::on_start(const v1::SessionOrder& message) {
  const SessionOrder order = from_proto(message);
  const auto worker = workers.find(order.machine);
  if (worker != workers.end()) {
    worker->second->start(order);
    return;
  }
  SessionOutcome outcome;
  outcome.error = "this agent has no machine " + order.machine;
  outcome.error_class = "INFRA_AGENT";
  outcome.started = clock.now();
  finished(order, outcome);
}

void Agent::Impl::start_link() {
  LinkEvents events;
  events.machines = [this] { return machine_infos(); };
  events.sessions = [this] { return held_sessions(); };
  events.test_names = [this](const std::string& name) {
    return config.lab.find(name) != nullptr ? os::Path() : preparation.lock()->test_names;
  };
  events.start = [this](const v1::SessionOrder& order) { on_start(order); };
  events.cancel = [this](int64_t session_id, const std::string& why) {
    for (const auto& [name, worker] : workers) worker->cancel(session_id, why);
  };
  events.open_tunnel = [this](const v1::OpenAgentTunnel& order) {
    if (auto ref = tunnels_ref.lock(); *ref != nullptr) (*ref)->open(order);
  };
  events.refused = [](const std::string& words) {
    log::line(log::Level::kError, "the controller refuses this agent; it is asked again",
              {{"why", words}});
  };
  LinkConfig link_config;
  link_config.agent = config.name;
  link_config.version = KILN_VERSION;
  link = std::make_unique<Link>(link_config, channel, *outbox, *artifacts, std::move(events));
  *link_ref.lock() = link.get();
}

/// What runs here, and the ends that no controller has acknowledged.
std::vector<v1::HeldSession> Agent::Impl::held_sessions() {
  std::vector<v1::HeldSession> out;
  for (const auto& [name, worker] : workers) {
    for (const SessionOrder& order : worker->sessions()) {
      v1::HeldSession& held = out.emplace_back();
      held.set_session_id(order.session_id);
      held.set_lease_epoch(order.lease_epoch);
      held.set_machine(name);
    }
  }
  for (const v1::SessionDone& done : outbox->unsent()) {
    v1::HeldSession& held = out.emplace_back();
    held.set_session_id(done.session().id());
    held.set_lease_epoch(done.lease_epoch());
    held.set_machine(done.session().machine());
    held.set_ended(true);
  }
  return out;
}

std::vector<v1::MachineInfo> Agent::Impl::machine_infos() {
  const ImageNews image = images->news();
  std::vector<v1::MachineInfo> out;
  for (const auto& [name, machine] : machines) {
    v1::MachineInfo info = to_proto(machine->facts());
    if (info.emulated()) info.set_host(os::host_id());
    if (const auto worker = workers.find(name); worker != workers.end())
      info.set_highest_epoch(worker->second->highest_epoch());
    if (config.lab.find(name) != nullptr) {
      out.push_back(std::move(info));
      continue;
    }
    auto now = preparation.lock();
    info.set_preparing(now->doing);
    auto& facts = *info.mutable_facts();
    if (!now->why_unknown.empty()) facts["tests_unknown"] = to_valid_utf8(now->why_unknown);
    if (!image.igt_version.empty()) facts["igt"] = to_valid_utf8(image.igt_version);
    if (image.state == ImageNews::State::kBroken) info.set_broken(to_valid_utf8(image.text));
    out.push_back(std::move(info));
  }
  for (v1::MachineInfo info : simulated) {
    if (const auto worker = workers.find(info.name()); worker != workers.end())
      info.set_highest_epoch(worker->second->highest_epoch());
    out.push_back(std::move(info));
  }
  return out;
}

/// An error reaches the controller with its words, in MachineInfo.broken.
void Agent::Impl::prepare_image(const std::stop_token& stop) {
  const auto tell = [this](const std::string& text) {
    preparation.lock()->doing = text;
    with_link([](Link& to) { to.machines_changed(); });
  };
  const auto image = images->ensure(tell, stop);
  Preparation done;
  done.doing.clear();
  if (image) {
    auto names = igt_inventory(*image, tell, stop);
    if (names)
      done.test_names = std::move(*names);
    else
      done.why_unknown = names.error().message;
  }
  *preparation.lock() = std::move(done);
  with_link([](Link& to) { to.machines_changed(); });
}

Agent::Agent(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Agent::~Agent() = default;

bool Agent::connected() {
  return impl_->link->connected();
}

Result<std::unique_ptr<Agent>> Agent::start(AgentConfig config) {
  auto impl = std::make_unique<Impl>();
  impl->config = std::move(config);
  // A disk's backing file is looked up relative to the disk, not to where we are.
  std::error_code ignored;
  for (os::Path* path : {&impl->config.data_dir, &impl->config.images_dir})
    if (auto full = std::filesystem::absolute(*path, ignored); !full.empty()) *path = full;
  const os::Path& data = impl->config.data_dir;
  KILN_TRY(os::make_dirs(data));
  KILN_ASSIGN(impl->lock, os::FileLock::acquire(data / "agent.lock"));
  for (const std::string& name : impl->config.machines)
    KILN_TRY(os::make_dirs(data / "machines" / name));
  KILN_ASSIGN(impl->outbox, Outbox::open(data / "outbox"));
  impl->channel =
      impl->config.identity_dir.empty()
          ? rpc::make_channel(impl->config.target)
          : rpc::make_channel(impl->config.target,
                              rpc::agent_credentials(rpc::agent_files(impl->config.identity_dir)));
  impl->artifacts = std::make_unique<ArtifactClient>(impl->channel, *impl->outbox, data / "cache");
  impl->images = std::make_unique<RootImages>(recipe_of(impl->config), images_of(impl->config));
  impl->images->watch([each = impl.get()](const ImageNews&) {
    each->with_link([](Link& to) { to.machines_changed(); });
  });
  AccelProbe::Config accel;
  accel.qemu = impl->config.qemu;
  accel.memory_file = data / "accel.json";
  impl->accel = std::make_unique<AccelProbe>(std::move(accel));
  for (const std::string& name : impl->config.machines) impl->add_machine(name);
  for (const machine::MachineSpec& spec : impl->config.lab.machines)
    KILN_TRY(impl->add_hardware(spec));
  for (const auto& [name, machine] : impl->machines) impl->add_worker(name, *machine);
  for (int i = 1; i <= impl->config.simulated.count; ++i) {
    const std::string name = impl->config.name + "-sim-" + std::to_string(i);
    KILN_TRY(os::make_dirs(data / "machines" / name));
    impl->add_simulated(name);
  }
  impl->tunnels = std::make_unique<Tunnels>(
      impl->channel, [each = impl.get()](const std::string& name) -> TappedMachine* {
        const auto found = each->machines.find(name);
        return found == each->machines.end() ? nullptr : found->second.get();
      });
  *impl->tunnels_ref.lock() = impl->tunnels.get();
  impl->start_link();
  if (!impl->config.identity_dir.empty())
    impl->renewer =
        std::jthread([each = impl.get()](const std::stop_token& stop) { each->renew(stop); });
  if (impl->config.machines.empty()) return std::unique_ptr<Agent>(new Agent(std::move(impl)));
  impl->image_builder =
      std::jthread([each = impl.get()](const std::stop_token& stop) { each->prepare_image(stop); });
  return std::unique_ptr<Agent>(new Agent(std::move(impl)));
}

}  // namespace kiln::agent
