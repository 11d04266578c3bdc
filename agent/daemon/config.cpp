#include "agent/daemon/config.h"

#include <fmt/format.h>

#include "lib/machine/read.h"

namespace kiln::agent {
namespace {

conf::Object table(DaemonConfig* config, int* format) {
  return conf::Object()
      .required("agent", conf::integer(format, 1, 1))
      .required("name", conf::name(&config->name))
      .required("controller", conf::text(&config->controller))
      .optional("identity_dir", conf::path(&config->identity_dir, conf::PathKind::kFolder))
      .required("data_dir", conf::path(&config->data_dir, conf::PathKind::kAny))
      .required("images_dir", conf::path(&config->images_dir, conf::PathKind::kFolder))
      .optional("machines", conf::text_list(&config->machines))
      .optional("machines_file", conf::path(&config->machines_file, conf::PathKind::kFile))
      .optional("simulated", conf::integer(&config->simulated, 0, 10'000))
      .optional("simulated_seed", conf::integer(&config->simulated_seed, 0, 1'000'000'000))
      .optional("simulated_ms", conf::integer(&config->simulated_ms, 0, 3'600'000))
      .optional("simulated_troubles", conf::integer(&config->simulated_troubles, 0, 100))
      .optional("simulated_trouble",
                conf::one_of(&config->simulated_trouble, {"any", "slow-boot", "panic", "hang",
                                                          "lost", "garbage", "wrong-kernel"}))
      .optional("log_format", conf::one_of(&config->log_format, {"text", "json"}))
      .optional("log_level",
                conf::one_of(&config->log_level, {"debug", "info", "warning", "error"}))
      .check([config](const conf::Node& node) -> Status {
        if (config->identity_dir.empty() && !config->controller.starts_with("unix:"))
          return fail(node.error_at_field("controller",
                                          "needs `identity_dir`: a controller elsewhere",
                                          "kiln-agent enrol makes it"));
        return {};
      });
}

}  // namespace

Result<DaemonConfig> load_daemon_config(const std::string& path) {
  KILN_ASSIGN(const conf::Document document, conf::load(path));
  DaemonConfig config;
  int format = 1;
  KILN_TRY(table(&config, &format).read(conf::Node(document)));
  config.file = path;
  if (config.machines_file.empty()) return config;
  KILN_ASSIGN(config.lab, machine::load_lab_file(config.machines_file));
  for (const std::string& name : config.machines)
    if (config.lab.find(name) != nullptr)
      return fail(conf::Node(document).error_at_field(
          "machines", fmt::format("{} is also a machine of {}", name, config.machines_file)));
  return config;
}

std::vector<conf::FieldDoc> daemon_config_fields() {
  DaemonConfig config;
  int format = 1;
  return table(&config, &format).fields();
}

}  // namespace kiln::agent
