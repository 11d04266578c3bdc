#include "agent/daemon/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/os/files.h"

namespace kiln::agent {
namespace {

using testing::HasSubstr;

Result<DaemonConfig> load(const std::string& more, const std::string& lab = "") {
  const auto folder = os::TempFolder::make(std::filesystem::temp_directory_path(), "agent-test-");
  const os::Path file = folder->path() / "agent.yaml";
  EXPECT_TRUE(os::make_dirs(folder->path() / "images"));
  EXPECT_TRUE(os::write_atomic(folder->path() / "lab.yaml", lab));
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

TEST(AgentConfig, AMistakeInTheMachinesFileIsShownThere) {
  const std::string more = "controller: \"unix:/run/kiln.sock\"\nmachines_file: lab.yaml\n";
  const auto good = load(more, "lab: 1\nmachines:\n  - name: tgl-1\n");
  ASSERT_TRUE(good) << render(good.error());
  EXPECT_NE(good->lab.find("tgl-1"), nullptr);
  const auto bad = load(more, "lab: 1\nmachines:\n  - name: tgl-1\n    powre: {}\n");
  ASSERT_FALSE(bad);
  EXPECT_THAT(render(bad.error()), HasSubstr("lab.yaml:4:5"));
  EXPECT_THAT(render(bad.error()), HasSubstr("did you mean `power`?"));
  const auto twice = load(more + "machines: [tgl-1]\n", "lab: 1\nmachines:\n  - name: tgl-1\n");
  ASSERT_FALSE(twice);
  EXPECT_THAT(render(twice.error()), HasSubstr("tgl-1 is also a machine of"));
}

TEST(AgentConfig, EveryFieldIsInItsPage) {
  const auto page = os::read_file(os::Path(KILN_SOURCE_DIR) / "docs" / "kiln-agent.md", 1 << 20);
  ASSERT_TRUE(page);
  for (const conf::FieldDoc& field : daemon_config_fields())
    EXPECT_THAT(*page, HasSubstr("| `" + field.name + "` |"));
}

}  // namespace
}  // namespace kiln::agent
