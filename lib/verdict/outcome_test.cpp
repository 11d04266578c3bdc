#include "lib/verdict/outcome.h"

#include <gtest/gtest.h>

namespace kiln::verdict {
namespace {

TEST(Outcome, WordsThatAreNotUnderstoodAreBad) {
  EXPECT_EQ(kind_of("pass"), Kind::kPass);
  EXPECT_EQ(kind_of("skip"), Kind::kSkip);
  EXPECT_EQ(kind_of("notrun"), Kind::kSkip);
  for (const char* bad : {"fail", "crash", "timeout", "incomplete", "abort", "warn", "dmesg-warn",
                          "dmesg-fail", "", "PASS", "sucess"})
    EXPECT_EQ(kind_of(bad), Kind::kBad) << bad;
}

TEST(Outcome, KernelErrorsMakeAPassLess) {
  const auto outcome = [](const char* word, const char* words, bool report = false) {
    std::vector<KernelReport> kernel(report ? 1 : 0);
    for (KernelReport& one : kernel) one.test = "igt@a@b";
    return effective_outcome({"igt@a@b", "", word, 0, "", words}, kernel);
  };
  EXPECT_EQ(outcome("pass", ""), "pass");
  EXPECT_EQ(outcome("pass", "<4> [1.0] i915 0000: using default quirk"), "pass");
  EXPECT_EQ(outcome("pass", "<6> [1.0] ok\n<3> [1.1] i915 0000: bad things"), "dmesg-warn");
  EXPECT_EQ(outcome("pass", "<27>[1.1] i915: bad things"), "dmesg-warn");  // facility 3, level 3
  EXPECT_EQ(outcome("pass", "<4> [1.0] WARNING: CPU: 0 PID: 1 at x.c:1"), "dmesg-warn");
  EXPECT_EQ(outcome("fail", "<2> [1.0] BUG: unable to handle"), "dmesg-fail");
  EXPECT_EQ(outcome("crash", "<2> [1.0] BUG: unable to handle"), "crash");
  EXPECT_EQ(outcome("pass", "", true), "dmesg-warn");
  EXPECT_EQ(outcome("skip", "", true), "skip");
}

TEST(Outcome, LateTimersOfAnEmulatedMachineAreNoWarning) {
  SessionRow session;
  session.emulated = true;
  const auto outcome = [&](const char* word, const char* words) {
    return outcome_in(session, {"igt@a@b", "", word, 0, "", words});
  };
  const char* late = "<4> [23.487334] hrtimer: interrupt took 79735718 ns\n";
  EXPECT_EQ(outcome("dmesg-warn", late), "pass");
  EXPECT_EQ(outcome("dmesg-fail", late), "fail");
  EXPECT_EQ(outcome("fail", late), "fail");
  EXPECT_EQ(outcome("dmesg-warn", ""), "dmesg-warn");
  EXPECT_EQ(
      outcome("dmesg-warn", "<4> [1.0] clocksource: Long readout interval\n<4> [1.1] i915: x"),
      "dmesg-warn");
  session.kernel.push_back({"warning", "t", "s", "", "igt@a@b"});
  EXPECT_EQ(outcome("dmesg-warn", late), "dmesg-warn");
  session.kernel.clear();
  session.emulated = false;
  EXPECT_EQ(outcome("dmesg-warn", late), "dmesg-warn") << "hardware has no busy host";
}

TEST(Outcome, BinaryGarbageIsNoError) {
  const std::string garbage("\x00\xff<\n<>\n<9999999999>\n<3", 20);
  EXPECT_FALSE(kernel_words_bad(garbage));
}

TEST(Outcome, TheTellingLineIsTheErrorNotWhatStandsAboveIt) {
  EXPECT_EQ(telling_line("<4> [1.0] using default quirk\n<3> [1.1] Read of 1 bytes at 1\n<3> x"),
            "Read of 1 bytes at 1");
  EXPECT_EQ(telling_line("<4> [ 44.280111] ------------[ cut here ]------------\n"
                         "<4> [ 44.280112] WARNING: CPU: 0 PID: 1 at x.c:1 f+0x1/0x2\n"),
            "WARNING: CPU: 0 PID: 1 at x.c:1 f+0x1/0x2");
  EXPECT_EQ(telling_line("<1> [1.0] ------------[ cut here ]------------\n<1> [1.0] kernel BUG at "
                         "mm/highmem.c:358!"),
            "kernel BUG at mm/highmem.c:358!");
  EXPECT_EQ(telling_line("<4> [1.0] nothing bad\n"), "nothing bad");
  EXPECT_EQ(telling_line("[drm] *ERROR* no prefix, no time"), "[drm] *ERROR* no prefix, no time");
  EXPECT_EQ(telling_line("<3>"), "<3>");
  EXPECT_EQ(telling_line(""), "");
}

TEST(Outcome, NamesNestAtTheAtSign) {
  EXPECT_TRUE(covers("igt@i915_selftest@mock", "igt@i915_selftest@mock"));
  EXPECT_TRUE(covers("igt@i915_selftest@mock", "igt@i915_selftest@mock@shmem"));
  EXPECT_FALSE(covers("igt@i915_selftest@mock", "igt@i915_selftest@mocking"));
  EXPECT_FALSE(covers("igt@i915_selftest@mock@shmem", "igt@i915_selftest@mock"));
  EXPECT_EQ(binary_of("igt@gem_pread@basic@x"), "igt@gem_pread");
  EXPECT_EQ(binary_of("igt@gem_pread"), "igt@gem_pread");
  EXPECT_EQ(binary_of("odd"), "odd");
}

TEST(DmesgRule, IsNamed) {
  const auto rule = [](const std::string& outcome, const std::string& words,
                       std::vector<KernelReport> kernel = {}) {
    ResultRow row;
    row.test = "igt@a@b";
    row.outcome = outcome;
    row.kernel_words = words;
    return dmesg_rule(row, kernel);
  };
  EXPECT_EQ(rule("pass", "<4> [1.0] oh\n<3> [1.1] i915: no\n"),
            "it said success, but by the dmesg rules: a message of level 3 (error)");
  EXPECT_EQ(rule("dmesg-warn", "<4> [1.0] oh\n"),
            "it said success, but by the dmesg rules: a message of level 4 (warning)");
  EXPECT_EQ(rule("dmesg-fail", "<4> [1.0] WARNING: CPU: 0 PID: 1 at x.c:1\n"),
            "it said failure, but by the dmesg rules: a message with `WARNING:`");
  KernelReport report;
  report.kind = "oops";
  report.test = "igt@a@b";
  EXPECT_EQ(rule("pass", "", {report}),
            "it said success, but by the dmesg rules: a kernel report (oops)");
  report.late = true;
  EXPECT_EQ(rule("pass", "", {report}),
            "it said success, but by the dmesg rules: a kernel report (oops) that came when it had "
            "ended");
  EXPECT_EQ(rule("pass", ""), "");
  EXPECT_EQ(rule("pass", "<6> [1.0] fine\n"), "");
  EXPECT_EQ(rule("fail", ""), "");
  EXPECT_EQ(rule("incomplete", "<3> [1.0] x\n"), "") << "its own outcome says enough";
}

}  // namespace
}  // namespace kiln::verdict
