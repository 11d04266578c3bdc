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
    return effective_outcome({"igt@a@b", "", word, 0, "", words}, report);
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

TEST(Outcome, BinaryGarbageIsNoError) {
  const std::string garbage("\x00\xff<\n<>\n<9999999999>\n<3", 20);
  EXPECT_FALSE(kernel_words_bad(garbage));
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

}  // namespace
}  // namespace kiln::verdict
