#include "lib/statics/statics.h"

#include <gmock/gmock.h>

namespace kiln::statics {
namespace {

using kernel::Warning;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kFile = "drivers/gpu/drm/i915/i915_gem.c";
constexpr const char* kObject = "drivers/gpu/drm/i915/i915_gem.o";
constexpr const char* kUnused = "variable 'ret' set but not used [-Wunused-but-set-variable]";

std::vector<std::string> places(const std::vector<Check>& checks) {
  std::vector<std::string> out;
  for (const Check& check : checks)
    out.push_back(std::to_string(check.patch) + " " + check.tool + " " + check.file + ":" +
                  std::to_string(check.line));
  return out;
}

TEST(Compare, AMovedWarningIsNotNew) {
  Side side;
  compare(1, {{kObject, {{{kFile, 100, kUnused}}, {}, {}, ""}}},
          {{kObject, {{{kFile, 107, kUnused}}, {}, {}, ""}}}, {{kFile, {1, 2, 3}}}, &side);
  EXPECT_THAT(side.checks, IsEmpty());
  ASSERT_EQ(side.patches.size(), 1U);
  EXPECT_EQ(side.patches[0].objects, 1);
  EXPECT_EQ(side.patches[0].older, 1);
}

TEST(Compare, OfTwoAlikeTheOneOnAnAddedLineIsTheNewOne) {
  // The old one stands below now; without the patch's lines it would be taken for the new one.
  Side side;
  compare(2, {{kObject, {{{kFile, 500, kUnused}}, {}, {}, ""}}},
          {{kObject, {{{kFile, 120, kUnused}, {kFile, 503, kUnused}}, {}, {}, ""}}},
          {{kFile, {119, 120, 121}}}, &side);
  EXPECT_THAT(places(side.checks), ElementsAre("2 W=1 drivers/gpu/drm/i915/i915_gem.c:120"));
}

TEST(Compare, AWarningOfAHeaderIsToldOnce) {
  const Warning warning{"include/linux/highmem.h", 12, "symbol 'x' was not declared"};
  Side side;
  compare(1, {{"a.o", {}}, {"b.o", {}}},
          {{"a.o", {{}, {warning}, {}, ""}}, {"b.o", {{}, {warning}, {}, ""}}}, {}, &side);
  EXPECT_THAT(places(side.checks), ElementsAre("1 sparse include/linux/highmem.h:12"));
}

TEST(Compare, GrowthIsListedFromItsThresholds) {
  ObjectState before;
  ObjectState after;
  const auto symbol = [&](const char* name, Symbol then, Symbol now) {
    if (then.size != 0) before.symbols[name] = then;
    after.symbols[name] = now;
  };
  symbol("larger", {100, 16}, {100 + kListedSize, 16});
  symbol("a_little", {100, 16}, {100 + kListedSize - 1, 16 + kListedStack - 1});
  symbol("deeper", {100, 16}, {100, 16 + kListedStack});
  symbol("smaller", {1000, 800}, {10, 0});
  symbol("new_and_small", {0, 0}, {4000, 64});
  symbol("new_and_deep", {0, 0}, {40, kLargeFrameGrowth});
  Side side;
  compare(1, {{kObject, before}}, {{kObject, after}}, {}, &side);
  std::vector<std::string> names;
  for (const Growth& growth : side.growths) names.push_back(growth.symbol);
  EXPECT_THAT(names, ElementsAre("new_and_deep", "deeper", "larger"));
}

TEST(Compare, ALargeFrameIsOneThatIsNewlyLargeOrGrewMuch) {
  const auto large = [](uint64_t before, uint64_t after) {
    Growth growth;
    growth.stack_before = before;
    growth.stack_after = after;
    return is_large(growth);
  };
  EXPECT_TRUE(large(1000, kLargeFrame + 1));
  EXPECT_FALSE(large(1000, kLargeFrame));
  EXPECT_TRUE(large(100, 100 + kLargeFrameGrowth));
  EXPECT_FALSE(large(100, 100 + kLargeFrameGrowth - 1));
  EXPECT_FALSE(large(2000, 2100)) << "large before";
  EXPECT_FALSE(large(UINT64_MAX - 10, 5));
}

TEST(Compare, WhatDoesNotCompileIsNotedAndNotCompared) {
  Side side;
  ObjectState broken;
  broken.error = "drivers/x.c:3: 'y' undeclared";
  ObjectState fine;
  fine.warnings = {{"drivers/x.c", 1, "w"}};
  compare(1, {{"drivers/x.o", fine}}, {{"drivers/x.o", broken}}, {}, &side);
  compare(2, {{"drivers/x.o", broken}}, {{"drivers/x.o", fine}}, {}, &side);
  EXPECT_THAT(side.checks, IsEmpty());
  EXPECT_THAT(side.notes,
              ElementsAre(HasSubstr("does not compile with patch 1: drivers/x.c:3: 'y' undeclared"),
                          HasSubstr("does not compile before patch 2")));
}

TEST(Compare, AnObjectThatAPatchBringsIsAllNew) {
  Side side;
  ObjectState fresh;
  fresh.warnings = {{"drivers/new.c", 7, "w"}};
  compare(3, {}, {{"drivers/new.o", fresh}}, {}, &side);
  EXPECT_THAT(places(side.checks), ElementsAre("3 W=1 drivers/new.c:7"));
}

TEST(Compare, AFloodIsCutAndSaid) {
  ObjectState after;
  for (int i = 0; i < 5000; ++i) {
    after.warnings.push_back({"a.c", i, "w" + std::to_string(i)});
    after.symbols["f" + std::to_string(i)] = {10, 5000};
  }
  Side side;
  compare(1, {{"a.o", {}}}, {{"a.o", after}}, {}, &side);
  EXPECT_EQ(side.checks.size(), kMostChecks);
  EXPECT_EQ(side.growths.size(), kMostGrowths);
  EXPECT_THAT(side.notes, ElementsAre(HasSubstr("brings 5000 warnings of W=1"),
                                      HasSubstr("makes 5000 symbols larger")));
}

TEST(Checkpatch, ErrorsComeFirstAndCarryThePatch) {
  std::vector<Check> said(3);
  said[0].level = "check";
  said[1].level = "error";
  said[2].level = "warning";
  Side side;
  add_checkpatch(2, said, &side);
  ASSERT_EQ(side.checks.size(), 3U);
  EXPECT_EQ(side.checks[0].level, "error");
  EXPECT_EQ(side.checks[2].level, "check");
  EXPECT_EQ(side.checks[1].patch, 2);
}

TEST(Patch, AddedLinesAreThoseOfTheNewFile) {
  series::Patch patch;
  auto files =
      series::parse_diff("--- a/x.c\n+++ b/x.c\n@@ -10,3 +20,4 @@\n a\n-b\n+c\n+d\n e\n", "p");
  ASSERT_TRUE(files);
  patch.files = *files;
  EXPECT_EQ(added_lines(patch), (AddedLines{{"x.c", {21, 22}}}));
}

TEST(Patch, AsAMailItHasWhatCheckpatchLooksFor) {
  series::Patch patch;
  patch.author = "A B <a@b.example>";
  patch.subject = "drm/i915: do it";
  patch.body = "Because.\n\nSigned-off-by: A B <a@b.example>";
  patch.diff = "diff --git a/x b/x\n";
  EXPECT_EQ(as_mail(patch),
            "From: A B <a@b.example>\nSubject: [PATCH] drm/i915: do it\n\nBecause.\n\n"
            "Signed-off-by: A B <a@b.example>\n---\ndiff --git a/x b/x\n");
}

}  // namespace
}  // namespace kiln::statics
