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

TEST(KilndConfig, MistakesHaveTheirPlace) {
  const auto wrong = load("kilnd: 1\ndata_dir: data\nlisten_agent: x\n");
  ASSERT_FALSE(wrong);
  EXPECT_THAT(render(wrong.error()), HasSubstr("did you mean `listen_agents`?"));
  EXPECT_EQ(wrong.error().position->line, 3);
  EXPECT_FALSE(load("kilnd: 2\ndata_dir: data\n"));
  EXPECT_FALSE(load("kilnd: 1\ndata_dir: data\nlog_level: loud\n"));
  EXPECT_FALSE(load("kilnd: 1\n"));
}

TEST(KilndConfig, EveryFieldIsInItsPage) {
  const auto page = os::read_file(os::Path(KILN_SOURCE_DIR) / "docs" / "kilnd.md", 1 << 20);
  ASSERT_TRUE(page);
  for (const conf::FieldDoc& field : daemon_config_fields())
    EXPECT_THAT(*page, HasSubstr("| `" + field.name + "` |"));
}

}  // namespace
}  // namespace kiln::controller
