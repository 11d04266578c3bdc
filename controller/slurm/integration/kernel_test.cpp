/// A whole kernel, by hand: it takes minutes. docs/performance.md has what it printed.
///   KILN_SLURM_KERNEL=DATA:BASELINE-KEY:PATCHED-KEY  data folder and builds of `kiln run`
#include <gtest/gtest.h>

#include <iostream>

#include "controller/slurm/integration/slurm_fixture.h"

namespace kiln::slurm {
namespace {

class SlurmKernel : public SlurmTest {
 protected:
  BuildRequest request_of(const fs::path& data, const std::string& key) {
    const auto meta = builder::ObjectStore::attach(data / "objects").find(key);
    EXPECT_TRUE(meta);
    BuildRequest request;
    const auto config = os::read_file(data / "objects" / key / "obj" / ".config");
    request.input = {meta->tree_id, meta->arch, config.value_or(""), builder_->toolchain(), ""};
    EXPECT_EQ(kernel::build_key(request.input), key);
    request.memory_bytes = 3ULL << 30;  // of the test's nodes
    return request;
  }
  void expect_same(const fs::path& data, const BuildRequest& request) {
    const std::string key = kernel::build_key(request.input);
    const auto record = get(request);
    const auto theirs = builder::ObjectStore::attach(data / "objects").find(key);
    const auto ours = builder_->objects_of(key);
    ASSERT_TRUE(theirs && ours);
    EXPECT_EQ(ours->image_digest, theirs->image_digest);
    EXPECT_EQ(ours->vmlinux_raw, theirs->vmlinux_raw);
    EXPECT_EQ(ours->symvers, theirs->symvers);
    std::cout << fmt::format("{} on {}: build {}, {}, image {}, modules {}\n", key.substr(0, 12),
                             ours->node, human_duration(record.elapsed),
                             record.incremental ? "incremental" : "full", record.image_digest,
                             record.modules_digest);
  }
};

TEST_F(SlurmKernel, IsTheOneThatWasBuiltAtHome) {
  const char* asked = std::getenv("KILN_SLURM_KERNEL");
  if (asked == nullptr) GTEST_SKIP() << "KILN_SLURM_KERNEL names no builds";
  const auto parts = split(asked, ':');
  ASSERT_EQ(parts.size(), 3u);
  const fs::path data = parts[0];
  git_ = std::make_unique<intake::Git>(
      *intake::Git::attach(data / "sources.git", dir_ / "data/tmp/kernel"));
  open();
  open_executor();
  const BuildRequest base = request_of(data, parts[1]);
  expect_same(data, base);
  BuildRequest patch = request_of(data, parts[2]);
  patch.base_tree_id = base.input.tree_id;
  patch.base_key = parts[1];
  expect_same(data, patch);
}

}  // namespace
}  // namespace kiln::slurm
