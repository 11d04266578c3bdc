#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/verdict/test_rows.h"

namespace kiln::verdict {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kHigh;
using testing::Rows;

constexpr const char* kFile = "drivers/gpu/drm/i915/i915_gem.c";

Rows looked_at() {
  Rows rows;
  rows.functional();
  for (int patch = 1; patch <= 3; ++patch)
    rows.input.statics.patches.push_back({patch, {"W=1", "sparse", "checkpatch"}, 2, 0});
  return rows;
}

TEST(Statics, NothingNewIsNoFinding) {
  const Output out = judge(looked_at().input);
  EXPECT_THAT(out.findings, IsEmpty());
  EXPECT_EQ(out.statics.patches.size(), 3U) << "what was looked at is kept";
}

TEST(Statics, OneWarningAPatchAndTool) {
  Rows rows = looked_at();
  rows.input.statics.checks = {
      {2, "W=1", "warning", kFile, 12, "variable 'x' set but not used"},
      {2, "sparse", "warning", kFile, 20, "different address spaces"},
      {2, "sparse", "warning", kFile, 30, "Using plain integer as NULL pointer"},
      {3, "checkpatch", "error", kFile, 40, "trailing whitespace [TRAILING_WHITESPACE]"}};
  const Output out = judge(rows.input);
  ASSERT_EQ(out.findings.size(), 3U);
  EXPECT_EQ(out.warnings, 3);
  EXPECT_EQ(out.exit_code, 0) << "never a regression";
  EXPECT_EQ(out.findings[0].cls, "warning");
  EXPECT_EQ(out.findings[0].patch, "2/3 second");
  EXPECT_EQ(out.findings[0].summary,
            std::string("1 new warning of W=1: ") + kFile + ":12: variable 'x' set but not used");
  EXPECT_EQ(out.findings[1].summary, std::string("2 new warnings of sparse, first: ") + kFile +
                                         ":20: different address spaces");
  EXPECT_THAT(out.findings[1].evidence, ElementsAre(HasSubstr(":20: "), HasSubstr(":30: ")));
  EXPECT_THAT(out.findings[1].explain,
              HasSubstr("the same tool does not say it of the source before it"));
  EXPECT_EQ(out.findings[2].patch, "3/3 third");
  EXPECT_THAT(out.findings[2].explain, HasSubstr("as it is written"));
}

TEST(Statics, LesserWordsOfCheckpatchAreNoFinding) {
  Rows rows = looked_at();
  rows.input.statics.checks = {{1, "checkpatch", "warning", kFile, 1, "long line"},
                               {1, "checkpatch", "check", kFile, 2, "CamelCase"}};
  EXPECT_THAT(judge(rows.input).findings, IsEmpty());
}

TEST(Statics, WhatTheBuildSaysIsNotSaidTwice) {
  Rows rows = looked_at();
  const kernel::Warning unused{kFile, 12, "unused variable 'page' [-Wunused-variable]"};
  rows.build("baseline", kHigh, "built").build("patched", kHigh, "built", "", {unused});
  rows.input.statics.checks = {{1, "W=1", "warning", kFile, 12, unused.text}};
  const Output out = judge(rows.input);
  ASSERT_EQ(out.findings.size(), 1U);
  EXPECT_EQ(out.findings[0].cls, "build-warning");
}

TEST(Statics, OnlyALargeFrameIsAWarning) {
  Rows rows = looked_at();
  rows.input.statics.growths = {{2, "shmem_pread", "i915_gem.o", 100, 400, 64, 1600},
                                {2, "shmem_pwrite", "i915_gem.o", 100, 400, 64, 128}};
  const Output out = judge(rows.input);
  ASSERT_EQ(out.findings.size(), 1U);
  EXPECT_EQ(out.findings[0].summary,
            "1 large stack frame: shmem_pread in i915_gem.o takes 1600 bytes of stack (64 before)");
  EXPECT_EQ(out.findings[0].patch, "2/3 second");
}

TEST(Statics, APatchNumberThatIsNoneNamesNoPatch) {
  Rows rows = looked_at();
  rows.input.statics.patches = {{7, {"W=1"}, 1, 0}};
  rows.input.statics.checks = {{7, "W=1", "warning", kFile, 1, "x"}};
  const Output out = judge(rows.input);
  ASSERT_EQ(out.findings.size(), 1U);
  EXPECT_EQ(out.findings[0].patch, "");
}

}  // namespace
}  // namespace kiln::verdict
