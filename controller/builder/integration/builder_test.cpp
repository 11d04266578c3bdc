/// The builder against a small tree with the real git, bubblewrap, make, gcc and ccache.
#include "controller/builder/builder.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "controller/builder/integration/builder_fixture.h"
#include "lib/base/text.h"
#include "lib/kernel/output.h"

namespace kiln::builder {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

TEST_F(BuilderTest, ABaselineBuildHasAllItsOutputs) {
  std::vector<std::string> phases;
  const BuildRequest r = request(tree());
  const auto record = builder_->build(r, {}, [&](const BuildProgress& p) {
    if (phases.empty() || phases.back() != p.phase) phases.push_back(p.phase);
  });
  ASSERT_TRUE(record) << render(record.error());
  EXPECT_EQ(record->state, "built");
  EXPECT_EQ(record->key, kernel::build_key(r.input));
  EXPECT_EQ(record->release, "9.8.7-kiln");
  EXPECT_EQ(record->kernel_build_id.size(), 40u);
  ASSERT_TRUE(record->module_build_ids.contains("fake_drm"));
  EXPECT_EQ(record->module_build_ids.at("fake_drm").size(), 40u);
  EXPECT_FALSE(record->incremental);
  EXPECT_THAT(record->warnings, ElementsAre(kernel::Warning{"lib/util.c", 4,
                                                            "unused variable 'unused_here' "
                                                            "[-Wunused-variable]"}));
  EXPECT_THAT(phases, ElementsAre("source", "objects", "compile", "modules", "store"));
  EXPECT_EQ(unpacked(record->modules_digest, "zstd -dc \"$0\" | tar -tf -"),
            "lib/\nlib/modules/\nlib/modules/9.8.7-kiln/\nlib/modules/9.8.7-kiln/kernel/\n"
            "lib/modules/9.8.7-kiln/kernel/drivers/\n"
            "lib/modules/9.8.7-kiln/kernel/drivers/fake-drm.ko\n");
  EXPECT_THAT(unpacked(record->log_digest, "zstd -dc \"$0\""), HasSubstr("  LD      vmlinux"));
  EXPECT_EQ(unpacked(record->config_digest, "cat \"$0\""), r.input.config_text);
  EXPECT_TRUE(sink_->has(record->image_digest));
  EXPECT_TRUE(sink_->has(record->vmlinux_digest));
}

TEST_F(BuilderTest, APatchedBuildStartsFromItsBaselineAndEqualsAFullOne) {
  const BuildRequest base = request(tree());
  const auto baseline = build(base);
  const std::string changed = tree({{"drivers/fake_drm.c", drm("\treturn x + 2;\n")}});
  int compiled = 0;
  auto incremental = builder_->build(patched(base, changed), {},
                                     [&](const BuildProgress& p) { compiled = p.compiled; });
  ASSERT_TRUE(incremental) << render(incremental.error());
  EXPECT_TRUE(incremental->incremental);
  EXPECT_EQ(compiled, 1);
  EXPECT_EQ(incremental->image_digest, baseline.image_digest);
  EXPECT_EQ(incremental->vmlinux_digest, baseline.vmlinux_digest);
  EXPECT_NE(incremental->module_build_ids.at("fake_drm"), baseline.module_build_ids.at("fake_drm"));
  EXPECT_THAT(incremental->notes, ElementsAre("the kernel image is the baseline's byte for byte: "
                                              "only modules differ"));
  // The unit with the warning was not compiled again; its warning is not lost, nor new.
  EXPECT_EQ(incremental->warnings, baseline.warnings);

  ASSERT_TRUE(os::remove_tree(dir_ / "data/objects"));
  open();
  BuildRequest full = request(changed);
  const auto scratch = build(full);
  EXPECT_FALSE(scratch.incremental);
  EXPECT_EQ(scratch.image_digest, incremental->image_digest);
  EXPECT_EQ(scratch.modules_digest, incremental->modules_digest);
  EXPECT_EQ(scratch.warnings, incremental->warnings);
}

TEST_F(BuilderTest, HeadersAndAddedAndRemovedFilesAreSeen) {
  const BuildRequest base = request(tree());
  const auto baseline = build(base);
  const auto header =
      build(patched(base, tree({{"include/common.h", "int util(int x);\nextern int more;\n"}})));
  EXPECT_EQ(header.image_digest, baseline.image_digest);
  const std::string added =
      tree({{"drivers/extra.h", "#define EXTRA 5\n"},
            {"drivers/fake_drm.c", "#include \"extra.h\"\n" + drm("\treturn x + EXTRA;\n")},
            {"scripts/unused", ""}});
  const auto record = build(patched(base, added));
  EXPECT_TRUE(record.incremental);
  EXPECT_NE(record.modules_digest, baseline.modules_digest);
  // The clone shares what did not change and nothing that did.
  struct stat shared {
  }, own{}, old{};
  ASSERT_EQ(::stat((dir_ / "data/trees" / added / "Makefile").c_str(), &shared), 0);
  ASSERT_EQ(::stat((dir_ / "data/trees" / added / "drivers/fake_drm.c").c_str(), &own), 0);
  ASSERT_EQ(::stat((dir_ / "data/trees" / base.input.tree_id / "drivers/fake_drm.c").c_str(), &old),
            0);
  EXPECT_GT(shared.st_nlink, 1u);
  EXPECT_NE(own.st_ino, old.st_ino);
  EXPECT_FALSE(fs::exists(dir_ / "data/trees" / base.input.tree_id / "drivers/extra.h"));
}

TEST_F(BuilderTest, ObjectsOfAComputerWhoseClockIsAheadAreMadeAgainWhereTheSourceChanged) {
  const BuildRequest base = request(tree());
  build(base);
  const std::string key = kernel::build_key(base.input);
  const std::string changed = tree({{"drivers/fake_drm.c", drm("\treturn x + 2;\n")}});
  const auto wanted = build(patched(base, changed));
  ASSERT_TRUE(builder_->export_objects(key, dir_ / "far", {}));
  os::Command ahead;
  ahead.argv = {
      "find", (dir_ / "far/obj").string(), "-type", "f", "-exec", "touch", "-d", "1 hour", "{}",
      "+"};
  ASSERT_TRUE(os::run_ok(ahead));
  ASSERT_TRUE(os::remove_tree(dir_ / "data/objects"));
  open();
  ASSERT_TRUE(builder_->adopt_objects(dir_ / "far", key, "node7"));
  EXPECT_EQ(builder_->objects_of(key)->node, "node7");
  const auto record = build(patched(base, changed));
  EXPECT_TRUE(record.incremental);
  EXPECT_EQ(record.modules_digest, wanted.modules_digest);
  // Copied by a second computer, likewise.
  fs::rename(dir_ / "data/objects", dir_ / "first");
  open();
  ahead.argv[1] = (dir_ / "first" / key / "obj").string();
  ASSERT_TRUE(os::run_ok(ahead));
  ASSERT_TRUE(builder_->import_objects(dir_ / "first", key, {}));
  EXPECT_EQ(build(patched(base, changed)).modules_digest, wanted.modules_digest);
}

TEST_F(BuilderTest, NewWarningsAreFound) {
  const BuildRequest base = request(tree());
  const auto baseline = build(base);
  const auto record = build(
      patched(base, tree({{"drivers/fake_drm.c", drm("\tint forgotten;\n\treturn x + 1;\n")}})));
  EXPECT_THAT(kernel::new_warnings(baseline.warnings, record.warnings),
              ElementsAre(kernel::Warning{"drivers/fake_drm.c", 5,
                                          "unused variable 'forgotten' [-Wunused-variable]"}));
  // A build that starts from that one keeps it too.
  const auto again =
      build(patched(base, tree({{"drivers/fake_drm.c", drm("\tint forgotten;\n\treturn x + 1;\n")},
                                {"lib/util.c",
                                 "#include \"common.h\"\nint util(int "
                                 "x)\n{\n\treturn x;\n}\n"}})));
  EXPECT_EQ(again.warnings.size(), 1u);
}

TEST_F(BuilderTest, APatchThatBreaksTheBuildIsARecordWithItsFirstError) {
  const BuildRequest base = request(tree());
  build(base);
  const BuildRequest broken = patched(
      base, tree({{"drivers/fake_drm.c", drm("\treturn kmap_lokal(x);\n")},
                  {"lib/util.c", "#include \"common.h\"\nint util(int x)\n{\n\treturn x;\n}\n"}}));
  BuildRequest strict = broken;
  const auto record = build(patched(base, tree({{"drivers/fake_drm.c", drm("\treturn x +;\n")}})));
  EXPECT_EQ(record.state, "failed");
  EXPECT_EQ(record.error, "drivers/fake_drm.c:5: expected expression before ';' token");
  EXPECT_TRUE(sink_->has(record.log_digest));
  EXPECT_EQ(record.image_digest, "");
  EXPECT_FALSE(builder_->has_objects(record.key));
  EXPECT_TRUE(builder_->has_objects(strict.base_key));
}

TEST_F(BuilderTest, BenchModulesAndProgramsAreBuiltOutOfTree) {
  write_files(dir_ / "bench", fake_bench());
  BuildRequest base = request(tree());
  base.bench_dir = dir_ / "bench";
  base.input.bench_digest = *folder_digest(dir_ / "bench");
  const auto record = build(base);
  EXPECT_EQ(record.state, "built") << record.error;
  EXPECT_THAT(unpacked(record.bench_digest, "zstd -dc \"$0\" | tar -tf -"),
              AllOf(HasSubstr("bench.ko\n"), HasSubstr("prog\n")));
  EXPECT_FALSE(fs::exists(dir_ / "bench/bench.ko")) << "the job's own folder stays untouched";
  const auto second =
      build(patched(base, tree({{"drivers/fake_drm.c", drm("\treturn x + 2;\n")}})));
  EXPECT_EQ(second.bench_digest, record.bench_digest);
}

TEST_F(BuilderTest, ConfigSymbolsAreCheckedBothWays) {
  const std::string id = tree();
  const auto unknown = builder_->resolver().resolve(id, config("CONFIG_PCI=y\nCONFIG_DRN=y\n"));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(render(unknown.error()),
            fmt::format("error: CONFIG_DRN=y was asked, the resolved configuration has it not set: "
                        "this kernel has no such symbol; did you mean `DRM`?\n"
                        " --> {}:2:1\n2 | CONFIG_DRN=y\n  | ^^^^^^^^^^^^\n"
                        "  while resolving the configuration `fake`",
                        (dir_ / "f.config").string()));
  const auto dropped = builder_->resolver().resolve(id, config("CONFIG_DRM=y\n"));
  ASSERT_FALSE(dropped);
  EXPECT_THAT(dropped.error().message, HasSubstr("depends on PCI (PCI is n)"));
  EXPECT_EQ(dropped.error().kind, ErrorKind::kBadInput);

  const auto on =
      builder_->resolver().resolve(id, config("CONFIG_HIGHMEM=y\nCONFIG_KMAP_LOCAL=y\n"));
  const auto off = builder_->resolver().resolve(id, config("# CONFIG_HIGHMEM is not set\n"));
  ASSERT_TRUE(on && off);
  EXPECT_FALSE(on->cached);
  const auto differences = builder_->resolver().compare(id, *on, *off);
  ASSERT_TRUE(differences);
  ASSERT_EQ(differences->size(), 2u);
  EXPECT_THAT((*differences)[0].reason, StartsWith("asked by f.config:1"));
  // Remembered, also for a tree that differs in other files only.
  const auto again =
      builder_->resolver().resolve(tree({{"lib/util.c", "int util(int x) { return x; }\n"}}),
                                   config("CONFIG_HIGHMEM=y\nCONFIG_KMAP_LOCAL=y\n"));
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->cached);
  EXPECT_EQ(again->digest, on->digest);
}

TEST_F(BuilderTest, WhatAKilledProcessLeftIsNeverUsed) {
  const BuildRequest base = request(tree());
  const std::string key = kernel::build_key(base.input);
  write_files(dir_ / "data/objects" / (key + ".tmp/obj"), {{"vmlinux", "half"}, {".config", "x"}});
  write_files(dir_ / "data/objects" / key / "obj", {{"vmlinux", "half, and without meta.json"}});
  write_files(dir_ / "data/trees" / (base.input.tree_id.substr(0, 39) + "x.tmp"),
              {{"Makefile", "x"}});
  open();
  EXPECT_FALSE(builder_->has_objects(key));
  for (const auto& entry : fs::directory_iterator(dir_ / "data/trees"))
    EXPECT_NE(entry.path().extension(), ".tmp");
  // A copy that goes on writing after its process was killed does not reach a new build.
  write_files(dir_ / "data/objects" / (key + ".tmp/obj/init"), {{"main.o", "garbage"}});
  EXPECT_EQ(build(base).state, "built");
}

TEST_F(BuilderTest, AStopEndsTheBuildAndLeavesNothing) {
  const std::string id =
      tree({{"Makefile", fake_kernel()["Makefile"] +
                             "\n$(O)/lib/util.o: wait\nwait:\n\t@echo '  GEN     "
                             "wait'; sleep 1000\n"}});
  const BuildRequest r = request(id);
  std::stop_source stop;
  const auto record = builder_->build(r, stop.get_token(), [&](const BuildProgress& p) {
    if (p.last_step == "GEN wait" || p.last_step == "CC init/main.o") stop.request_stop();
  });
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().kind, ErrorKind::kCancelled);
  EXPECT_FALSE(builder_->has_objects(kernel::build_key(r.input)));
  EXPECT_TRUE(fs::is_empty(dir_ / "data/objects"));
}

TEST_F(BuilderTest, TooLongIsATimeoutNotAFailedBuild) {
  BuildRequest r =
      request(tree({{"Makefile", fake_kernel()["Makefile"] +
                                     "\n$(O)/lib/util.o: wait\nwait:\n\t@sleep 1000\n"}}));
  r.timeout = Millis(1500);
  const auto record = builder_->build(r);
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().kind, ErrorKind::kTimeout);
}

TEST_F(BuilderTest, TheSandboxHasNoNetworkNoRootAndAReadOnlySource) {
  const std::string id =
      tree({{"Makefile", fake_kernel()["Makefile"] +
                             "\n$(O)/lib/util.o: probe\nprobe:\n"
                             "\t@id -u; cat /proc/net/dev | wc -l; touch /kiln/src/x || true; ls "
                             "/root /home || true;\\\n"
                             "\tgrep CapEff /proc/self/status; env | sort | sed 's/^/env /'\n"}});
  const auto record = build(request(id));
  const std::string log = unpacked(record.log_digest, "zstd -dc \"$0\"");
  EXPECT_THAT(log, HasSubstr("Read-only file system"));
  EXPECT_THAT(log, HasSubstr("cannot access '/root'"));
  EXPECT_THAT(log, HasSubstr("CapEff:\t0000000000000000"));
  EXPECT_THAT(log, HasSubstr("env KBUILD_BUILD_USER=kiln"));
  EXPECT_THAT(log, Not(HasSubstr("env SSH_")));
  if (::geteuid() == 0) {
    EXPECT_THAT(log, HasSubstr("65534\n3\n"));
  }
}

TEST_F(BuilderTest, MemoryIsBounded) {
  if (builder_->sandbox_level().find("cgroup") == std::string::npos &&
      builder_->sandbox_level().find("systemd") == std::string::npos)
    GTEST_SKIP() << "memory groups are not available here: " << builder_->sandbox_level();
  const std::string hog =
      "\n$(O)/lib/util.o: hog\nhog:\n\t@head -c 400M /dev/zero | tail -c 390M "
      ">/dev/null\n";
  BuildRequest r = request(tree({{"Makefile", fake_kernel()["Makefile"] + hog}}));
  r.memory_bytes = 100 << 20;
  const auto record = builder_->build(r);
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().kind, ErrorKind::kInfrastructure);
  EXPECT_THAT(record.error().message, HasSubstr("the build needed more than 105 MB of memory"));
}

TEST_F(BuilderTest, DiskFullIsNotTheSourcesFault) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to mount a small file system";
  const BuildRequest r = request(tree());
  const fs::path objects = dir_ / "data/objects";
  if (::mount("kiln", objects.c_str(), "tmpfs", 0, "size=40k,mode=755") != 0)
    GTEST_SKIP() << "cannot mount here";
  const auto record = builder_->build(r);
  ::umount2(objects.c_str(), MNT_DETACH);
  ASSERT_FALSE(record) << record->state << " " << record->error;
  EXPECT_EQ(record.error().kind, ErrorKind::kNoSpace) << render(record.error());
  EXPECT_THAT(render(record.error()), HasSubstr("No space left on device"));
  EXPECT_EQ(build(r).state, "built") << "with space again it goes on";
}

TEST_F(BuilderTest, TooLittleSpaceIsSaidBeforeTheBuild) {
  options_.free_needed = 1ULL << 60;
  open();
  const auto record = builder_->build(request(tree()));
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().kind, ErrorKind::kNoSpace);
  EXPECT_THAT(record.error().message, HasSubstr("free, a build needs 1152922 TB"));
}

TEST_F(BuilderTest, AReadOnlyFolderIsAnErrorWithItsName) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to mount read-only";
  const BuildRequest r = request(tree());
  const fs::path objects = dir_ / "data/objects";
  if (::mount("kiln", objects.c_str(), "tmpfs", MS_RDONLY, "") != 0)
    GTEST_SKIP() << "cannot mount here";
  const auto record = builder_->build(r);
  ::umount2(objects.c_str(), MNT_DETACH);
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().kind, ErrorKind::kPermission);
  EXPECT_THAT(record.error().message, HasSubstr("Read-only file system"));
}

TEST_F(BuilderTest, LimitsRemoveTheOldestAndNeverWhatIsInUse) {
  const BuildRequest a = request(tree());
  const BuildRequest b = request(tree(), "CONFIG_HIGHMEM=y\n");
  const std::string key_a = build(a).key, key_b = build(b).key;
  options_.objects_limit = 1;
  options_.trees_limit = 1;
  open();
  ASSERT_TRUE(builder_->collect({key_b}, {a.input.tree_id}));
  EXPECT_FALSE(builder_->has_objects(key_a));
  EXPECT_TRUE(builder_->has_objects(key_b));
  EXPECT_TRUE(fs::exists(dir_ / "data/trees" / a.input.tree_id));
  ASSERT_TRUE(builder_->collect({}, {}));
  EXPECT_FALSE(builder_->has_objects(key_b));
  EXPECT_FALSE(fs::exists(dir_ / "data/trees" / a.input.tree_id));
}

TEST(FolderDigest, CountsContentNamesAndModesButNotWhatBuildingMakes) {
  const fs::path dir = *os::make_temp_dir(fs::temp_directory_path(), "digest");
  write_files(dir, fake_bench());
  const std::string first = *folder_digest(dir);
  write_files(dir, {{"bench.o", "x"}, {"Module.symvers", "y"}});
  EXPECT_EQ(*folder_digest(dir), first);
  write_files(dir, {{".gitignore", "/prog\n*.bin\n"}});
  const std::string with_ignore = *folder_digest(dir);
  write_files(dir, {{"prog", "left over from another architecture"}, {"sub/x.bin", "z"}});
  EXPECT_EQ(*folder_digest(dir), with_ignore);
  ASSERT_TRUE(os::remove_tree(dir / ".gitignore"));
  ASSERT_TRUE(os::remove_tree(dir / "prog"));
  ASSERT_TRUE(os::remove_tree(dir / "sub"));
  ::chmod((dir / "prog.c").c_str(), 0755);
  EXPECT_NE(*folder_digest(dir), first);
  (void)os::remove_tree(dir);
}

}  // namespace
}  // namespace kiln::builder
