/// kiln-agent: test machines of one site for a controller elsewhere.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "agent/app.h"
#include "agent/daemon/config.h"
#include "lib/base/text.h"
#include "lib/log/log.h"
#include "lib/os/daemon.h"

namespace kiln::agent {
namespace {

constexpr Millis kTick{500};
constexpr int kWrongUse = 2;
constexpr int kFailed = 1;

void set_up_log(const DaemonConfig& config) {
  log::set_up(config.log_format == "json" ? log::Format::kJson : log::Format::kText,
              *log::level_from(config.log_level));
}

void reload(DaemonConfig* config) {
  const auto now = load_daemon_config(config->file);
  if (!now) {
    log::line(log::Level::kError, "configuration refused, the old one stays in force",
              {{"error", render(now.error())}});
    return;
  }
  config->log_format = now->log_format;
  config->log_level = now->log_level;
  set_up_log(*config);
  log::line(log::Level::kInfo,
            "configuration read again: the log's fields; the rest needs a restart",
            {{"file", config->file}});
}

int serve(DaemonConfig config) {
  set_up_log(config);
  AgentConfig agent_config;
  agent_config.name = config.name;
  agent_config.target = config.controller;
  agent_config.data_dir = config.data_dir;
  agent_config.images_dir = config.images_dir;
  agent_config.machines = config.machines;
  agent_config.simulated = {config.simulated, static_cast<uint64_t>(config.simulated_seed),
                            Millis(config.simulated_ms), config.simulated_troubles};
  auto agent = Agent::start(agent_config);
  if (!agent) {
    std::cerr << render(agent.error()) << "\n";
    return kFailed;
  }
  log::line(log::Level::kInfo, "kiln-agent works",
            {{"version", KILN_VERSION},
             {"name", config.name},
             {"controller", config.controller},
             {"machines", join(config.machines, ",")}});
  os::tell_systemd("READY=1");
  bool was_connected = false;
  while (true) {
    const os::Asked asked = os::wait_for_signal(kTick);
    if (asked == os::Asked::kStop) break;
    if (asked == os::Asked::kReload) reload(&config);
    const bool connected = (*agent)->connected();
    if (connected != was_connected)
      log::line(connected ? log::Level::kInfo : log::Level::kWarning,
                connected ? "connected" : "the controller is away; sessions go on",
                {{"controller", config.controller}});
    was_connected = connected;
  }
  os::tell_systemd("STOPPING=1");
  log::line(log::Level::kInfo, "kiln-agent stops");
  agent->reset();
  return 0;
}

int main_checked(int argc, char** argv) {
  os::hold_signals();
  CLI::App app{"kiln-agent: test machines of one site for a Kiln controller, in the foreground",
               "kiln-agent"};
  std::string file = "/etc/kiln/agent.yaml";
  bool check = false;
  app.set_version_flag("--version", KILN_VERSION);
  app.add_option("--config", file, "its configuration")->capture_default_str();
  app.add_flag("--check", check, "only read the configuration");
  app.footer(
      "SIGHUP reads the configuration again; SIGTERM stops: a running session is cancelled and its"
      " end kept until a controller has it.\nExample:\n  kiln-agent --config agent.yaml");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error, std::cout, std::cerr) == 0 ? 0 : kWrongUse;
  }
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
}  // namespace kiln::agent

int main(int argc, char** argv) {
  return kiln::agent::main_checked(argc, argv);
}
