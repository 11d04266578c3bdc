#include "controller/daemon/config.h"

#include <filesystem>

#include "lib/slurm/slurm.h"

namespace kiln::controller {
namespace {

/// At the place of the option that cannot be.
Status check_extra(const conf::Node& node) {
  const auto* const extra = node.find("extra");
  if (extra == nullptr) return {};
  const conf::Node list = node.member(*extra);
  for (size_t i = 0; i < list.value().items.size(); ++i)
    if (const std::string why = slurm::check_extra(list.value().items[i].text); !why.empty())
      return fail(list.item(i).error(why, "the others are in docs/kilnd.md"));
  return {};
}

conf::Object slurm_table(SlurmConfig* config) {
  constexpr Millis kMinute{60'000};
  return conf::Object()
      .optional("partition", conf::text(&config->partition))
      .optional("account", conf::text(&config->account))
      .optional("extra", conf::text_list(&config->extra))
      .optional("shared", conf::path(&config->shared, conf::PathKind::kAny))
      .optional("scratch", conf::path(&config->scratch, conf::PathKind::kAny))
      .optional("queue_limit",
                conf::duration(&config->queue_limit, kMinute, 30 * 24 * 60 * kMinute))
      .optional("builds_at_once", conf::integer(&config->builds_at_once, 1, 256))
      .check(check_extra);
}

/// What nobody would read is a mistake.
Status check_builds(const conf::Node& node, const DaemonConfig& config) {
  if (config.builds != "local" || node.find("slurm") == nullptr) return {};
  return fail(node.error_at_field("slurm", "builds are local, so nothing goes to Slurm",
                                  "write `builds: slurm`"));
}

conf::Object table(DaemonConfig* config, int* format) {
  return conf::Object()
      .required("kilnd", conf::integer(format, 1, 1))
      .required("data_dir", conf::path(&config->data_dir, conf::PathKind::kAny))
      .optional("ccache_dir", conf::path(&config->ccache_dir, conf::PathKind::kAny))
      .optional("listen", conf::text(&config->listen))
      .optional("listen_agents", conf::text(&config->listen_agents))
      .optional("listen_metrics", conf::text(&config->listen_metrics))
      .optional("listen_dashboard", conf::text(&config->listen_dashboard))
      .optional("dashboard_certificate",
                conf::path(&config->dashboard_certificate, conf::PathKind::kFile))
      .optional("dashboard_hosts", conf::text_list(&config->dashboard_hosts))
      .optional("viewer_without_sign_in", conf::boolean(&config->viewer_without_sign_in))
      .optional("jobs", conf::integer(&config->jobs, 0, 1024))
      .optional("quarantine_after", conf::integer(&config->quarantine_after, 0, 1000))
      .optional("health_check_after",
                conf::duration(&config->health_check_after, Millis(1000), std::chrono::hours(24)))
      .optional("min_free", conf::size(&config->min_free, 0, 1ULL << 50))
      .optional("keep_runs", conf::integer(&config->keep_runs, 0, 1'000'000))
      .optional("keep_days", conf::integer(&config->keep_days, 0, 36'500))
      .optional("keep_open_findings", conf::boolean(&config->keep_open_findings))
      .optional("clear_every",
                conf::duration(&config->clear_every, Millis(1000), Millis(7 * 24 * 3'600'000)))
      .optional("builds", conf::one_of(&config->builds, {"local", "slurm"}))
      .optional("slurm", conf::object(slurm_table(&config->slurm)))
      .optional("runs_a_user", conf::integer(&config->runs_a_user, 0, 1'000'000))
      .optional("submissions_a_minute", conf::integer(&config->submissions_a_minute, 0, 1'000'000))
      .optional("log_format", conf::one_of(&config->log_format, {"text", "json"}))
      .optional("log_level",
                conf::one_of(&config->log_level, {"debug", "info", "warning", "error"}))
      .check([config](const conf::Node& node) { return check_builds(node, *config); });
}

}  // namespace

Result<DaemonConfig> load_daemon_config(const std::string& path) {
  KILN_ASSIGN(const conf::Document document, conf::load(path));
  DaemonConfig config;
  int format = 1;
  KILN_TRY(table(&config, &format).read(conf::Node(document)));
  config.file = path;
  if (config.ccache_dir.empty())
    config.ccache_dir = (std::filesystem::path(config.data_dir) / "ccache").string();
  if (config.slurm.shared.empty()) config.slurm.shared = config.data_dir;
  return config;
}

std::vector<conf::FieldDoc> daemon_config_fields() {
  DaemonConfig config;
  int format = 1;
  return table(&config, &format).fields();
}

}  // namespace kiln::controller
