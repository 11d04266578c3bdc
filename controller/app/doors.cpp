#include "controller/app/doors.h"

#include <fmt/format.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>

#include "controller/rpc/authenticator.h"
#include "controller/rpc/caller.h"
#include "lib/log/log.h"
#include "lib/rpc/status.h"

namespace kiln::controller {
namespace {
constexpr std::chrono::minutes kTick{5};
}

struct Doors::Impl {
  Impl(DoorsOptions opts, const Clock& used_clock, db::Database& database, pki::Authority made,
       fleet::Fleet& fleet)
      : options(std::move(opts)),
        clock(used_clock),
        authority(std::move(made)),
        gate(clock),
        audit(database, clock,
              [](const std::string& line) { log::line(log::Level::kWarning, line); }),
        desk({clock, database, authority, gate, audit,
              [&fleet](const std::string& agent) { fleet.drop(agent); }}),
        access(desk, gate),
        enrolment(desk, gate) {}

  DoorsOptions options;
  const Clock& clock;
  pki::Authority authority;
  Gate gate;
  AuditLog audit;
  AccessDesk desk;
  AccessService access;
  EnrolmentService enrolment;
  int user_port = 0;
  int agent_port = 0;
  std::unique_ptr<grpc::Server> agent_server;
  std::jthread ticker;

  [[nodiscard]] rpc::TlsFiles files() const {
    return {authority.server_file().string(), authority.ca_file().string()};
  }
  void tick(const std::stop_token& stop);
};

/// Certificates are renewed and old codes forgotten while it runs.
void Doors::Impl::tick(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  while (!stop.stop_requested()) {
    const auto done = desk.tick();
    if (!done)
      log::line(log::Level::kError, "certificates and codes", {{"error", done.error().message}});
    else if (!done->empty())
      log::line(log::Level::kInfo, "certificates and codes", {{"done", *done}});
    changed.wait_for(lock, stop, kTick, [] { return false; });
  }
}

Doors::Doors(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Doors::~Doors() = default;

Result<std::unique_ptr<Doors>> Doors::open(const DoorsOptions& options, const Clock& clock,
                                           db::Database& database, fleet::Fleet& fleet) {
  std::error_code code;
  if (!std::filesystem::exists(options.pki, code)) return std::unique_ptr<Doors>();
  KILN_ASSIGN(pki::Authority authority, pki::Authority::open(options.pki));
  auto impl = std::make_unique<Impl>(options, clock, database, std::move(authority), fleet);
  KILN_TRY(impl->desk.start());
  impl->ticker =
      std::jthread([each = impl.get()](const std::stop_token& stop) { each->tick(stop); });
  return std::unique_ptr<Doors>(new Doors(std::move(impl)));
}

void Doors::add_to(
    grpc::ServerBuilder& builder,
    std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> further) {
  guard(builder, impl_->gate, impl_->audit, std::move(further));
  if (!impl_->options.listen.empty())
    add_port(builder, impl_->options.listen, Port::kUsers, impl_->files(), impl_->gate,
             impl_->audit, &impl_->user_port);
  builder.RegisterService(&impl_->access);
  builder.RegisterService(&impl_->enrolment);
}

Status Doors::check_users_port() const {
  if (impl_->options.listen.empty() || impl_->user_port > 0) return {};
  return fail(ErrorKind::kInfrastructure, "cannot listen on " + impl_->options.listen);
}

Status Doors::serve_agents(grpc::Service& link) {
  if (impl_->options.listen_agents.empty()) return {};
  grpc::ServerBuilder builder;
  rpc::configure(builder);
  guard(builder, impl_->gate, impl_->audit);
  add_port(builder, impl_->options.listen_agents, Port::kAgents, impl_->files(), impl_->gate,
           impl_->audit, &impl_->agent_port);
  builder.RegisterService(&impl_->enrolment);
  builder.RegisterService(&link);
  impl_->agent_server = builder.BuildAndStart();
  if (!impl_->agent_server || impl_->agent_port <= 0)
    return fail(ErrorKind::kInfrastructure, "cannot listen on " + impl_->options.listen_agents);
  return {};
}

std::string Doors::ports() const {
  return fmt::format("users {} agents {}", impl_->user_port, impl_->agent_port);
}

os::Path Doors::certificate() const {
  return impl_->authority.server_file();
}

std::unique_ptr<Visitors> Doors::visitors(bool guests) {
  return token_visitors(impl_->gate, impl_->audit, guests);
}

UserOf Doors::user_of() {
  return [this](const grpc::ServerContextBase& context) {
    return caller_of(context, impl_->gate).name;
  };
}

MayKeep Doors::may_keep() {
  return [this](const grpc::ServerContextBase& context) {
    return caller_of(context, impl_->gate).role >= access::Role::kKeeper;
  };
}

StillIn Doors::still_in() {
  return [this](const grpc::ServerContextBase& context, const std::string& method) {
    return still_admitted(context, method, impl_->gate);
  };
}

void Doors::stop(std::chrono::system_clock::time_point deadline) {
  impl_->ticker = {};
  if (!impl_->agent_server) return;
  impl_->agent_server->Shutdown(deadline);
  impl_->agent_server->Wait();
  impl_->agent_server.reset();
}

}  // namespace kiln::controller
