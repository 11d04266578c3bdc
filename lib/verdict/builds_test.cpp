#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/verdict/test_rows.h"

namespace kiln::verdict {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::kHigh;
using testing::kLow;
using testing::Rows;

const kernel::Warning kUnused{"drivers/gpu/drm/i915/i915_gem.c", 12,
                              "unused variable 'page' [-Wunused-variable]"};

TEST(Builds, APrefixThatDoesNotBuildNamesItsPatch) {
  Rows rows;
  rows.functional();
  for (const char* config : {kHigh, kLow}) {
    rows.build("baseline", config, "built").build("patched", config, "built");
    rows.build("prefix-1", config, "built")
        .build("prefix-2", config, "failed", "drivers/x.c:3: error: 'vadr' undeclared");
  }
  const Output out = judge(rows.input);
  EXPECT_EQ(out.exit_code, 1);
  ASSERT_EQ(out.findings.size(), 1U);
  EXPECT_EQ(out.findings[0].cls, "build-failure");
  EXPECT_EQ(out.findings[0].patch, "2/3 second");
  EXPECT_EQ(
      out.findings[0].summary,
      "does not build with the first 2 of 3 patches: drivers/x.c:3: error: 'vadr' undeclared");
  EXPECT_EQ(out.findings[0].evidence.size(), 2U);
  EXPECT_EQ(out.headline,
            "Do not apply yet: 1 regression (does not build with the first 2 of 3 patches: "
            "drivers/x.c:3: error: 'vadr' undeclared, from patch 2/3).");
}

TEST(Builds, APatchedCellThatDoesNotBuildIsNoInfrastructure) {
  Rows rows;
  for (const char* config : {kHigh, kLow}) {
    rows.session("functional", "baseline", config);
    rows.build("baseline", config, "built").build("patched", config, "failed", "a.c:1: error: x");
  }
  const Output out = judge(rows.input);
  EXPECT_EQ(out.result, "regression");
  ASSERT_EQ(out.findings.size(), 1U);
  EXPECT_EQ(out.findings[0].patch, "");  // no prefix was built: not known which
  rows.build("prefix-1", kHigh, "built").build("prefix-2", kHigh, "built");
  EXPECT_EQ(judge(rows.input).findings[0].patch, "3/3 third");
}

TEST(Builds, ABaselineThatDoesNotBuildIsNotTheSeries) {
  Rows rows;
  for (const char* config : {kHigh, kLow})
    rows.build("baseline", config, "failed", "a.c:1: error: x")
        .build("patched", config, "failed", "a.c:1: error: x");
  const Output out = judge(rows.input);
  EXPECT_EQ(out.result, "infrastructure");
  EXPECT_EQ(out.exit_code, 3);
  ASSERT_EQ(out.findings.size(), 1U);
  EXPECT_EQ(out.headline,
            "No verdict: the baseline does not build, with or without the series: a.c:1: error: x; "
            "no result blames the series.");
}

TEST(Builds, NewWarningsAreFoundWhateverTheirLine) {
  Rows rows;
  rows.functional();
  kernel::Warning moved = kUnused;
  moved.line = 90;
  const kernel::Warning fresh{"drivers/gpu/drm/i915/i915_gem.c", 91, "unused variable 'vaddr'"};
  rows.build("baseline", kHigh, "built", "", {kUnused})
      .build("prefix-1", kHigh, "built", "", {moved})
      .build("prefix-2", kHigh, "built", "", {moved, fresh})
      .build("patched", kHigh, "built", "", {moved, fresh});
  const Output out = judge(rows.input);
  EXPECT_EQ(out.exit_code, 0);
  EXPECT_EQ(out.warnings, 1);
  ASSERT_EQ(out.findings.size(), 1U);
  EXPECT_EQ(out.findings[0].cls, "build-warning");
  EXPECT_EQ(out.findings[0].patch, "2/3 second");
  EXPECT_EQ(out.findings[0].summary,
            "new compiler warning in drivers/gpu/drm/i915/i915_gem.c:91: unused variable 'vaddr'");
  EXPECT_THAT(out.findings[0].evidence,
              ElementsAre("prefix-2/i386-highmem: drivers/gpu/drm/i915/i915_gem.c:91",
                          "patched/i386-highmem: drivers/gpu/drm/i915/i915_gem.c:91"));
}

TEST(Builds, TheSameWarningOnceMoreIsNew) {
  Rows rows;
  rows.functional();
  rows.build("baseline", kHigh, "built", "", {kUnused})
      .build("patched", kHigh, "built", "", {kUnused, kUnused});
  EXPECT_EQ(judge(rows.input).warnings, 1);
}

TEST(Builds, FewerWarningsAreNoNews) {
  Rows rows;  // an incremental build compiles, and warns of, only what the series touches
  rows.functional();
  rows.build("baseline", kHigh, "built", "", {kUnused}).build("patched", kHigh, "built");
  EXPECT_THAT(judge(rows.input).findings, IsEmpty());
}

}  // namespace
}  // namespace kiln::verdict
