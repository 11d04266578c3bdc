#include "lib/igt/kmsg.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::igt {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

KernelLog read(std::string_view text) {
  Budget budget{1 << 20};
  return read_kmsg(text, 4096, 100, budget);
}

constexpr std::string_view kLog =
    "14,1,1000000,-;[IGT] i915_selftest: executing\n"
    "4,2,1100000,-;early warning\n"
    "14,3,1200000,-;[IGT] i915_selftest: starting subtest mock\n"
    "6,4,1300000,-;only information\n"
    "14,5,1400000,-;[IGT] i915_selftest: starting dynamic subtest Requests\n"
    "3,6,1500001,-,caller=T12;an error\\x0awith a second line\n"
    " SUBSYSTEM=pci\n"
    "14,7,1600000,-;[IGT] i915_selftest: finished subtest mock, SUCCESS\n"
    "12,8,1700000,-;[IGT] Per-test timeout exceeded. Killing the current test with SIGQUIT.\n"
    "4,9,1800000,-;late warning\n";

TEST(Kmsg, LinesOfASubtestAndItsDynamicSubtest) {
  const KernelLog log = read(kLog);
  EXPECT_EQ(log.bad_lines, 0U);
  ASSERT_EQ(log.of_test.size(), 2U);
  EXPECT_EQ(log.of_test.at({"mock", ""}).words.str(),
            "<4> [1.100000] early warning\n<3> [1.500001] an error\nwith a second line\n"
            "<4> [1.800000] late warning\n");
  EXPECT_EQ(log.of_test.at({"mock", "requests"}).words.str(),
            "<3> [1.500001] an error\nwith a second line\n");
  EXPECT_THAT(log.of_test.at({"mock", ""}).all.str(), HasSubstr("only information"));
}

TEST(Kmsg, SameWordsFromTheFormattedText) {
  const KernelLog log = read(kLog);
  const KernelText& text = log.of_test.at({"mock", ""});
  EXPECT_EQ(kernel_words(text.all.str(), 4096), text.words.str());
}

TEST(Kmsg, WithoutMarksEverythingIsUnmarked) {
  const KernelLog log = read("4,1,5,-;a\n4,2,6,c;continued\n");
  EXPECT_THAT(log.of_test, IsEmpty());
  EXPECT_EQ(log.unmarked.words.str(), "<4> [0.000005] a\n");
}

TEST(Kmsg, HarmlessAndExpectedWords) {
  EXPECT_EQ(read("4,1,5,-;Setting dangerous option reset - tainting kernel\n").unmarked.words.str(),
            "");
  EXPECT_EQ(
      read("3,1,5,-;i915: probe of 0000:00:02.0 failed with error -25\n").unmarked.words.str(), "");
  EXPECT_EQ(read("14,1,5,-;[IGT] add ignored dmesg regex: engine reset .*\n"
                 "3,2,6,-;engine reset of rcs0\n")
                .unmarked.words.str(),
            "");
  // An expression that cannot be compiled ignores nothing.
  EXPECT_THAT(read("14,1,5,-;[IGT] add ignored dmesg regex: (((\n3,2,6,-;x\n").unmarked.words.str(),
              Not(IsEmpty()));
}

TEST(Kmsg, GarbageIsCounted) {
  const KernelLog log = read(std::string("\xff\xfe\x00garbage\n4,1\n4,1,2,-\n4,1,2,-;good\n", 36));
  EXPECT_EQ(log.bad_lines, 3U);
  EXPECT_EQ(log.unmarked.words.str(), "<4> [0.000002] good\n");
}

TEST(Kmsg, WordsChangeTheOutcome) {
  EXPECT_EQ(with_kernel_words("pass", true), "dmesg-warn");
  EXPECT_EQ(with_kernel_words("warn", true), "dmesg-warn");
  EXPECT_EQ(with_kernel_words("fail", true), "dmesg-fail");
  EXPECT_EQ(with_kernel_words("skip", true), "skip");
  EXPECT_EQ(with_kernel_words("incomplete", true), "incomplete");
  EXPECT_EQ(with_kernel_words("pass", false), "pass");
}

}  // namespace
}  // namespace kiln::igt
