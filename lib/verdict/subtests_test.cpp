#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "lib/verdict/test_rows.h"
#include "lib/verdict/verdict.h"

/// A subtest and the dynamic subtests below it are one matter.
namespace kiln::verdict {
namespace {

using ::testing::ElementsAre;
using testing::kHigh;
using testing::Rows;

constexpr const char* kShmem = "igt@i915_selftest@mock@shmem";

const Finding* find(const Output& out, const std::string& cls) {
  const auto found = std::find_if(out.findings.begin(), out.findings.end(),
                                  [&](const Finding& finding) { return finding.cls == cls; });
  return found == out.findings.end() ? nullptr : &*found;
}

TEST(Subtests, ADynamicSubtestSpeaksForItsParent) {
  Rows rows;
  rows.functional();
  for (const char* variant : {"baseline", "patched"})
    rows.set(variant, kHigh, "igt@i915_selftest@mock", "pass");
  rows.set("patched", kHigh, "igt@i915_selftest@mock", "fail")
      .set("patched", kHigh, kShmem, "fail");
  EXPECT_THAT(suspicions(rows.input).at(0).tests, ElementsAre("igt@i915_selftest@mock"));
  rows.confirm(kHigh, kShmem, "pass", "fail");
  for (SessionRow& row : rows.input.sessions)
    if (row.purpose == "confirmation")
      row.results.push_back({"igt@i915_selftest@mock", "", row.results[0].outcome, 1, "", ""});
  const Output out = judge(rows.input);
  // The subtest that only the functional boots ran is missing in the confirming ones: not news.
  ASSERT_NE(find(out, "regression"), nullptr);
  EXPECT_EQ(find(out, "regression")->test, kShmem);
  EXPECT_THAT(find(out, "regression")->also, ElementsAre("igt@i915_selftest@mock"));
  EXPECT_EQ(out.regressions, 1);
}

// Of p2-wrong-nesting-order (tests/seeded): the kernel's report is the dynamic subtest's alone.
TEST(Subtests, AReportOfADynamicSubtestIsItsParentsCauseToo) {
  const char* parent = "igt@i915_selftest@mock";
  Rows rows;
  rows.functional();
  for (const char* variant : {"baseline", "patched"}) rows.set(variant, kHigh, parent, "pass");
  rows.set("patched", kHigh, parent, "abort").set("patched", kHigh, kShmem, "abort");
  rows.confirm(kHigh, std::vector<std::string>{parent, kShmem}, "pass", "abort");
  for (SessionRow& row : rows.input.sessions) {
    if (row.variant != "patched" || row.config != kHigh) continue;
    KernelReport report{"warning", "WARNING: at mm/highmem.c:610", "warning:kunmap", "t", kShmem};
    row.kernel.push_back(report);
    for (ResultRow& result : row.results)
      if (result.test == parent) result.kernel_words = "<4> [1.0] WARNING: at mm/highmem.c:610";
  }
  const Output out = judge(rows.input);
  EXPECT_EQ(out.regressions, 1);
  ASSERT_NE(find(out, "regression"), nullptr);
  EXPECT_EQ(find(out, "regression")->test, kShmem);
  EXPECT_THAT(find(out, "regression")->also, ElementsAre(parent));
  EXPECT_EQ(find(out, "regression")->kernel.at(0).signature, "warning:kunmap");
}

// Of p3-whole-page (tests/seeded): the panic in the dynamic subtest leaves its parent any result.
TEST(Subtests, AParentThatItsCrashedSubtestLeavesWithAnyResultAsksForNoBoots) {
  const char* parent = "igt@i915_selftest@mock";
  Rows rows;
  rows.functional();
  for (const char* variant : {"baseline", "patched"}) rows.set(variant, kHigh, parent, "pass");
  rows.set("patched", kHigh, parent, "dmesg-warn").set("patched", kHigh, kShmem, "incomplete");
  rows.confirm(kHigh, std::vector<std::string>{parent, kShmem}, "pass", "incomplete");
  int boot = 0;
  for (SessionRow& row : rows.input.sessions)
    if (row.variant == "patched" && row.purpose == "confirmation" && ++boot % 2 == 0)
      for (ResultRow& result : row.results)
        if (result.test == parent) result.outcome = "pass";
  EXPECT_THAT(suspicions(rows.input), ::testing::IsEmpty());
  const Output out = judge(rows.input);
  EXPECT_EQ(out.regressions, 1);
  ASSERT_NE(find(out, "regression"), nullptr);
  EXPECT_EQ(find(out, "regression")->test, kShmem);
  EXPECT_EQ(out.findings.size(), 1U);
}

}  // namespace
}  // namespace kiln::verdict
