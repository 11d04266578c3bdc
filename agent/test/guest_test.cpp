#include "agent/test/guest.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "lib/os/files.h"
#include "lib/os/process.h"

namespace kiln::agent {
namespace {

TEST(TestStart, IsReadFromTheRunnersLines) {
  const auto one = read_test_start("[19.783799] [04/20] i915_selftest (mock)");
  ASSERT_TRUE(one);
  EXPECT_EQ(one->index, 4);
  EXPECT_EQ(one->total, 20);
  EXPECT_EQ(one->test, "igt@i915_selftest@mock");
  EXPECT_EQ(read_test_start("[0001.20] [1/3] core_auth")->test, "igt@core_auth");
  EXPECT_EQ(read_test_start("[0001.20] [1/3] gem_x (a, b)")->test, "igt@gem_x");
}

TEST(TestStart, OtherLinesAreNone) {
  EXPECT_FALSE(read_test_start("[20.134245] Starting subtest: mock"));
  EXPECT_FALSE(read_test_start("[20.13] [x/20] i915_selftest (mock)"));
  EXPECT_FALSE(read_test_start("\xff\xfe"));
  EXPECT_FALSE(read_test_start("[20.13] [99999999999999/20] i915_selftest (mock)"));
}

/// The scripts run on this computer's shell, in a folder of its own.
class GuestScripts : public testing::Test {
 protected:
  void SetUp() override { dir_ = *os::make_temp_dir(testing::TempDir(), "guest it's"); }
  void TearDown() override { (void)os::remove_tree(dir_); }
  os::Exit sh(const std::string& script, const std::string& input = "") {
    os::Command command;
    command.argv = {"sh", "-c", script};
    command.stdin_text = input;
    auto exit = os::run(command);
    EXPECT_TRUE(exit) << (exit ? "" : render(exit.error()));
    return exit.value_or(os::Exit());
  }
  os::Path dir_;
};

TEST_F(GuestScripts, ARunnerIsStartedFollowedAndItsExitCodeKnown) {
  const std::string folder = (dir_ / "p").string();
  EXPECT_TRUE(sh(list_script(folder, 6), "igt@a\n").ok());
  EXPECT_EQ(*os::read_file(dir_ / "p/list"), "igt@a\n");
  const os::Exit started =
      sh(start_script(folder, 2, {"sh", "-c", "echo one; sleep 0.3; echo 'two three'; exit 5"}));
  EXPECT_TRUE(started.ok()) << started.err;
  EXPECT_FALSE(trim(started.out).empty());
  const os::Exit followed = sh(follow_script(folder, 2, 0));
  EXPECT_EQ(followed.out, "one\ntwo three\n");
  EXPECT_EQ(followed.err, "5\n");
  EXPECT_EQ(sh(follow_script(folder, 2, 4)).out, "two three\n");
}

TEST_F(GuestScripts, AListOfWhichHalfCameIsNone) {
  EXPECT_FALSE(sh(list_script((dir_ / "p").string(), 7), "igt@a\n").ok());
}

/// As when the connection of the first has broken: it is under way, or done, or gone.
TEST_F(GuestScripts, WhatIsAskedForAgainIsDoneOnce) {
  const std::string token = fmt::format("test-{}", ::getpid());
  const std::string log = shell_quote((dir_ / "log").string());
  const auto ask = [&](const std::string& name, const std::string& command) {
    return "sh -c " + shell_quote(once_script(token + name, command));
  };
  const std::string slow = ask("-slow", "echo run >>" + log + "; sleep 0.5; echo words");
  const os::Exit both = sh(slow + " & " + slow + " & wait; " + slow + " && echo well");
  EXPECT_EQ(both.out, "well\n") << both.err;
  EXPECT_EQ(*os::read_file(dir_ / "log"), "run\n");
  // Killed in its middle: the next one does it.
  const std::string dies = ask("-dies", "echo dies >>" + log + "; [ -e " + log + ".2 ] || " +
                                            "{ : >" + log + ".2; kill -KILL $$; }");
  EXPECT_FALSE(sh(dies).ok());
  EXPECT_TRUE(sh(dies).ok());
  EXPECT_EQ(*os::read_file(dir_ / "log"), "run\ndies\ndies\n");
  // A bad end is told with its words, each time.
  for (int i = 0; i < 2; ++i) {
    const os::Exit bad = sh(ask("-bad", "echo why >&2; exit 5"));
    EXPECT_EQ(bad.code, 5);
    EXPECT_EQ(bad.err, "why\n");
  }
  // Input is the command's.
  EXPECT_TRUE(sh(once_script(token + "-in", "cat >" + log), "given\n").ok());
  EXPECT_EQ(*os::read_file(dir_ / "log"), "given\n");
  sh("rm -f /run/kiln-" + token + "-*");
}

TEST_F(GuestScripts, ARunnerThatAbortedSaysSo) {
  const std::string folder = (dir_ / "p").string();
  EXPECT_TRUE(sh(list_script(folder, 6), "igt@a\n").ok());
  const auto attempt = [&](int number, const std::string& script) {
    EXPECT_TRUE(sh(start_script(folder, number, {"sh", "-c", "sleep 0.1; " + script})).ok());
    return sh(follow_script(folder, number, 0)).err;
  };
  EXPECT_EQ(attempt(0, "mkdir -p results; echo why >results/aborted.txt; exit 1"),
            "1\nkiln-aborted\n");
  // As igt_runner 2.5 does behind a test: the last packet overrides its result.
  EXPECT_EQ(attempt(1,
                    "mkdir -p results/0 results/1; printf 'x\\0pass\\0' >results/0/comms; "
                    "printf 'y\\0abort\\0' >results/1/comms; exit 1"),
            "1\nkiln-aborted\n");
  EXPECT_EQ(attempt(2, "mkdir -p results/2; printf 'abort\\0SUCCESS\\0' >results/2/comms"), "0\n")
      << "what the attempt before left does not count";
}

TEST_F(GuestScripts, ARunnerThatWillNotEndIsKilled) {
  const std::string folder = (dir_ / "p").string();
  sh(list_script(folder, 0));
  const os::Exit started =
      sh(start_script(folder, 0, {"sh", "-c", "trap '' TERM; while :; do sleep 1; done"}));
  EXPECT_TRUE(sh(kill_script(folder, 0)).ok());
  // Ended; whether somebody has reaped it is not our concern.
  const std::string status = fmt::format("/proc/{}/status", trim(started.out));
  EXPECT_TRUE(sh("! grep -q '^State:[[:space:]]*[RSD]' " + status).ok()) << "it runs on";
}

TEST_F(GuestScripts, ATestThatWillNotEndIsKilledAndTheRunnerGoesOn) {
  if (os::find_program("pgrep").empty()) GTEST_SKIP() << "pgrep is not installed";
  const std::string folder = (dir_ / "p").string();
  sh(list_script(folder, 0));
  // A runner whose test leads a group of its own, as igt_runner's do.
  sh(start_script(folder, 0,
                  {"sh", "-c",
                   "setsid sh -c \"trap '' TERM; echo started; while :; do sleep 1; done\" & "
                   "wait; echo next test"}));
  while (sh("cat " + shell_quote(folder + "/out.0")).out != "started\n") {
  }
  EXPECT_TRUE(sh(kill_test_script(folder, 0)).ok());
  EXPECT_EQ(sh(follow_script(folder, 0, 0)).out, "started\nnext test\n");
}

TEST_F(GuestScripts, LongFilesAreCutBeforeTheyTravelAndTold) {
  const std::string folder = (dir_ / "p").string();
  sh("mkdir -p " + shell_quote(folder) + "/results/0; cd " + shell_quote(folder) +
     "/results; echo small >0/err.txt; head -c 5000000 /dev/zero >'0/out it.txt'");
  const os::Exit fetched = sh(fetch_script(folder, 1'000'000, 100'000'000));
  EXPECT_TRUE(fetched.ok()) << fetched.err;
  EXPECT_LT(fetched.out.size(), 1'100'000U);
  const auto cuts = read_cuts(fetched.err);
  ASSERT_EQ(cuts.size(), 1U);
  EXPECT_EQ(cuts[0].bytes, 5'000'000U);
  EXPECT_EQ(cuts[0].file, "0/out it.txt");
}

TEST_F(GuestScripts, ManyFilesAreCutToo) {
  const std::string folder = (dir_ / "p").string();
  sh("mkdir -p " + shell_quote(folder) + "/results; cd " + shell_quote(folder) +
     "/results; for i in 1 2 3 4 5; do head -c 900000 /dev/zero >$i; done");
  const os::Exit fetched = sh(fetch_script(folder, 1'000'000, 2'000'000));
  EXPECT_EQ(read_cuts(fetched.err).size(), 5U);
  EXPECT_LT(fetched.out.size(), 500'000U);
}

TEST_F(GuestScripts, NoResultsGiveAnEmptyAnswer) {
  const os::Exit fetched = sh(fetch_script((dir_ / "none").string(), 1'000, 1'000));
  EXPECT_TRUE(fetched.ok());
  EXPECT_EQ(fetched.out, "");
}

}  // namespace
}  // namespace kiln::agent
