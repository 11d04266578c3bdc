#include "lib/igt/reason.h"

#include <gtest/gtest.h>

namespace kiln::igt {
namespace {

std::string reason(std::string_view outcome, std::string_view out, std::string_view err = "",
                   std::string_view words = "", std::string_view told = "") {
  return reason_of({outcome, out, err, words, told});
}

TEST(Reason, Skips) {
  EXPECT_EQ(
      reason("skip",
             "Test requirement not met in function drm_open_driver, file ../lib/drmtest.c:790:\n"
             "Test requirement: !(fd<0)\nNo known gpu found for chipset flags 0x1 (intel)\n"
             "Last errno: 2, No such file or directory\n"),
      "No known gpu found for chipset flags 0x1 (intel) (requirement: !(fd<0))");
  EXPECT_EQ(reason("skip", "Test requirement: has_sw_sync()\nLast errno: 2, No such file\n"),
            "requirement not met: has_sw_sync()");
  EXPECT_EQ(reason("skip", "Test requirement: x\nNo newline hereLast errno: 1, Not permitted\n"),
            "No newline here (requirement: x)");
  EXPECT_EQ(reason("skip", "", "[1.5] (template:12) igt_core-CRITICAL: Unknown subtest: nope\n"),
            "unknown subtest: nope");
  EXPECT_EQ(reason("skip", "no GPU here\nSubtest a: SKIP (0.000s)\n"), "no GPU here");
}

TEST(Reason, Failures) {
  constexpr std::string_view kErr =
      "Starting subtest: f\n[1.0] (x:1) CRITICAL: Test assertion failure function g, file "
      "../tests/x.c:94:\n[1.0] (x:1) CRITICAL: Failed assertion: result == 1\n"
      "[1.0] (x:1) CRITICAL: Last errno: 2, No such file\n[1.0] (x:1) CRITICAL: error: 0 != 1\n";
  EXPECT_EQ(reason("fail", "", kErr), "failed assertion: result == 1, 0 != 1 (tests/x.c:94)");
  EXPECT_EQ(reason("fail", "", "", "", "selftest failed: -22"), "selftest failed: -22");
  EXPECT_EQ(reason("dmesg-fail", "", "", "<3> [1.000000] i915: oh no\n"), "i915: oh no");
}

TEST(Reason, OtherOutcomes) {
  EXPECT_EQ(reason("pass", "x", "y", "<4> [1.0] z\n"), "");
  EXPECT_EQ(reason("crash", "", "Received signal SIGSEGV.\n"), "received signal SIGSEGV");
  EXPECT_EQ(reason("timeout", "x"), "ran longer than its time limit");
  EXPECT_EQ(reason("incomplete", "x"), "started and did not end");
  EXPECT_EQ(reason("incomplete", "x", "", "<4> [1.000000] BUG: bad\n"),
            "started and did not end; the kernel said: BUG: bad");
  EXPECT_EQ(reason("incomplete", ""), "no output at all: the machine probably went down");
  EXPECT_EQ(reason("notrun", ""), "did not run");
  EXPECT_EQ(reason("dmesg-warn", "", "", "<4> [1.000000] oh\n<4> [2.000000] no\n"), "oh");
  EXPECT_EQ(reason("abort", "", "[1.0] (x:1) CRITICAL: abort condition: true\n"),
            "abort condition: true");
  EXPECT_EQ(reason("abort",
                   "\nThis test caused an abort condition: Kernel badly tainted (0x1200, 0x200) "
                   "(check dmesg for details):\n(0x200) TAINT_WARN: WARN_ON has happened.\n",
                   "",
                   "<4> [44.280111] ------------[ cut here ]------------\n"
                   "<4> [44.280762] WARNING: CPU: 1 PID: 132 at x.c:5 provoke_warn+0xd/0x20\n"),
            "Kernel badly tainted (0x1200, 0x200); the kernel said: WARNING: CPU: 1 PID: 132 at "
            "x.c:5 provoke_warn+0xd/0x20");
}

TEST(Reason, IsOneBoundedLineOfValidText) {
  const std::string text = reason("skip", "Test requirement: \x1b[1m\xff" + std::string(9000, 'x'));
  EXPECT_LE(text.size(), 310U);
  EXPECT_EQ(text.find('\n'), std::string::npos);
  EXPECT_EQ(text.substr(0, 30), "requirement not met: \xef\xbf\xbdxxxxxx");
}

}  // namespace
}  // namespace kiln::igt
