#include "controller/daemon/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/os/files.h"

namespace kiln::controller {
namespace {

using testing::HasSubstr;

Result<DaemonConfig> load(const std::string& text) {
  const auto folder = os::TempFolder::make(std::filesystem::temp_directory_path(), "kilnd-test-");
  const os::Path file = folder->path() / "kilnd.yaml";
  EXPECT_TRUE(os::write_atomic(file, text));
  return load_daemon_config(file.string());
}

TEST(KilndConfig, DefaultsAreALabOnThisComputer) {
  const auto config = load("kilnd: 1\ndata_dir: data\n");
  ASSERT_TRUE(config) << render(config.error());
  EXPECT_EQ(config->listen, "127.0.0.1:7420");
  EXPECT_THAT(config->data_dir, HasSubstr("/data"));
  EXPECT_EQ(config->ccache_dir, config->data_dir + "/ccache");
  EXPECT_EQ(config->keep_runs + config->keep_days, 0) << "all runs keep their logs";
  EXPECT_EQ(config->min_free, 2ULL << 30);
}

TEST(KilndConfig, KeepingAndSpace) {
  const auto config = load(
      "kilnd: 1\ndata_dir: data\nkeep_runs: 20\nkeep_days: 90\nkeep_open_findings: false\n"
      "clear_every: 10m\nmin_free: 0B\nlisten_metrics: none\n");
  ASSERT_TRUE(config) << render(config.error());
  EXPECT_EQ(config->keep_runs, 20);
  EXPECT_EQ(config->keep_days, 90);
  EXPECT_FALSE(config->keep_open_findings);
  EXPECT_EQ(config->clear_every, Millis(600'000));
  EXPECT_EQ(config->min_free, 0U);
  EXPECT_FALSE(load("kilnd: 1\ndata_dir: data\nkeep_days: -1\n"));
  EXPECT_FALSE(load("kilnd: 1\ndata_dir: data\nmin_free: 5\n")) << "5 of what?";
}

TEST(KilndConfig, TheDashboard) {
  const auto usual = load("kilnd: 1\ndata_dir: data\n");
  ASSERT_TRUE(usual);
  EXPECT_EQ(usual->listen_dashboard, "127.0.0.1:7423");
  EXPECT_FALSE(usual->viewer_without_sign_in) << "nobody looks in who was not let in";
  const auto config = load(
      "kilnd: 1\ndata_dir: data\nlisten_dashboard: none\nviewer_without_sign_in: true\n"
      "dashboard_hosts: [kiln.example.org]\n");
  ASSERT_TRUE(config) << render(config.error());
  EXPECT_EQ(config->listen_dashboard, "none");
  EXPECT_TRUE(config->viewer_without_sign_in);
  EXPECT_EQ(config->dashboard_hosts, std::vector<std::string>{"kiln.example.org"});
}

TEST(KilndConfig, MistakesHaveTheirPlace) {
  const auto wrong = load("kilnd: 1\ndata_dir: data\nlisten_agent: x\n");
  ASSERT_FALSE(wrong);
  EXPECT_THAT(render(wrong.error()), HasSubstr("did you mean `listen_agents`?"));
  EXPECT_EQ(wrong.error().position->line, 3);
  EXPECT_FALSE(load("kilnd: 2\ndata_dir: data\n"));
  EXPECT_FALSE(load("kilnd: 1\ndata_dir: data\nlog_level: loud\n"));
  EXPECT_FALSE(load("kilnd: 1\n"));
}

TEST(KilndConfig, OneLineSendsBuildsToSlurm) {
  const auto local = load("kilnd: 1\ndata_dir: data\n");
  ASSERT_TRUE(local);
  EXPECT_EQ(local->builds, "local");
  const auto plain = load("kilnd: 1\ndata_dir: data\nbuilds: slurm\n");
  ASSERT_TRUE(plain) << render(plain.error());
  EXPECT_EQ(plain->builds, "slurm");
  EXPECT_EQ(plain->slurm.shared, plain->data_dir);
  EXPECT_EQ(plain->slurm.scratch, "/var/tmp/kiln");
  const auto full = load(
      "kilnd: 1\ndata_dir: data\nbuilds: slurm\nslurm:\n  partition: build\n  account: lab\n"
      "  shared: /srv/kiln\n  queue_limit: 2h\n  builds_at_once: 8\n  extra: [--qos=low]\n");
  ASSERT_TRUE(full) << render(full.error());
  EXPECT_EQ(full->slurm.shared, "/srv/kiln");
  EXPECT_EQ(full->slurm.queue_limit, Millis(7'200'000));
  EXPECT_EQ(full->slurm.extra, std::vector<std::string>{"--qos=low"});
}

TEST(KilndConfig, MistakesAboutSlurmHaveTheirPlace) {
  const auto error = [](const std::string& lines) {
    const auto config = load("kilnd: 1\ndata_dir: data\n" + lines);
    EXPECT_FALSE(config);
    return config ? Error() : config.error();
  };
  const Error unknown = error("builds: slrum\n");
  EXPECT_THAT(render(unknown), HasSubstr("did you mean `slurm`?"));
  EXPECT_EQ(unknown.position->line, 3);
  const Error unused = error("slurm:\n  partition: build\n");
  EXPECT_THAT(render(unused), HasSubstr("builds are local"));
  EXPECT_EQ(unused.position->line, 3);
  const Error own = error("builds: slurm\nslurm:\n  extra:\n    - --qos=low\n    - --time=5\n");
  EXPECT_THAT(render(own), HasSubstr("Kiln sets `--time` itself"));
  EXPECT_EQ(own.position->line, 7);
  EXPECT_THAT(render(error("builds: slurm\nslurm:\n  partitoin: build\n")),
              HasSubstr("did you mean `partition`?"));
}

TEST(KilndConfig, EveryFieldIsInItsPage) {
  const auto page = os::read_file(os::Path(KILN_SOURCE_DIR) / "docs" / "kilnd.md", 1 << 20);
  ASSERT_TRUE(page);
  for (const conf::FieldDoc& field : daemon_config_fields())
    EXPECT_THAT(*page, HasSubstr("| `" + field.name + "` |"));
}

}  // namespace
}  // namespace kiln::controller
