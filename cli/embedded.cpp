#include "cli/embedded.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "agent/app.h"
#include "cli/paths.h"
#include "controller/app/controller.h"
#include "controller/gateway/gateway.h"
#include "lib/os/host.h"
#include "lib/os/random.h"
#include "lib/rpc/credentials.h"
#include "lib/rpc/status.h"

namespace kiln::cli {

/// Declared in the order of their lives: the agent ends before the controller that it talks to.
struct EmbeddedLab::Impl {
  std::string data_dir;
  std::string dashboard;
  std::unique_ptr<controller::Controller> controller;
  std::unique_ptr<v1::Lab::Stub> lab;
  std::unique_ptr<v1::Review::Stub> review;
  std::unique_ptr<v1::Machines::Stub> machines;
  std::unique_ptr<v1::Access::Stub> access;
  std::unique_ptr<v1::Schedules::Stub> schedules;
  std::unique_ptr<v1::Keeping::Stub> keeping;
  std::unique_ptr<v1::Findings::Stub> findings;
  std::unique_ptr<v1::History::Stub> history;
  std::unique_ptr<v1::Logs::Stub> logs;
  std::unique_ptr<agent::Agent> agent;
};

namespace {

constexpr std::chrono::seconds kConnectLimit{5};

controller::Access access_of(HostMode mode) {
  switch (mode) {
    case HostMode::kReadOnly:
      return controller::Access::kRead;
    case HostMode::kReview:
      return controller::Access::kReview;
    case HostMode::kClear:
    case HostMode::kLab:
    case HostMode::kPlan:
    case HostMode::kRun:
    case HostMode::kServe:
      return controller::Access::kRun;
  }
  return controller::Access::kRead;
}

}  // namespace

/// Kept, so that an address that was opened once stays good.
Result<std::string> dashboard_key(const os::Path& data) {
  const os::Path file = data / "dashboard.key";
  if (const auto kept = os::read_file(file, 100); kept && kept->size() == 64) return *kept;
  KILN_ASSIGN(const std::string random, os::random_bytes(32));
  const std::string key = os::sha256_hex(random);
  KILN_TRY(os::write_atomic(file, key, 0600));
  return key;
}

/// The stubs of a lab that answers.
Result<std::unique_ptr<EmbeddedLab>> EmbeddedLab::connect(std::unique_ptr<Impl> impl,
                                                          const LabAddress& lab, HostMode mode) {
  if (mode == HostMode::kServe)
    return fail(Error(ErrorKind::kBadInput, "the lab " + lab.name + " serves its dashboard itself")
                    .with_hint("without --lab and KILN_LAB, this serves the data folder here"));
  if (mode == HostMode::kRun || mode == HostMode::kPlan)
    return fail(Error(ErrorKind::kBadInput,
                      "this command works on this computer, not in the lab " + lab.name)
                    .with_hint("kiln submit hands a job to a lab; without --lab and KILN_LAB it"
                               " runs here"));
  std::shared_ptr<grpc::Channel> channel;
  if (lab.ca.empty()) {
    channel = rpc::make_channel(lab.target);
  } else {
    KILN_ASSIGN(const auto credentials, rpc::user_credentials(lab.ca, lab.token));
    channel = rpc::make_channel(lab.target, credentials);
  }
  if (!channel->WaitForConnected(std::chrono::system_clock::now() + kConnectLimit))
    return fail(Error(ErrorKind::kInfrastructure,
                      fmt::format("no controller answers at {} (lab {}, from {}) within {} s",
                                  lab.target, lab.name, lab.from, kConnectLimit.count()))
                    .with_hint("is kilnd running there? kilnd --config FILE"));
  impl->lab = v1::Lab::NewStub(channel);
  impl->review = v1::Review::NewStub(channel);
  impl->machines = v1::Machines::NewStub(channel);
  impl->access = v1::Access::NewStub(channel);
  impl->schedules = v1::Schedules::NewStub(channel);
  impl->keeping = v1::Keeping::NewStub(channel);
  impl->findings = v1::Findings::NewStub(channel);
  impl->history = v1::History::NewStub(channel);
  impl->logs = v1::Logs::NewStub(channel);
  return std::unique_ptr<EmbeddedLab>(new EmbeddedLab(std::move(impl)));
}

EmbeddedLab::EmbeddedLab(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EmbeddedLab::~EmbeddedLab() {
  stop();
}

Result<std::unique_ptr<EmbeddedLab>> EmbeddedLab::start(const Options& options, HostMode mode) {
  auto impl = std::make_unique<Impl>();
  KILN_ASSIGN(const auto data, cli::data_dir(options.data_dir));
  impl->data_dir = data.string();
  KILN_ASSIGN(const auto elsewhere, find_lab(options.lab.lab));
  if (elsewhere) return connect(std::move(impl), *elsewhere, mode);
  if (mode == HostMode::kLab)
    return fail(Error(ErrorKind::kBadInput, "this command asks a lab, and none is named")
                    .with_hint("--lab NAME or KILN_LAB; docs/guides/lab.md sets one up"));
  controller::ControllerOptions controller_options;
  controller_options.data_dir = data;
  controller_options.access = access_of(mode);
  controller_options.jobs = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  KILN_ASSIGN(controller_options.ccache_dir, ccache_dir());
  agent::AgentConfig agent_config;
  agent_config.data_dir = data / "agent";
  if (mode != HostMode::kClear && controller_options.access == controller::Access::kRun) {
    KILN_ASSIGN(const auto home, home_dir(options.home));
    agent_config.images_dir = home / "images";
    controller_options.known_tests = agent::known_test_names(agent_config);
  }
  if (mode == HostMode::kServe) {
    KILN_TRY(os::make_dirs(data));
    KILN_ASSIGN(controller_options.dashboard.key, dashboard_key(data));
    controller_options.dashboard.listen = fmt::format("127.0.0.1:{}", options.port);
    controller_options.dashboard.app =
        controller::find_app(os::own_program(), home_dir(options.home).value_or(""));
  }
  KILN_ASSIGN(impl->controller, controller::Controller::open(controller_options));
  if (mode == HostMode::kServe)
    impl->dashboard =
        fmt::format("http://127.0.0.1:{}/auth/open?key={}", impl->controller->dashboard_port(),
                    controller_options.dashboard.key);
  if (mode == HostMode::kRun || mode == HostMode::kServe) {
    agent_config.target = impl->controller->target();
    KILN_ASSIGN(impl->agent, agent::Agent::start(std::move(agent_config)));
  }
  const auto channel = rpc::make_channel(impl->controller->target());
  impl->lab = v1::Lab::NewStub(channel);
  impl->review = v1::Review::NewStub(channel);
  impl->machines = v1::Machines::NewStub(channel);
  impl->access = v1::Access::NewStub(channel);
  impl->schedules = v1::Schedules::NewStub(channel);
  impl->keeping = v1::Keeping::NewStub(channel);
  impl->findings = v1::Findings::NewStub(channel);
  impl->history = v1::History::NewStub(channel);
  impl->logs = v1::Logs::NewStub(channel);
  return std::unique_ptr<EmbeddedLab>(new EmbeddedLab(std::move(impl)));
}

v1::Lab::Stub& EmbeddedLab::lab() {
  return *impl_->lab;
}
v1::Access::Stub& EmbeddedLab::access() {
  return *impl_->access;
}
v1::Machines::Stub& EmbeddedLab::machines() {
  return *impl_->machines;
}
v1::Review::Stub& EmbeddedLab::review() {
  return *impl_->review;
}
v1::Schedules::Stub& EmbeddedLab::schedules() {
  return *impl_->schedules;
}
v1::Keeping::Stub& EmbeddedLab::keeping() {
  return *impl_->keeping;
}
v1::Findings::Stub& EmbeddedLab::findings() {
  return *impl_->findings;
}
v1::History::Stub& EmbeddedLab::history() {
  return *impl_->history;
}
v1::Logs::Stub& EmbeddedLab::logs() {
  return *impl_->logs;
}
const std::string& EmbeddedLab::dashboard() const {
  return impl_->dashboard;
}

const std::string& EmbeddedLab::data_dir() const {
  return impl_->data_dir;
}

void EmbeddedLab::stop() {
  impl_->lab.reset();
  impl_->review.reset();
  impl_->machines.reset();
  impl_->access.reset();
  impl_->schedules.reset();
  impl_->keeping.reset();
  impl_->findings.reset();
  impl_->history.reset();
  impl_->logs.reset();
  // The controller first: its driver waits for the cancelled sessions' ends, which the agent
  // reports.
  if (impl_->controller) impl_->controller->stop();
  impl_->agent.reset();
  impl_->controller.reset();
}

}  // namespace kiln::cli
