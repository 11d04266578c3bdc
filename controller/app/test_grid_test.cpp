#include "controller/app/test_grid.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::controller {
namespace {

db::TestBoot boot(int64_t run, const std::string& outcome, const std::string& variant = "patched",
                  const std::string& config = "i386-highmem", int64_t session = 0) {
  return {run, session, variant, config, outcome};
}

TEST(TestGrid, ALetterARun) {
  const std::vector<db::TestBoot> boots = {boot(1, "pass"),
                                           boot(2, "fail"),
                                           boot(3, "pass"),
                                           boot(3, "crash"),
                                           boot(4, "skip"),
                                           boot(6, "pass", "baseline"),
                                           boot(6, "fail", "baseline", "i386-nohighmem"),
                                           boot(99, "fail")};
  const v1::GridTest row = grid_row("igt@a@b", {1, 2, 3, 4, 5, 6}, boots, {});
  EXPECT_EQ(row.on(), ".F~S .");
  EXPECT_EQ(row.off(), "     F");
  EXPECT_EQ(row.bad_boots(), 3);
  EXPECT_EQ(row.boots(), 6) << "skips say nothing, runs that are not shown neither";
  EXPECT_LT(row.rate_low(), 0.5);
  EXPECT_GT(row.rate_high(), 0.5);
}

TEST(TestGrid, ThePatchedBootsCountWhereThereAreAny) {
  const v1::GridTest row =
      grid_row("igt@a@b", {1}, {boot(1, "fail", "baseline"), boot(1, "pass", "patched")}, {});
  EXPECT_EQ(row.on(), ".");
}

TEST(TestGrid, FindingsSayWhatCountsDoNot) {
  const std::vector<db::TestBoot> boots = {boot(1, "fail", "patched", "i386-highmem", 11),
                                           boot(2, "pass", "patched", "i386-highmem", 12)};
  const v1::GridTest row = grid_row("igt@a@b", {1, 2, 3, 4}, boots,
                                    {{1, 11, "igt@a@b", "known"},
                                     {2, 12, "igt@a@b", "warning"},  // the kernel's words
                                     {3, 13, "igt@a@b", "coverage-lost"},
                                     {4, 14, "igt@a@b", "infrastructure"}});
  EXPECT_EQ(row.on(), "KFLI");
}

TEST(TestGrid, NamesOfConfigs) {
  EXPECT_FALSE(is_without_highmem("i386-highmem"));
  EXPECT_FALSE(is_without_highmem("i386-highmem-debug"));
  EXPECT_TRUE(is_without_highmem("i386-nohighmem"));
  EXPECT_TRUE(is_without_highmem("x86_64"));
}

}  // namespace
}  // namespace kiln::controller
