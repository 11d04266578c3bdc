/// kiln-agent: test machines of one site for a controller elsewhere.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "agent/app.h"
#include "agent/daemon/config.h"
#include "lib/base/text.h"
#include "lib/log/log.h"
#include "lib/os/daemon.h"
#include "lib/os/files.h"
#include "lib/rpc/enrol.h"

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
  agent_config.identity_dir = config.identity_dir;
  agent_config.data_dir = config.data_dir;
  agent_config.images_dir = config.images_dir;
  agent_config.machines = config.machines;
  agent_config.lab = config.lab;
  agent_config.simulated = {config.simulated, static_cast<uint64_t>(config.simulated_seed),
                            Millis(config.simulated_ms), config.simulated_troubles,
                            config.simulated_trouble};
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

/// images/ of the checkout that ./kiln-agent names or that this program was built in, else a name
/// to be filled in.
std::string recipes_folder() {
  std::error_code code;
  if (const char* home = std::getenv("KILN_HOME"); home != nullptr)
    if (const os::Path images = os::Path(home) / "images"; std::filesystem::exists(images, code))
      return images.string();
  std::filesystem::path at = std::filesystem::read_symlink("/proc/self/exe", code);
  for (; at.has_relative_path(); at = at.parent_path())
    if (std::filesystem::is_directory(at / "images" / "forky-i386",
                                      code))  // or an error: it is not
      return (at / "images").string();
  return "/path/to/kiln/images";
}

/// "host:7420" -> "host:7421"; what is no such address stays as it is.
std::string next_port(const std::string& address) {
  const size_t colon = address.rfind(':');
  int port = 0;
  if (colon == std::string::npos ||
      std::from_chars(address.data() + colon + 1, address.data() + address.size(), port).ec !=
          std::errc())
    return address;
  return fmt::format("{}:{}", address.substr(0, colon), port + 1);
}

/// The agent's identity, and a configuration to start with when there is none.
Status enrol_here(rpc::EnrolAsk ask, std::string controller, const os::Path& folder) {
  if (controller.empty()) controller = next_port(ask.target);
  KILN_TRY(os::make_dirs(folder / "identity"));
  ask.folder = folder / "identity";
  KILN_ASSIGN(const pki::Facts facts, rpc::enrol(ask));
  const os::Path config = folder / "agent.yaml";
  std::error_code code;
  if (!std::filesystem::exists(config, code))
    KILN_TRY(os::write_atomic(
        config, fmt::format("# kiln-agent's configuration; docs/kiln-agent.md says what each field"
                            " means.\nagent: 1\nname: {}\ncontroller: \"{}\"\nidentity_dir: "
                            "identity\ndata_dir: data\n# Kiln's recipes for root images.\n"
                            "images_dir: {}\n# Embedded machines to offer.\nmachines: "
                            "[{}-qemu-1]\n",
                            ask.agent, controller, recipes_folder(), ask.agent)));
  std::cout << fmt::format("{} is enrolled until {}\nnext: kiln-agent --config {}\n", ask.agent,
                           to_rfc3339(facts.not_after), config.string());
  return {};
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
  CLI::App* enrol = app.add_subcommand("enrol", "get this agent's certificate, once");
  rpc::EnrolAsk ask;
  std::string folder = "/var/lib/kiln-agent";
  std::string controller;
  enrol->add_option("--lab", ask.target, "where the lab's people come in: HOST:7420")->required();
  enrol->add_option("--controller", controller,
                    "where its agents come in; else the same host, the next port");
  enrol->add_option("--name", ask.agent, "the name that the code was made for")->required();
  enrol->add_option("--code", ask.code, "from kiln agent invite")->required();
  enrol->add_option("--fingerprint", ask.ca_fingerprint, "of the lab's authority")->required();
  enrol->add_option("--folder", folder, "gets the identity and an agent.yaml")
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error, std::cout, std::cerr) == 0 ? 0 : kWrongUse;
  }
  if (enrol->parsed()) {
    const auto done = enrol_here(ask, controller, folder);
    if (done) return 0;
    std::cerr << render(done.error()) << "\n";
    return done.error().kind == ErrorKind::kBadInput ? kWrongUse : kFailed;
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
