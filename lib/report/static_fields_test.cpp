#include "lib/report/static_fields.h"

#include <gmock/gmock.h>

#include "lib/report/html_parts.h"
#include "lib/report/report.h"
#include "lib/report/text_parts.h"
#include "lib/verdict/test_rows.h"

namespace kiln::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// The second patch brings one of everything.
statics::Side sample() {
  const char* file = "drivers/gpu/drm/i915/gt/shmem_utils.c";
  statics::Side side;
  side.config = "i386-highmem";
  side.patches = {{1, {"W=1", "sparse", "checkpatch"}, 1, 4},
                  {2, {"W=1", "sparse", "checkpatch"}, 2, 0},
                  {3, {}, 0, 0}};
  side.checks = {
      {2, "W=1", "warning", file, 98, "variable 'n' set but not used [-Wunused-but-set-variable]"},
      {2, "sparse", "warning", file, 104,
       "incorrect type in argument 2 (different address spaces): expected void const [noderef] "
       "__user *from, got char *ptr"},
      {2, "checkpatch", "error", file, 98, "trailing whitespace [TRAILING_WHITESPACE]"},
      {2, "checkpatch", "check", "", 0, "Missing a blank line [LINE_SPACING]"}};
  side.growths = {{2, "shmem_read", "drivers/gpu/drm/i915/gt/shmem_utils.o", 180, 420, 64, 1180}};
  side.notes = {"drivers/gpu/drm/i915/gt/shmem_utils.o does not compile with patch 3: x.c:1: y"};
  return side;
}

v1::RunReport report_with(const statics::Side& side) {
  v1::RunReport report;
  for (const char* subject : {"first", "second", "third"})
    report.mutable_series()->add_patches()->set_subject(subject);
  fill_statics(side, &report);
  return report;
}

TEST(StaticFields, TheMailNamesEachPatchAndWhatItBrings) {
  EXPECT_EQ(text_statics(report_with(sample())),
            "STATIC SIDE  each patch, compiled for i386-highmem\n"
            "  1/3 first: W=1, sparse, checkpatch; 1 object, 4 older warnings\n"
            "               nothing new\n"
            "  2/3 second: W=1, sparse, checkpatch; 2 objects, 0 older warnings\n"
            "    W=1        drivers/gpu/drm/i915/gt/shmem_utils.c:98: variable 'n'\n"
            "               set but not used [-Wunused-but-set-variable]\n"
            "    sparse     drivers/gpu/drm/i915/gt/shmem_utils.c:104: incorrect type\n"
            "               in argument 2 (different address spaces): expected void\n"
            "               const [noderef] __user *from, got char *ptr\n"
            "    checkpatch error: drivers/gpu/drm/i915/gt/shmem_utils.c:98: trailing\n"
            "               whitespace [TRAILING_WHITESPACE]\n"
            "    checkpatch check: Missing a blank line [LINE_SPACING]\n"
            "    grows      shmem_read (shmem_utils.o): stack 64 -> 1180 bytes, size\n"
            "               180 -> 420 bytes\n"
            "  3/3 third: no tool looked at it\n"
            "  - drivers/gpu/drm/i915/gt/shmem_utils.o does not compile with patch 3:\n"
            "    x.c:1: y\n");
}

TEST(StaticFields, WhateverAToolPrintsIsHarmless) {
  const std::string evil = "</td><script>alert('x')</script>\x1b[31m\xff\"'&\n";
  statics::Side side;
  side.config = evil;
  side.patches = {{1, {"sparse"}, 1, 0}};
  side.checks = {{1, "sparse", "warning", evil, 3, evil}};
  side.growths = {{1, evil, evil, 1, 2, 3, 4}};
  side.notes = {evil};
  const v1::RunReport report = report_with(side);
  EXPECT_TRUE(message_to_json(report)) << "valid UTF-8";
  EXPECT_THAT(html_statics(report), Not(HasSubstr("<script>")));
  for (const char c : text_statics(report))
    EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 || c == '\n') << static_cast<int>(c);
}

TEST(StaticFields, AStoredReportIsJudgedAsTheFirst) {
  verdict::testing::Rows rows;
  rows.functional();
  rows.input.statics = sample();
  const verdict::Output first = verdict::judge(rows.input);
  v1::RunReport report;
  fill(first, &report);
  rows.input.statics = statics_of(report);
  const verdict::Output again = verdict::judge(rows.input);
  v1::RunReport twice;
  fill(again, &twice);
  EXPECT_EQ(report.SerializeAsString(), twice.SerializeAsString());
  EXPECT_EQ(again.warnings, 4) << "one a tool, one for the frame";
  EXPECT_EQ(statics_of(report).checks, first.statics.checks);
  EXPECT_EQ(statics_of(report).growths, first.statics.growths);
}

TEST(StaticFields, NothingLookedAtIsNoSection) {
  v1::RunReport report;
  report.mutable_static_side()->add_notes("old");
  fill_statics({}, &report);
  EXPECT_FALSE(report.has_static_side());
  EXPECT_EQ(text_statics(report), "");
  EXPECT_EQ(html_statics(report), "");
}

TEST(StaticFields, AReasonWhyNothingWasLookedAtIsShown) {
  v1::RunReport report;
  statics::Side side;
  side.notes = {"not looked at: no space left"};
  fill_statics(side, &report);
  EXPECT_EQ(text_statics(report), "STATIC SIDE\n  - not looked at: no space left\n");
  EXPECT_THAT(html_statics(report), HasSubstr("<li>not looked at: no space left</li>"));
}

TEST(StaticFields, AMailShowsTheFirstOfMany) {
  v1::RunReport report;
  statics::Side side;
  side.patches = {{1, {"sparse"}, 1, 0}};
  for (int i = 1; i <= 50; ++i) side.checks.push_back({1, "sparse", "warning", "a.c", i, "x"});
  fill_statics(side, &report);
  EXPECT_THAT(text_statics(report), HasSubstr("and 38 more"));
  EXPECT_THAT(text_statics(report), Not(HasSubstr("a.c:13:")));
  EXPECT_THAT(html_statics(report), HasSubstr("a.c:50"));
}

}  // namespace
}  // namespace kiln::report
