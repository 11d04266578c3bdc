#include "controller/builder/build_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::builder {
namespace {

using testing::HasSubstr;

RemoteRequest request() {
  RemoteRequest request;
  request.version = "1";
  request.build.input = {"tree", "i386", "CONFIG_X=y\n", "gcc", "bench", {"a.c"}};
  request.build.base_tree_id = "base";
  request.build.base_key = "key";
  request.build.bench_dir = "/somewhere/bench";
  request.build.timeout = Millis(5);
  request.build.memory_bytes = 6;
  request.sources = "/s/sources.git";
  request.objects = "/s/objects";
  request.scratch = "/var/tmp/kiln";
  request.jobs = 7;
  request.free_needed = 8;
  request.present = {"a", "b"};
  return request;
}

kernel::BuildRecord built() {
  const std::string digest(64, 'a');
  kernel::BuildRecord record;
  record.key = "key";
  record.state = "built";
  record.release = "6.1";
  record.kernel_build_id = "12";
  record.module_build_ids = {{"i915", "34"}};
  record.config_digest = record.image_digest = record.modules_digest = record.vmlinux_digest =
      digest;
  record.log_digest = std::string(64, 'b');
  record.warnings = {{"a.c", 3, "unused"}};
  record.incremental = true;
  record.elapsed = Millis(9);
  record.notes = {"note"};
  return record;
}

TEST(BuildFiles, ARequestComesBackAsItWas) {
  const auto again = parse_request(to_text(request()));
  ASSERT_TRUE(again) << render(again.error());
  EXPECT_EQ(kernel::build_key(again->build.input), kernel::build_key(request().build.input));
  EXPECT_EQ(again->build.base_tree_id, "base");
  EXPECT_EQ(again->build.base_key, "key");
  EXPECT_EQ(again->build.bench_dir, kBenchFolder) << "the copy beside it, not the asker's folder";
  EXPECT_EQ(again->build.timeout, Millis(5));
  EXPECT_EQ(again->build.memory_bytes, 6u);
  EXPECT_EQ(again->sources, "/s/sources.git");
  EXPECT_EQ(again->objects, "/s/objects");
  EXPECT_EQ(again->scratch, "/var/tmp/kiln");
  EXPECT_EQ(again->jobs, 7);
  EXPECT_EQ(again->free_needed, 8u);
  EXPECT_EQ(again->present, (std::set<std::string>{"a", "b"}));
}

TEST(BuildFiles, AResultComesBackAsItWas) {
  RemoteResult result{"node1", "out-1", std::nullopt, built(), true};
  const auto again = parse_result(to_text(result));
  ASSERT_TRUE(again) << render(again.error());
  EXPECT_EQ(to_text(*again), to_text(result));
  EXPECT_EQ(again->record.warnings, built().warnings);
  EXPECT_EQ(again->record.module_build_ids, built().module_build_ids);
  EXPECT_EQ(artifacts_of(again->record).size(), 2u);

  result.error = Error(ErrorKind::kTimeout, "too long").with_hint("wait");
  const auto failure = parse_result(to_text(result));
  ASSERT_TRUE(failure && failure->error);
  EXPECT_EQ(failure->error->kind, ErrorKind::kTimeout);
  EXPECT_EQ(failure->error->hint, "wait");
}

TEST(BuildFiles, NoTornFileIsTakenForWhole) {
  const std::string text = to_text(RemoteResult{"node1", "out-1", std::nullopt, built(), true});
  for (size_t size = 0; size < text.size(); ++size) {
    const auto torn = parse_result(text.substr(0, size));
    ASSERT_FALSE(torn) << size;
    EXPECT_EQ(torn.error().kind, ErrorKind::kInfrastructure);
  }
  std::string damaged = text;
  damaged[text.find("node1")] = 'm';
  EXPECT_FALSE(parse_result(damaged));
  EXPECT_FALSE(parse_result(to_text(request()))) << "another file";
}

TEST(BuildFiles, AResultThatCannotBeIsRefused) {
  const auto refused = [](const RemoteResult& result) {
    const auto parsed = parse_result(to_text(result));
    return !parsed && parsed.error().message == "the file says what cannot be";
  };
  RemoteResult result{"node1", "out-1", std::nullopt, built(), true};
  EXPECT_FALSE(refused(result));
  for (const char* folder : {"", "..", "../x", "a/b", "/etc", ".hidden"}) {
    result.folder = folder;
    EXPECT_TRUE(refused(result)) << folder;
  }
  result.folder = "out-1";
  result.record.image_digest = "../../etc/passwd";
  EXPECT_TRUE(refused(result));
  result.record.image_digest = "";
  EXPECT_TRUE(refused(result)) << "built, without a kernel";
  result.record = built();
  result.record.state = "maybe";
  EXPECT_TRUE(refused(result));
}

}  // namespace
}  // namespace kiln::builder
