/// kilnd: the controller as a daemon.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>
#include <thread>

#include "controller/app/controller.h"
#include "controller/builder/worker.h"
#include "controller/daemon/config.h"
#include "controller/gateway/gateway.h"
#include "lib/log/log.h"
#include "lib/os/daemon.h"
#include "lib/os/host.h"
#include "lib/rpc/grpc_log.h"

namespace kiln::controller {
namespace {

constexpr Millis kTick{1000};
constexpr int kWrongUse = 2;
constexpr int kFailed = 1;
constexpr const char* kWorkerCommand = "build-worker";

void set_up_log(const DaemonConfig& config) {
  log::set_up(config.log_format == "json" ? log::Format::kJson : log::Format::kText,
              *log::level_from(config.log_level));
}

KeepingRules keeping_of(const DaemonConfig& config) {
  return {{config.keep_runs, config.keep_days, config.keep_open_findings}, config.clear_every};
}

ControllerOptions options_of(const DaemonConfig& config) {
  ControllerOptions options;
  options.data_dir = config.data_dir;
  options.ccache_dir = config.ccache_dir;
  options.jobs = config.jobs > 0
                     ? config.jobs
                     : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  options.serves_a_lab = true;
  if (config.listen != "none") options.listen = config.listen;
  if (config.listen_agents != "none") options.listen_agents = config.listen_agents;
  if (config.listen_metrics != "none") options.listen_metrics = config.listen_metrics;
  if (config.listen_dashboard != "none") options.dashboard.listen = config.listen_dashboard;
  options.dashboard.certificate = config.dashboard_certificate;
  options.dashboard.hosts = config.dashboard_hosts;
  options.dashboard.guests = config.viewer_without_sign_in;
  const char* home = std::getenv("KILN_HOME");
  options.dashboard.app = find_app(os::own_program(), home != nullptr ? home : "");
  options.quarantine_after = config.quarantine_after;
  options.limits = {config.runs_a_user, config.submissions_a_minute};
  options.health.first = config.health_check_after;
  options.health.longest = std::max(options.health.longest, config.health_check_after);
  options.keeping = keeping_of(config);
  options.min_free = config.min_free;
  if (config.builds != "slurm") return options;
  slurm::SlurmOptions slurm;
  slurm.partition = config.slurm.partition;
  slurm.account = config.slurm.account;
  slurm.extra = config.slurm.extra;
  slurm.shared = config.slurm.shared;
  slurm.scratch = config.slurm.scratch;
  slurm.queue_limit = config.slurm.queue_limit;
  slurm.jobs = options.jobs;
  slurm.version = KILN_VERSION;
  // The nodes have this program at the same path: what asks and what builds are one version.
  slurm.worker = {os::own_program(), kWorkerCommand};
  options.slurm = std::move(slurm);
  options.builds_at_once = config.slurm.builds_at_once;
  return options;
}

/// What can change while it runs; the rest is named, so that nobody waits for it in vain.
void reload(DaemonConfig* config, Controller* controller) {
  const auto now = load_daemon_config(config->file);
  if (!now) {
    log::line(log::Level::kError, "configuration refused, the old one stays in force",
              {{"error", render(now.error())}});
    return;
  }
  const bool restart = now->data_dir != config->data_dir || now->listen != config->listen ||
                       now->listen_agents != config->listen_agents ||
                       now->listen_metrics != config->listen_metrics ||
                       now->listen_dashboard != config->listen_dashboard ||
                       now->dashboard_certificate != config->dashboard_certificate ||
                       now->dashboard_hosts != config->dashboard_hosts ||
                       now->viewer_without_sign_in != config->viewer_without_sign_in ||
                       now->jobs != config->jobs ||
                       now->quarantine_after != config->quarantine_after ||
                       now->health_check_after != config->health_check_after ||
                       now->runs_a_user != config->runs_a_user ||
                       now->submissions_a_minute != config->submissions_a_minute ||
                       now->ccache_dir != config->ccache_dir || now->builds != config->builds ||
                       now->slurm != config->slurm;
  config->log_format = now->log_format;
  config->log_level = now->log_level;
  config->keep_runs = now->keep_runs;
  config->keep_days = now->keep_days;
  config->keep_open_findings = now->keep_open_findings;
  config->clear_every = now->clear_every;
  config->min_free = now->min_free;
  set_up_log(*config);
  controller->set_keeping(keeping_of(*config));
  controller->set_min_free(config->min_free);
  log::line(
      log::Level::kInfo, "configuration read again",
      {{"file", config->file},
       {"needs_restart", restart ? "yes: docs/kilnd.md names what changes while it runs" : "no"}});
}

int serve(DaemonConfig config) {
  set_up_log(config);
  rpc::take_grpc_log([](const std::string& words) {
    log::line(log::Level::kWarning, "gRPC", {{"words", words}});
  });
  auto controller = Controller::open(options_of(config));
  if (!controller) {
    std::cerr << render(controller.error()) << "\n";
    return kFailed;
  }
  log::line(log::Level::kInfo, "kilnd serves",
            {{"version", KILN_VERSION},
             {"data", config.data_dir},
             {"at", (*controller)->target()},
             {"ports", (*controller)->ports()}});
  os::tell_systemd("READY=1\nSTATUS=serving");
  while (true) {
    const os::Asked asked = os::wait_for_signal(kTick);
    if (asked == os::Asked::kStop) break;
    if (asked == os::Asked::kReload) reload(&config, controller->get());
  }
  os::tell_systemd("STOPPING=1");
  log::line(log::Level::kInfo, "kilnd stops; running sessions go on at their agents");
  (*controller)->stop();
  return 0;
}

int main_checked(int argc, char** argv) {
  os::hold_signals();
  CLI::App app{"kilnd: the controller of a Kiln lab, as a daemon in the foreground", "kilnd"};
  std::string file = "/etc/kiln/kilnd.yaml";
  bool check = false;
  std::string build;
  app.set_version_flag("--version", KILN_VERSION);
  app.add_option("--config", file, "its configuration")->capture_default_str();
  app.add_flag("--check", check, "only read the configuration");
  // For Slurm's jobs; not for people.
  app.add_subcommand(kWorkerCommand, "makes the kernel that a folder asks for")
      ->group("")
      ->add_option("FOLDER", build)
      ->required();
  app.footer(
      "SIGHUP reads the configuration again; SIGTERM stops, and running sessions go on at their"
      " agents.\nExamples:\n  kiln lab init /var/lib/kiln    makes a lab and its kilnd.yaml\n"
      "  kilnd --config /var/lib/kiln/kilnd.yaml");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error, std::cout, std::cerr) == 0 ? 0 : kWrongUse;
  }
  if (!build.empty()) return builder::worker_main(build, KILN_VERSION);
  auto config = load_daemon_config(file);
  if (!config) {
    std::cerr << render(config.error()) << "\n";
    return kWrongUse;
  }
  if (check) {
    std::cout << file << ": well-formed\n";
    return 0;
  }
  return serve(std::move(*config));
}

}  // namespace
}  // namespace kiln::controller

int main(int argc, char** argv) {
  return kiln::controller::main_checked(argc, argv);
}
