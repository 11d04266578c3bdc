#include "lib/report/paragraph.h"

#include <gtest/gtest.h>

#include "lib/report/words.h"

namespace kiln::report {
namespace {

TEST(Paragraph, WrapsAtWordsAndHangs) {
  EXPECT_EQ(wrapped("- ", "one two"), "- one two\n");
  const std::string sixty(60, 'x');
  EXPECT_EQ(wrapped("- ", sixty + " yyyyyyyyyyyy"), "- " + sixty + "\n  yyyyyyyyyyyy\n");
  EXPECT_EQ(wrapped("- ", sixty + " yyyyyyyyyyyy", 4), "- " + sixty + "\n    yyyyyyyyyyyy\n");
  const std::string long_name(90, 'z');
  EXPECT_EQ(wrapped("a ", long_name), "a " + long_name + "\n");
  EXPECT_EQ(wrapped("label   ", ""), "label\n");
}

TEST(Paragraph, CountsCodePoints) {
  EXPECT_EQ(width_of("▼ä"), 2U);
  EXPECT_EQ(padded("▼", 3), "▼  ");
  EXPECT_EQ(padded("long", 2), "long");
}

TEST(Paragraph, CleansLines) {
  EXPECT_EQ(clean_line("  a\x1b[31m\nb\x7f\xff\xc2\x9b "), "a [31m b \xEF\xBF\xBD");
}

TEST(Words, Figures) {
  EXPECT_EQ(percent(-3.14), "-3.1 %");
  EXPECT_EQ(percent(0.044), "+0.04 %");
  EXPECT_EQ(percent(-0.001), "0.00 %");
  EXPECT_EQ(interval(-4.62, -1.6), "[-4.6, -1.6]");
  EXPECT_EQ(interval(-0.62, 1.04), "[-0.62, +1.04]");
  EXPECT_EQ(number(0), "0");
  EXPECT_EQ(number(37), "37");
  EXPECT_EQ(number(2049.7), "2050");
  EXPECT_EQ(number(12.345), "12.35");
  EXPECT_EQ(number(0.00001), "1e-05");
  EXPECT_EQ(duration(-1), "-");
  EXPECT_EQ(duration(1e30), "-");
  EXPECT_EQ(duration(61), "1 min 01 s");
}

TEST(Words, TellingLinesOfAnOops) {
  v1::KernelReport report;
  report.set_title("BUG: unable to handle page fault");
  report.set_text(
      "<1>[   41.402113] BUG: unable to handle page fault\n"
      "<4>[   41.402140] EIP: shmem_pread+0x4c/0x120 [i915]\n"
      "<4>[   41.402180]  ? guess+0x1/0x2\n"
      "<4>[   41.402190]  i915_gem_pread_ioctl+0x1c2/0x3f0 [i915]\n");
  EXPECT_EQ(telling_lines(report, 4),
            (std::vector<std::string>{"BUG: unable to handle page fault",
                                      "EIP: shmem_pread+0x4c/0x120 [i915]",
                                      "i915_gem_pread_ioctl+0x1c2/0x3f0 [i915]"}));
}

}  // namespace
}  // namespace kiln::report
