#include "lib/igt/results.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "lib/igt/packets.h"
#include "lib/os/process.h"

namespace kiln::igt {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A folder of its own for each test, gone afterwards.
class ResultsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = os::make_temp_dir(std::filesystem::temp_directory_path(), "kiln-igt-");
    ASSERT_TRUE(made.has_value());
    dir_ = *made;
  }
  void TearDown() override {
    std::error_code ignored;
    std::filesystem::remove_all(dir_, ignored);
  }

  void write(const std::string& name, std::string_view content) {
    std::filesystem::create_directories((dir_ / name).parent_path());
    std::ofstream(dir_ / name, std::ios::binary) << content;
  }

  /// A result directory that a real igt_runner wrote (testdata/NAME.tar.gz).
  os::Path real(const std::string& name) {
    os::Command command;
    command.argv = {"tar", "-xzf",
                    fmt::format("{}/lib/igt/testdata/{}.tar.gz", KILN_SOURCE_DIR, name), "-C",
                    dir_.string()};
    const auto ran = os::run_ok(command);
    EXPECT_TRUE(ran.has_value());
    return dir_ / name;
  }

  static Results read(const os::Path& dir, const Limits& limits = {}) {
    auto results = read_results(dir, limits);
    EXPECT_TRUE(results.has_value()) << (results ? "" : render(results.error()));
    return results ? std::move(*results) : Results{};
  }

  static std::vector<std::string> lines(const Results& results) {
    std::vector<std::string> out;
    for (const TestResult& test : results.tests) out.push_back(test.test + " " + test.outcome);
    return out;
  }

  os::Path dir_;
};

TEST_F(ResultsTest, EveryOutcomeOfARealRun) {
  const Results results = read(real("all-outcomes"));
  EXPECT_TRUE(results.from_json);
  EXPECT_TRUE(results.ended);
  EXPECT_EQ(results.igt_version, "2.5-NO-GIT");
  EXPECT_THAT(results.notes, IsEmpty());
  std::vector<std::string> reasons;
  for (const TestResult& test : results.tests)
    reasons.push_back(test.test + " " + test.outcome + ": " + test.reason);
  EXPECT_THAT(
      reasons,
      ElementsAre("igt@meta_test@pass-result pass: ",
                  "igt@meta_test@warn warn: This is a test that should fail with a warning",
                  "igt@meta_test@dmesg-pass pass: ",
                  "igt@meta_test@fail-result fail: failed assertion: result == 1, 0 != 1 "
                  "(tests/meta_test.c:94)",
                  "igt@meta_test@dmesg-warn dmesg-warn: [drm: IGT inserted string.",
                  "igt@meta_test@user-crash crash: received signal SIGSEGV",
                  "igt@meta_test@piglit-timeout timeout: ran longer than its time limit",
                  "igt@sw_sync@alloc_timeline skip: requirement not met: kernel_has_sw_sync()",
                  "igt@core_getversion@basic fail: failed assertion: fd >= 0 "
                  "(tests/core_getversion.c:91)",
                  "igt@meta_test@abort abort: abort condition: true",
                  "igt@template@a notrun: did not run"));
}

/// What we read from the folders is what igt_results made of them.
class SameAsIgtResults : public ResultsTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(SameAsIgtResults, FromTheFolders) {
  const os::Path dir = real(GetParam());
  const Results theirs = read(dir);
  ASSERT_TRUE(theirs.from_json);
  std::filesystem::remove(dir / "results.json");
  const Results ours = read(dir);
  EXPECT_FALSE(ours.from_json);
  EXPECT_EQ(ours.igt_version, theirs.igt_version);
  EXPECT_EQ(ours.uname, theirs.uname);
  EXPECT_EQ(ours.planned, theirs.planned);
  ASSERT_EQ(lines(ours), lines(theirs));
  for (size_t i = 0; i < ours.tests.size(); ++i) {
    SCOPED_TRACE(ours.tests[i].test);
    EXPECT_EQ(ours.tests[i].reason, theirs.tests[i].reason);
    EXPECT_EQ(ours.tests[i].dmesg, theirs.tests[i].dmesg);
    EXPECT_EQ(ours.tests[i].kernel_words, theirs.tests[i].kernel_words);
    EXPECT_EQ(ours.tests[i].err, theirs.tests[i].err);
    // igt_results puts a sentence of its own where a test printed nothing.
    if (theirs.tests[i].out.starts_with("This test didn't produce")) continue;
    EXPECT_EQ(ours.tests[i].out, theirs.tests[i].out);
  }
}
INSTANTIATE_TEST_SUITE_P(Real, SameAsIgtResults,
                         ::testing::Values("all-outcomes", "skips-and-unknown", "killed-at-second",
                                           "complete", "resumed", "aborted-by-oops",
                                           "aborted-by-warn"));

/// The same run after a panic, and after the reboot and igt_resume.
TEST_F(ResultsTest, PanicAndResume) {
  const Results killed = read(real("killed-by-panic"));
  EXPECT_FALSE(killed.from_json);
  EXPECT_FALSE(killed.ended);
  ASSERT_EQ(killed.tests.size(), 26U);
  EXPECT_EQ(killed.tests[14].outcome, "pass");
  EXPECT_EQ(killed.tests[15].test, "igt@sw_sync@sync_multi_consumer");
  EXPECT_EQ(killed.tests[15].outcome, "incomplete");
  EXPECT_EQ(killed.tests[16].outcome, "notrun");
  const Results resumed = read(real("resumed"));
  EXPECT_TRUE(resumed.ended);
  ASSERT_EQ(resumed.tests.size(), 26U);
  EXPECT_EQ(resumed.tests[15].outcome, "incomplete");
  EXPECT_EQ(resumed.tests[16].outcome, "pass");
}

TEST_F(ResultsTest, RunnerThatGaveUpSaysWhy) {
  const Results warned = read(real("aborted-by-warn"));
  EXPECT_EQ(warned.aborted,
            "igt@sw_sync@sync_multi_consumer: Kernel badly tainted (0x1200, 0x200); the kernel "
            "said: WARNING: CPU: 1 PID: 132 at /kiln/bench/provoke.c:5 provoke_warn+0xd/0x20 "
            "[provoke]");
  EXPECT_EQ(read(real("aborted-by-oops")).aborted,
            "igt@vgem_basic@unload: Child refuses to die, tainted 0x80; the kernel said: BUG: "
            "kernel NULL pointer dereference, address: 00000000");
}

TEST_F(ResultsTest, KilledRunnerLeavesIncompleteAndNotRun) {
  const os::Path dir = real("killed-at-second");
  std::filesystem::remove(dir / "results.json");
  const Results results = read(dir);
  EXPECT_FALSE(results.ended);
  EXPECT_THAT(
      lines(results),
      ElementsAre("igt@sw_sync@alloc_timeline skip", "igt@sw_sync@sync_multi_consumer incomplete",
                  "igt@drm_read@empty-block notrun", "igt@core_hotunplug@unbind-rebind notrun",
                  "igt@i915_selftest@mock notrun", "igt@drm_buddy@drm_buddy notrun"));
  EXPECT_EQ(results.tests[1].reason, "no output at all: the machine probably went down");
}

TEST_F(ResultsTest, UnknownSubtestSaysSo) {
  const Results results = read(real("skips-and-unknown"));
  EXPECT_EQ(results.tests[2].test, "igt@template@dynamic");
  EXPECT_EQ(results.tests[2].outcome, "skip");
  EXPECT_EQ(results.tests[2].reason, "unknown subtest: dynamic");
}

TEST_F(ResultsTest, CutResultsJsonFallsBackToTheFolders) {
  const os::Path dir = real("all-outcomes");
  const auto whole = os::read_file(dir / "results.json");
  ASSERT_TRUE(whole.has_value());
  const std::vector<std::string> expected = lines(read(dir));
  write("all-outcomes/results.json", whole->substr(0, whole->size() / 2));
  const Results results = read(dir);
  EXPECT_FALSE(results.from_json);
  EXPECT_EQ(lines(results), expected);
  EXPECT_THAT(results.notes, Contains(HasSubstr("results.json is cut or broken at byte")));
}

TEST_F(ResultsTest, WhatTheKernelSaidWhileATestDied) {
  using namespace packets;
  write("joblist.txt", "gem_pread basic\ngem_pwrite Basic,other\ni915_selftest mock@requests\n");
  write("0/comms", exec("/x/gem_pread --run-subtest basic") + start("basic"));
  write("0/dmesg.txt",
        "14,1,1000000,-;[IGT] gem_pread: starting subtest basic\n"
        "1,2,1100000,-;BUG: unable to handle page fault for address: ffffb000\n");
  const Results results = read(dir_);
  EXPECT_THAT(lines(results),
              ElementsAre("igt@gem_pread@basic incomplete", "igt@gem_pwrite@basic notrun",
                          "igt@gem_pwrite@other notrun", "igt@i915_selftest@mock@requests notrun"));
  EXPECT_THAT(results.planned,
              ElementsAre("igt@gem_pread@basic", "igt@gem_pwrite@basic", "igt@gem_pwrite@other",
                          "igt@i915_selftest@mock@requests"));
  EXPECT_EQ(results.tests[0].reason,
            "started and did not end; the kernel said: BUG: unable to handle page fault for "
            "address: ffffb000");
  EXPECT_EQ(results.tests[0].kernel_words,
            "<1> [1.100000] BUG: unable to handle page fault for address: ffffb000\n");
}

TEST_F(ResultsTest, DynamicSubtestAnswersItsPlannedParent) {
  using namespace packets;
  write("joblist.txt", "i915_selftest mock@requests\n");
  write("0/comms", exec("/x/i915_selftest") + start("mock") + dynamic_start("requests") +
                       dynamic_result("requests", "SUCCESS", "1.5") +
                       result("mock", "SUCCESS", "2.0") + exit(0, "2.1"));
  EXPECT_THAT(lines(read(dir_)),
              ElementsAre("igt@i915_selftest@mock pass", "igt@i915_selftest@mock@requests pass"));
}

TEST_F(ResultsTest, OldRunnerWithTextFiles) {
  write("joblist.txt", "gem_pread basic\ngem_pread other\n");
  write("0/journal.txt", "basic\nexit:0 (1.5s)\n");
  write("0/out.txt",
        "IGT-Version: 1.26 (x86)\nStarting subtest: basic\nSubtest basic: SUCCESS (1.2s)\n");
  write("0/err.txt", "Starting subtest: basic\nSubtest basic: SUCCESS (1.2s)\n");
  write("0/dmesg.txt", "");
  write("1/journal.txt", "other\n");
  write("1/out.txt", "Starting subtest: other\n");
  const Results results = read(dir_);
  EXPECT_THAT(lines(results),
              ElementsAre("igt@gem_pread@basic pass", "igt@gem_pread@other incomplete"));
  EXPECT_EQ(results.tests[0].seconds, 1.2);
  EXPECT_EQ(results.igt_version, "1.26");
}

TEST_F(ResultsTest, MissingListUsesWhatTheFoldersTell) {
  using namespace packets;
  write("10/comms",
        exec("/x/b --run-subtest s") + start("s") + result("s", "SUCCESS", "1") + exit(0, "1"));
  write("2/comms",
        exec("/x/a --run-subtest s") + start("s") + result("s", "SKIP", "1") + exit(77, "1"));
  write("3/out.txt", "nobody knows\n");
  const Results results = read(dir_);
  EXPECT_THAT(lines(results), ElementsAre("igt@a@s skip", "igt@b@s pass"));
  EXPECT_THAT(results.notes, ElementsAre("joblist.txt is missing: what was planned is not known",
                                         "folder 3 does not tell which test ran there"));
}

TEST_F(ResultsTest, AbortedRun) {
  write("joblist.txt", "a s\n");
  write("aborted.txt", "Aborting.\nPrevious test: a (s)\n\nKernel badly tainted (0x80)\n");
  EXPECT_EQ(read(dir_).aborted, "Aborting.\nPrevious test: a (s)\n\nKernel badly tainted (0x80)");
}

TEST_F(ResultsTest, NoResultDirectory) {
  const auto missing = read_results(dir_ / "nowhere");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(missing.error().message, "there is no result directory " + (dir_ / "nowhere").string());
  const auto empty = read_results(dir_);
  ASSERT_FALSE(empty.has_value());
  EXPECT_EQ(empty.error().message, dir_.string() + " is no result directory of igt_runner");
}

TEST_F(ResultsTest, GigabyteFilesLinksAndPipes) {
  using namespace packets;
  write("joblist.txt", "a s\nb s\nc s\n");
  write("0/comms", exec("/x/a") + start("s"));
  // Sparse: long, and quick to make.
  write("0/dmesg.txt", "4,1,5,-;first words\n");
  std::filesystem::resize_file(dir_ / "0/dmesg.txt", 3ULL << 30);
  std::filesystem::create_directories(dir_ / "1");
  std::filesystem::create_symlink("/etc/passwd", dir_ / "1/out.txt");
  std::filesystem::create_directories(dir_ / "2");
  ASSERT_EQ(mkfifo((dir_ / "2/comms").c_str(), 0600), 0);
  Limits limits;
  limits.file_bytes = 1 << 20;
  const Results results = read(dir_, limits);
  EXPECT_THAT(lines(results),
              ElementsAre("igt@a@s incomplete", "igt@b@s incomplete", "igt@c@s incomplete"));
  EXPECT_THAT(results.tests[0].kernel_words, HasSubstr("first words"));
  EXPECT_EQ(results.tests[1].out, "");
  EXPECT_THAT(results.notes,
              Contains("0/dmesg.txt is 3.2 GB long: only its beginning and its end are read"));
}

TEST_F(ResultsTest, BinaryOutputIsKept) {
  using namespace packets;
  const std::string noise("\xff\xfe\x01 noise\n");
  write("joblist.txt", "a s\n");
  write("0/comms",
        exec("/x/a") + start("s") + log(false, noise) + result("s", "FAIL", "1") + exit(98, "1"));
  write("0/dmesg.txt", std::string(100, '\0'));
  const Results results = read(dir_);
  EXPECT_THAT(results.tests.at(0).out, HasSubstr(noise));
  EXPECT_THAT(results.notes, ElementsAre("0/dmesg.txt: 1 lines are no kernel log records"));
}

}  // namespace
}  // namespace kiln::igt
