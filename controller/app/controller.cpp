#include "controller/app/controller.h"

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>

#include <filesystem>

#include "controller/app/backend.h"
#include "controller/app/db_lease_store.h"
#include "controller/app/doors.h"
#include "controller/app/findings.h"
#include "controller/app/health_desk.h"
#include "controller/app/history.h"
#include "controller/app/logs.h"
#include "controller/app/machines.h"
#include "controller/app/night_search.h"
#include "controller/app/review.h"
#include "controller/app/watching.h"
#include "controller/gateway/gateway.h"
#include "controller/keeping/space.h"
#include "controller/live/board.h"
#include "controller/nights/schedules.h"
#include "controller/rpc/agent_link_service.h"
#include "controller/rpc/findings_service.h"
#include "controller/rpc/history_service.h"
#include "controller/rpc/keeping_service.h"
#include "controller/rpc/lab_service.h"
#include "controller/rpc/live_service.h"
#include "controller/rpc/logs_service.h"
#include "controller/rpc/machines_service.h"
#include "controller/rpc/review_service.h"
#include "controller/rpc/schedule_service.h"
#include "controller/slurm/slurm_executor.h"
#include "lib/db/database.h"
#include "lib/log/log.h"
#include "lib/os/host.h"
#include "lib/rpc/status.h"

namespace kiln::controller {
namespace {

constexpr auto kServerGrace = std::chrono::seconds(2);

/// The builder keeps its outputs in the blob store.
class BlobSink final : public builder::ArtifactSink {
 public:
  explicit BlobSink(blob::BlobStore& blobs) : blobs_(blobs) {}
  Result<std::string> put_file(const os::Path& path) override { return blobs_.put_file(path); }
  Result<std::string> put(std::string_view bytes) override { return blobs_.put(bytes); }
  [[nodiscard]] bool has(const std::string& digest) const override { return blobs_.claim(digest); }

 private:
  blob::BlobStore& blobs_;
};

/// A socket's path may have 107 bytes; a deep data folder gets one in a folder of its own in /tmp.
/// Those who do not hold the data folder's lock get a folder of their own, too.
Result<os::Path> socket_path(const os::Path& data_dir, Access access) {
  const bool owner = access == Access::kRun;
  const std::string name =
      owner ? "controller.sock" : "view-" + std::to_string(::getpid()) + ".sock";
  os::Path path = data_dir / "run" / name;
  if (path.string().size() < 100 && owner) {
    KILN_TRY(os::make_dirs(data_dir / "run"));
    return path;
  }
  KILN_ASSIGN(const os::Path folder,
              os::make_temp_dir(std::filesystem::temp_directory_path(), "kiln-"));
  return folder / name;
}

}  // namespace

struct Controller::Impl {
  SystemClock clock;
  std::unique_ptr<Metrics> metrics;  ///< null: nobody watches
  std::optional<os::FileLock> lock;
  std::optional<os::FileLock> shared_lock;  ///< of a folder for builds elsewhere
  std::optional<db::Database> database;
  std::optional<blob::BlobStore> blobs;
  std::unique_ptr<BlobSink> sink;
  std::unique_ptr<results::DbRunStore> store;
  fleet::Fleet fleet;
  std::unique_ptr<live::Board> board;
  std::unique_ptr<results::EventHub> hub;
  results::ConsoleTails consoles;
  std::optional<intake::Intake> intake;
  std::unique_ptr<builder::Builder> builder;
  std::unique_ptr<builder::BuildExecutor> executor;
  std::unique_ptr<scheduler::Preparer> preparer;
  std::unique_ptr<DbLeaseStore> leases;
  std::unique_ptr<fleet::Dispatcher> lab_machines;
  std::unique_ptr<SpaceWatch> space;
  std::unique_ptr<Backend> backend;
  std::unique_ptr<Review> review;
  std::unique_ptr<Doors> doors;  ///< null: only the data folder's socket
  std::unique_ptr<MachinesView> machines;
  std::unique_ptr<HealthDesk> health_desk;
  std::unique_ptr<fleet::HealthKeeper> health;  ///< null: nobody checks machines here
  std::unique_ptr<Keeper> keeper;               ///< null: timetables start nothing here
  std::unique_ptr<Schedules> schedules;
  std::unique_ptr<Keeping> keeping;
  std::unique_ptr<LabService> lab;
  std::unique_ptr<Visits> visits;
  std::unique_ptr<MachinesService> machines_service;
  std::unique_ptr<ReviewService> review_service;
  std::unique_ptr<ScheduleService> schedule_service;
  std::unique_ptr<KeepingService> keeping_service;
  std::unique_ptr<LiveService> live;
  std::unique_ptr<Findings> findings;
  std::unique_ptr<FindingsService> findings_service;
  std::unique_ptr<History> history;
  std::unique_ptr<HistoryService> history_service;
  std::unique_ptr<Logs> logs;
  std::unique_ptr<LogsService> logs_service;
  std::unique_ptr<AgentLinkService> link;
  std::unique_ptr<Watching> watching;
  std::unique_ptr<grpc::Server> server;
  std::unique_ptr<Gateway> gateway;  ///< null: no dashboard
  os::Path socket;
  std::string target;
  bool serves_a_lab = false;

  Status open_stores(const ControllerOptions& options);
  Status open_builder(const ControllerOptions& options);
  Status serve(const ControllerOptions& options);
  void count(const ControllerOptions& options);
  void watch(const ControllerOptions& options);
  Status show(const DashboardOptions& options);
  void open_space(const ControllerOptions& options);
  KeeperParts keeper_parts();
  fleet::HealthParts health_parts(const lab::HealthRules& rules);
  KeepingParts keeping_parts(const ControllerOptions& options);
};

Status Controller::Impl::open_stores(const ControllerOptions& options) {
  const os::Path file = options.data_dir / "kiln.db";
  if (options.access != Access::kRun) {
    std::error_code code;
    if (!std::filesystem::exists(file, code)) {
      return fail(
          Error(ErrorKind::kNotFound, "no runs in " + options.data_dir.string())
              .with_hint("kiln run JOB makes the first one; --data-dir names another folder"));
    }
    KILN_ASSIGN(database, options.access == Access::kRead ? db::Database::open_read_only(file)
                                                          : db::Database::open(file));
  } else {
    KILN_TRY(os::make_dirs(options.data_dir));
    KILN_ASSIGN(lock, os::FileLock::acquire(options.data_dir / "lock"));
    KILN_ASSIGN(database, db::Database::open(file));
  }
  KILN_ASSIGN(blobs, blob::BlobStore::open(options.data_dir / "blobs"));
  store = std::make_unique<results::DbRunStore>(*database, *blobs, clock);
  if (options.access == Access::kRun && !options.serves_a_lab)
    KILN_TRY(store->interrupt_abandoned());
  store->set_tags_of([this](const std::string& machine) { return fleet.tags_of(machine); });
  board = std::make_unique<live::Board>(clock);
  hub =
      std::make_unique<results::EventHub>(clock, [this](int64_t run_id, const v1::RunEvent& event) {
        store->append_event(run_id, event);
        const bool ends = event.kind() == "finished";
        board->post({0, "run", run_id, "", ends ? "done" : "running"});
        if (ends || event.kind() == "verdict") board->post({0, "finding", run_id});
      });
  return {};
}

Status Controller::Impl::open_builder(const ControllerOptions& options) {
  sink = std::make_unique<BlobSink>(*blobs);
  const os::Path builds = options.slurm ? options.slurm->shared : options.data_dir;
  if (builds != options.data_dir) {
    KILN_TRY(os::make_dirs(builds));
    KILN_ASSIGN(shared_lock, os::FileLock::acquire(builds / "lock"));
  }
  intake::Options intake_options;
  intake_options.data_dir = builds;
  KILN_ASSIGN(intake, intake::Intake::open(intake_options));
  builder::BuilderOptions builder_options;
  builder_options.data_dir = builds;
  builder_options.ccache_dir = options.ccache_dir;
  builder_options.jobs = options.jobs;
  KILN_ASSIGN(builder, builder::Builder::open(builder_options, intake->git(), *sink));
  preparer = std::make_unique<scheduler::Preparer>(*intake, *builder, options.known_tests);
  executor = std::make_unique<builder::LocalExecutor>(*builder);
  if (options.slurm) {
    KILN_ASSIGN(executor,
                slurm::SlurmExecutor::open(*options.slurm, *builder, *sink, intake->git(), clock));
  }
  return {};
}

Status Controller::Impl::serve(const ControllerOptions& options) {
  leases = std::make_unique<DbLeaseStore>(*database, clock);
  fleet::DispatcherOptions lab_options;
  lab_options.home = os::host_id();
  lab_options.quarantine_after = options.quarantine_after;
  if (metrics) {
    lab_options.on_grant = [this](const lab::Grant& grant, Millis waited) {
      metrics->waited(std::string(lab::to_string(grant.priority)),
                      std::chrono::duration<double>(waited).count());
    };
    lab_options.on_error = [this](const std::string& error) { metrics->error(error); };
  }
  lab_options.on_change = [this] {
    board->post({0, "machine"});
    board->post({0, "queue"});
  };
  lab_options.build_places = options.builds_at_once;
  lab_options.builds_here = !options.slurm;
  lab_options.warn = [](const std::string& words) { log::line(log::Level::kWarning, words); };
  lab_machines = std::make_unique<fleet::Dispatcher>(fleet, *leases, clock, lab_options);
  if (options.access == Access::kRun) KILN_TRY(lab_machines->load());
  BackendParts parts{clock,    *store,         *blobs,        *lab_machines, *hub,
                     consoles, preparer.get(), builder.get(), executor.get()};
  parts.bundles = options.data_dir / "bundles";
  open_space(options);
  parts.may_start = [this] { return space->check(); };
  parts.limits = options.limits;
  if (options.serves_a_lab) parts.no_machine = Millis(0);
  backend = std::make_unique<Backend>(parts);
  if (options.serves_a_lab) {
    health_desk = std::make_unique<HealthDesk>(*database, *store, *backend, *lab_machines);
    health = std::make_unique<fleet::HealthKeeper>(health_parts(options.health));
  }
  visits = std::make_unique<Visits>(*database, *store, *lab_machines, fleet, health_desk.get());
  machines = std::make_unique<MachinesView>(*lab_machines, fleet, clock, *visits, health.get());
  review = std::make_unique<Review>(ReviewParts{
      clock, *database, *store, options.access == Access::kRun ? backend.get() : nullptr});
  if (options.serves_a_lab) {
    KILN_ASSIGN(
        doors, Doors::open({options.data_dir / "pki", options.listen, options.listen_agents}, clock,
                           *database, fleet));
  }
  const UserOf user_of = doors ? doors->user_of() : [](const grpc::ServerContextBase&) {
    return std::string("local");
  };
  const MayKeep may_keep =
      doors ? doors->may_keep() : [](const grpc::ServerContextBase&) { return true; };
  const StillIn still_in =
      doors ? doors->still_in()
            : [](const grpc::ServerContextBase&, const std::string&) { return Status(); };
  lab = std::make_unique<LabService>(*backend, user_of, may_keep, still_in);
  machines_service = std::make_unique<MachinesService>(*machines, user_of, may_keep, still_in);
  // A lab in one process starts nothing by itself: nobody looks at the clock there.
  if (options.serves_a_lab) keeper = std::make_unique<Keeper>(keeper_parts());
  schedules = std::make_unique<Schedules>(SchedulesParts{clock, *database, keeper.get()});
  review_service = std::make_unique<ReviewService>(*review, user_of);
  keeping = std::make_unique<Keeping>(keeping_parts(options));
  keeping_service = std::make_unique<KeepingService>(*keeping, user_of);
  schedule_service = std::make_unique<ScheduleService>(*schedules, user_of);
  live = std::make_unique<LiveService>(*board, user_of, still_in);
  findings = std::make_unique<Findings>(clock, *database);
  findings_service = std::make_unique<FindingsService>(*findings, user_of, may_keep);
  history = std::make_unique<History>(clock, *database, *blobs);
  history_service = std::make_unique<HistoryService>(*history);
  logs = std::make_unique<Logs>(LogsParts{*database, *store, *blobs, consoles});
  logs_service = std::make_unique<LogsService>(*logs);
  link = std::make_unique<AgentLinkService>(fleet, *blobs, options.data_dir / "arriving");
  KILN_ASSIGN(socket, socket_path(options.data_dir, options.access));
  std::error_code code;
  std::filesystem::remove(socket, code);
  target = "unix:" + socket.string();
  grpc::ServerBuilder server_builder;
  rpc::configure(server_builder);
  std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> lookers;
  lookers.push_back(notice_changes(*board));
  if (doors)
    doors->add_to(server_builder, std::move(lookers));
  else
    server_builder.experimental().SetInterceptorCreators(std::move(lookers));
  server_builder.AddListeningPort(target, grpc::InsecureServerCredentials());
  server_builder.RegisterService(lab.get());
  server_builder.RegisterService(review_service.get());
  server_builder.RegisterService(machines_service.get());
  server_builder.RegisterService(schedule_service.get());
  server_builder.RegisterService(keeping_service.get());
  server_builder.RegisterService(live.get());
  server_builder.RegisterService(findings_service.get());
  server_builder.RegisterService(history_service.get());
  server_builder.RegisterService(logs_service.get());
  server_builder.RegisterService(link.get());
  server = server_builder.BuildAndStart();
  if (!server) return fail(ErrorKind::kInfrastructure, "cannot listen on " + socket.string());
  std::filesystem::permissions(socket, std::filesystem::perms::owner_all, code);
  if (!doors) return {};
  KILN_TRY(doors->check_users_port());
  return doors->serve_agents(*link);
}

/// What happens is counted where it is written.
void Controller::Impl::count(const ControllerOptions& options) {
  if (!options.serves_a_lab) return;
  metrics = std::make_unique<Metrics>(KILN_VERSION);
  database->set_observer(
      [this](bool writes, double seconds) { metrics->database_used(writes, seconds); });
  results::DbRunStore::Counters counters;
  counters.took = [this](const std::string& kind, double seconds) {
    constexpr std::string_view kBuild = "build-";
    if (kind.starts_with(kBuild)) metrics->build_ended(kind.substr(kBuild.size()), seconds);
  };
  counters.session_ended = [this](const v1::Session& session) {
    metrics->session_ended(session.purpose(), session.ending(), session.elapsed_seconds());
  };
  counters.build_failed = [this] { metrics->build_failed(); };
  counters.run_started = [this](const std::string& priority) { metrics->run_started(priority); };
  store->set_counters(std::move(counters));
}

/// A lab that cannot be watched works all the same, and says so.
void Controller::Impl::watch(const ControllerOptions& options) {
  if (!metrics || options.listen_metrics.empty()) return;
  watching = std::make_unique<Watching>(WatchingParts{clock, *metrics, fleet, *lab_machines, *space,
                                                      *database, options.data_dir / "kiln.db"});
  const Status served = watching->serve(options.listen_metrics);
  if (!served)
    log::line(log::Level::kError, "figures and health are not served",
              {{"error", served.error().message}});
}

/// Somebody else's port is no reason to stop a lab's work; a wrong address is.
Status Controller::Impl::show(const DashboardOptions& options) {
  if (options.listen.empty() || (!doors && options.key.empty())) return {};
  auto visitors = doors ? doors->visitors(options.guests) : key_visitors(options.key);
  GatewayOptions asked{options.listen, options.certificate, options.hosts, options.app};
  KILN_ASSIGN(const http::Address address, http::split_address(options.listen));
  if (asked.certificate.empty() && doors && !http::is_loopback(address.host))
    asked.certificate = doors->certificate();
  auto started =
      Gateway::start(std::move(asked), server->InProcessChannel({}), std::move(visitors));
  if (started) {
    gateway = std::move(*started);
  } else if (started.error().kind == ErrorKind::kBadInput || !doors) {
    return fail(started.error());
  } else {
    log::line(log::Level::kError, "the dashboard is not served",
              {{"error", started.error().message}});
  }
  return {};
}

void Controller::Impl::open_space(const ControllerOptions& options) {
  SpaceParts parts;
  parts.folder = options.data_dir;
  parts.mark = options.min_free;
  parts.changed = [this](const std::string& why) {
    lab_machines->pause(why);
    if (why.empty())
      log::line(log::Level::kInfo, "there is space again: new work is taken");
    else
      log::line(log::Level::kWarning, "no new work is taken; what runs goes on", {{"why", why}});
  };
  space = std::make_unique<SpaceWatch>(std::move(parts));
  if (options.serves_a_lab) space->start();
}

KeeperParts Controller::Impl::keeper_parts() {
  KeeperParts parts{clock, *database, nullptr, nullptr, nullptr};
  parts.look = [this](const std::string& job_file, const std::stop_token& stop) {
    return backend->look_at(job_file, stop);
  };
  parts.start = [this](const StartAsk& ask) {
    return backend->start_planned({ask.job_file}, ask.key, "schedule " + ask.schedule,
                                  lab::Priority::kNightly);
  };
  parts.ended = [this](const RunEnd& end) {
    return search_commits(*database, *store, *backend, end);
  };
  parts.is_running = [this](int64_t run_id) { return backend->is_running(run_id); };
  parts.log = [](const std::string& line) { log::line(log::Level::kInfo, line); };
  return parts;
}

fleet::HealthParts Controller::Impl::health_parts(const lab::HealthRules& rules) {
  fleet::HealthParts parts{clock, nullptr, nullptr, nullptr, nullptr, nullptr};
  parts.rules = rules;
  parts.machines = [this] { return lab_machines->quarantined(); };
  parts.start = [this](const std::string& machine) { return health_desk->start(machine); };
  parts.outcome = [this](int64_t run) { return health_desk->outcome(run); };
  parts.cancel = [this](int64_t run) {
    (void)backend->cancel_run(run, "local", true);
  };  // it may have ended
  parts.restore = [this](const std::string& machine) {
    return lab_machines->set_health(machine, "good", "a health check passed");
  };
  parts.log = [](const std::string& line) { log::line(log::Level::kInfo, line); };
  return parts;
}

KeepingParts Controller::Impl::keeping_parts(const ControllerOptions& options) {
  KeepingParts parts{clock, *database, *blobs, options.data_dir};
  parts.may_clear = options.access == Access::kRun;
  parts.rules = options.keeping;
  // No row names these: lists of the machines' tests, and ends that wait for their runs.
  parts.in_use = [this] {
    std::set<std::string> digests = lab_machines->artifacts_in_memory();
    const fleet::MachineList machines_now = fleet.machines();
    for (const fleet::Machine& machine : *machines_now) digests.insert(machine.info.test_names());
    return digests;
  };
  return parts;
}

Controller::Controller(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Controller>> Controller::open(const ControllerOptions& options) {
  auto impl = std::make_unique<Impl>();
  KILN_TRY(impl->open_stores(options));
  impl->count(options);
  if (options.access == Access::kRun) KILN_TRY(impl->open_builder(options));
  // Before agents can come: what they report of earlier runs has a listener then.
  impl->serves_a_lab = options.serves_a_lab;
  KILN_TRY(impl->serve(options));
  const Status shown = impl->show(options.dashboard);
  if (!shown) {
    Controller(std::move(impl)).stop();
    return fail(shown.error());
  }
  if (options.serves_a_lab) {
    KILN_TRY(impl->backend->go_on(
        [review = impl->review.get()](const db::RunRow& row) { return review->repro_again(row); }));
    impl->keeper->start();
    impl->health->start();
    impl->keeping->start();
    impl->watch(options);
  }
  return std::unique_ptr<Controller>(new Controller(std::move(impl)));
}

Controller::~Controller() {
  stop();
}

std::string Controller::ports() const {
  std::string words = impl_->doors ? impl_->doors->ports() : "only its own socket";
  if (dashboard_port() > 0) words += fmt::format(" dashboard {}", dashboard_port());
  if (impl_->watching && impl_->watching->port() > 0)
    words += fmt::format(" metrics {}", impl_->watching->port());
  return words;
}

int Controller::dashboard_port() const {
  return impl_->gateway ? impl_->gateway->port() : 0;
}

const std::string& Controller::target() const {
  return impl_->target;
}

void Controller::set_min_free(uint64_t bytes) {
  impl_->space->set_mark(bytes);
}

void Controller::set_keeping(const KeepingRules& rules) {
  impl_->keeping->set_rules(rules);
}

void Controller::stop() {
  if (!impl_->server) return;
  // First the runs, while agents can still be told; then the wire.
  if (impl_->keeper) impl_->keeper->stop();
  if (impl_->health) impl_->health->stop();
  if (impl_->watching) impl_->watching->stop();
  impl_->gateway.reset();
  impl_->keeping->stop();
  impl_->space->stop();
  impl_->serves_a_lab ? impl_->backend->leave() : impl_->backend->stop();
  if (impl_->doors) impl_->doors->stop(std::chrono::system_clock::now() + kServerGrace);
  impl_->server->Shutdown(std::chrono::system_clock::now() + kServerGrace);
  impl_->server->Wait();
  impl_->server.reset();
  std::error_code code;
  std::filesystem::remove(impl_->socket, code);
  if (impl_->socket.parent_path().filename().string().starts_with("kiln-"))
    std::filesystem::remove(impl_->socket.parent_path(), code);
}

}  // namespace kiln::controller
