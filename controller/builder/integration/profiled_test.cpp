/// Kernels that count their lines, and the way from their counters to marks on a series, with the
/// real gcc and gcov.
#include <gmock/gmock.h>

#include "controller/builder/integration/builder_fixture.h"
#include "controller/builder/integration/fake_kbuild.h"
#include "controller/builder/profile.h"
#include "lib/base/text.h"

namespace kiln::builder {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* kUtil =
    "#include \"common.h\"\nint util(int x)\n{\n\tint y = x + 1;\n\n\tif (x)\n\t\treturn 2;\n"
    "\treturn y - 1;\n}\n";
constexpr const char* kSelftest =
    "static int check(int x)\n{\n\tif (!x)\n\t\treturn 3;\n\treturn 0;\n}\n";

class ProfiledTest : public BuilderTest {
 protected:
  [[nodiscard]] std::map<std::string, std::string> source() const override { return fake_kbuild(); }
  void SetUp() override {
    BuilderTest::SetUp();
    base_ = request(tree());
    build(base_);
  }
  BuildRequest counting(const std::string& tree_id, std::vector<std::string> touched) {
    BuildRequest r = patched(base_, tree_id);
    r.input.profiled = std::move(touched);
    return r;
  }
  std::string names_in(const std::string& digest) {
    return unpacked(digest, "zstd -dc \"$0\" | tar -tf - | grep -v '/$'");
  }
  /// Runs the image as a machine would, once a test, and packs what the collector leaves.
  std::string collect(const kernel::BuildRecord& record,
                      const std::vector<std::pair<std::string, std::string>>& tests) {
    const fs::path taken = dir_ / fmt::format("taken-{}", ++count_);
    int number = 0;
    for (const auto& [name, argument] : tests) {
      const fs::path at = taken / std::to_string(number++);
      write_files(at, {{"name", name + "\n"}});
      os::Command run;
      run.argv = {"sh", "-c", "cp \"$0\" ./program && chmod +x program && ./program $1; true",
                  sink_->path(record.image_digest), argument};
      run.cwd = at;
      run.env = {{"GCOV_PREFIX", at.string()}};
      EXPECT_TRUE(os::run_ok(run));
      fs::remove(at / "program");
    }
    EXPECT_TRUE(pack_folder(taken, dir_ / "taken.tar.zst"));
    return sink_->put_file(dir_ / "taken.tar.zst").value_or("");
  }
  Result<Coverage> read(const CoverageRequest& r) {
    return builder_->read_coverage(r, [this](const std::string& digest, uint64_t max) {
      return os::read_file(sink_->path(digest), max);
    });
  }
  /// "lib/util.c:4 executed (igt@a)" of the marked lines.
  static std::vector<std::string> marks(const reach::Reach& reach) {
    std::vector<std::string> out;
    for (const reach::MarkedFile& file : reach.files)
      for (const reach::MarkedLine& line : file.lines)
        if (line.mark > reach::Mark::kNoCode)
          out.push_back(fmt::format("{}:{} {}{}", file.path, line.line, to_string(line.mark),
                                    line.tests.empty() ? "" : " (" + join(line.tests, ", ") + ")"));
    return out;
  }

  BuildRequest base_;
};

TEST_F(ProfiledTest, OnlyTheObjectsOfTheTouchedFilesCount) {
  const auto record = build(counting(tree({{"lib/util.c", kUtil}}), {"lib/util.c"}));
  EXPECT_EQ(record.state, "built") << record.error;
  EXPECT_TRUE(record.incremental);
  EXPECT_THAT(record.notes, IsEmpty());
  EXPECT_EQ(names_in(record.coverage_digest), "gcno/lib/util.gcno\nindex.json\n");
  const std::string log = unpacked(record.log_digest, "zstd -dc \"$0\" | grep CC");
  EXPECT_EQ(log, "  CC      lib/util.o\n");
  EXPECT_FALSE(builder_->has_objects(record.key)) << "nothing starts from a kernel that counts";
  EXPECT_NE(record.key, kernel::build_key(patched(base_, base_.input.tree_id).input));
}

TEST_F(ProfiledTest, AnIncludedFileCountsInTheObjectThatIncludesIt) {
  const auto record =
      build(counting(tree({{"lib/gt/selftest.c", kSelftest}}), {"lib/gt/selftest.c"}));
  EXPECT_EQ(names_in(record.coverage_digest), "gcno/lib/gt/deep.gcno\nindex.json\n");
}

TEST_F(ProfiledTest, ANewFilesObjectsAreKnownOnceItIsBuilt) {
  auto deep = source().at("lib/gt/deep.c");
  deep = "#include \"new.h\"\n" + deep;
  const auto record =
      build(counting(tree({{"lib/gt/deep.c", deep},
                           {"lib/gt/new.h", "static inline int n(void)\n{\n\treturn 1;\n}\n"}}),
                     {"lib/gt/new.h"}));
  EXPECT_EQ(names_in(record.coverage_digest), "gcno/lib/gt/deep.gcno\nindex.json\n");
}

TEST_F(ProfiledTest, WhatTheMakefileForbidsIsNotCounted) {
  const auto files = source();
  const auto record =
      build(counting(tree({{"lib/util.c", kUtil}, {"lib/Makefile", "GCOV_PROFILE_util.o := n\n"}}),
                     {"lib/util.c"}));
  EXPECT_EQ(names_in(record.coverage_digest), "index.json\n");
  EXPECT_THAT(unpacked(record.coverage_digest, "zstd -dc \"$0\" | tar -xOf - index.json"),
              HasSubstr("lib/util.o may not be profiled (lib/Makefile)"));
}

TEST_F(ProfiledTest, ASeriesThatDoesNotBuildIsARecord) {
  const auto record = build(counting(tree({{"lib/util.c", "nonsense\n"}}), {"lib/util.c"}));
  EXPECT_EQ(record.state, "failed");
  EXPECT_THAT(record.error, HasSubstr("lib/util.c:"));
  EXPECT_EQ(record.coverage_digest, "");
}

TEST_F(ProfiledTest, CountersBecomeMarksByTest) {
  const std::string patched_tree =
      tree({{"lib/util.c", kUtil}, {"lib/gt/selftest.c", kSelftest}, {"README", "new\n"}});
  const std::vector<std::string> touched{"lib/gt/selftest.c", "lib/util.c"};
  const auto record = build(counting(patched_tree, touched));
  ASSERT_EQ(record.state, "built") << record.error;
  const std::string taken =
      collect(record, {{"(setup of gem)", ""}, {"igt@deep", "x"}, {"igt@util", ""}});
  const auto coverage = read(
      {base_.input.tree_id, patched_tree, {{"i386-highmem", record.coverage_digest, {taken}}}});
  ASSERT_TRUE(coverage) << render(coverage.error());
  EXPECT_THAT(coverage->notes, IsEmpty());
  EXPECT_THAT(
      marks(mark_lines(coverage->input)),
      ElementsAre("lib/gt/selftest.c:3 executed (igt@deep)", "lib/gt/selftest.c:4 not-executed",
                  "lib/gt/selftest.c:5 executed (igt@deep)",
                  "lib/util.c:4 executed ((setup of gem), igt@util)", "lib/util.c:7 not-executed",
                  "lib/util.c:8 executed ((setup of gem), igt@util)"));
}

TEST_F(ProfiledTest, AHeadersMacroIsMarkedByWhatUsesIt) {
  const std::string common = source().at("include/common.h");
  const std::string util =
      "#include \"common.h\"\nint util(int x)\n{\n\tif (x)\n\t\treturn PLUS(x);\n"
      "\treturn MINUS(x);\n}\n";
  const auto with = [&](const std::string& macros) {
    return tree({{"include/common.h", macros + common}, {"lib/util.c", util}});
  };
  const std::string before = with("#define PLUS(x) ((x) + 1)\n#define MINUS(x) ((x) - 1)\n");
  const std::string after = with("#define PLUS(x) ((x) + 2)\n#define MINUS(x) ((x) - 2)\n");
  const auto record = build(counting(after, {"include/common.h"}));
  ASSERT_EQ(record.state, "built") << record.error;
  const auto coverage =
      read({before, after, {{"c", record.coverage_digest, {collect(record, {{"igt@util", ""}})}}}});
  ASSERT_TRUE(coverage) << render(coverage.error());
  const reach::Reach reach = mark_lines(coverage->input);
  EXPECT_THAT(marks(reach), ElementsAre("include/common.h:1 not-executed",
                                        "include/common.h:2 executed (igt@util)"));
  EXPECT_EQ(reach.files.size(), 1u);
}

TEST_F(ProfiledTest, DamagedCountersAreNotedAndTheRestCounts) {
  const std::string patched_tree = tree({{"lib/util.c", kUtil}});
  const auto record = build(counting(patched_tree, {"lib/util.c"}));
  const fs::path taken = dir_ / "damaged";
  write_files(taken, {{"0/name", "igt@a\n"},
                      {"0/kiln/obj/lib/util.gcda", "no counters"},
                      {"1/kiln/obj/lib/util.gcda", "whose?"},
                      {"2/name", "igt@b\n"},
                      {"2/kiln/obj/lib/unknown.gcda", "x"},
                      {"hostile/name", "x"},
                      {"../outside", "x"}});
  ASSERT_TRUE(pack_folder(taken, dir_ / "taken.tar.zst"));
  const auto coverage =
      read({base_.input.tree_id,
            patched_tree,
            {{"c", record.coverage_digest, {*sink_->put_file(dir_ / "taken.tar.zst")}}}});
  ASSERT_TRUE(coverage) << render(coverage.error());
  EXPECT_THAT(coverage->notes, ElementsAre("2 sets of counters could not be read"));
  EXPECT_THAT(marks(mark_lines(coverage->input)),
              ElementsAre("lib/util.c:4 not-executed", "lib/util.c:7 not-executed",
                          "lib/util.c:8 not-executed"));
}

TEST_F(ProfiledTest, AnArtifactThatIsGoneIsAnError) {
  const auto coverage = read({base_.input.tree_id, base_.input.tree_id, {{"c", "0123", {}}}});
  ASSERT_FALSE(coverage);
  EXPECT_THAT(coverage.error().context, ElementsAre("while reading the coverage of c"));
}

}  // namespace
}  // namespace kiln::builder
