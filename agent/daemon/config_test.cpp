#include "agent/daemon/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/os/files.h"

namespace kiln::agent {
namespace {

using testing::HasSubstr;

Result<DaemonConfig> load(const std::string& more) {
  const auto folder = os::TempFolder::make(std::filesystem::temp_directory_path(), "agent-test-");
  const os::Path file = folder->path() / "agent.yaml";
  EXPECT_TRUE(os::make_dirs(folder->path() / "images"));
  EXPECT_TRUE(
      os::write_atomic(file, "agent: 1\nname: a1\ndata_dir: data\nimages_dir: images\n" + more));
  return load_daemon_config(file.string());
}

TEST(AgentConfig, AControllerElsewhereNeedsAnIdentity) {
  EXPECT_TRUE(load("controller: \"unix:/run/kiln.sock\"\n"));
  const auto bare = load("controller: \"lab:7421\"\n");
  ASSERT_FALSE(bare);
  EXPECT_THAT(render(bare.error()), HasSubstr("kiln-agent enrol makes it"));
}

TEST(AgentConfig, EveryFieldIsInItsPage) {
  const auto page = os::read_file(os::Path(KILN_SOURCE_DIR) / "docs" / "kiln-agent.md", 1 << 20);
  ASSERT_TRUE(page);
  for (const conf::FieldDoc& field : daemon_config_fields())
    EXPECT_THAT(*page, HasSubstr("| `" + field.name + "` |"));
}

}  // namespace
}  // namespace kiln::agent
