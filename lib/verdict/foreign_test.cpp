#include "lib/verdict/foreign.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/verdict/outcome.h"
#include "lib/verdict/test_rows.h"

namespace kiln::verdict {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::kHigh;
using testing::kLow;
using testing::Rows;

constexpr const char* kPread = "igt@gem_pread@basic";

KernelReport report_in(const std::string& module, const std::string& function,
                       const std::string& test) {
  KernelReport report;
  report.kind = "warning";
  report.title = "WARNING: at " + function;
  report.signature = "warning: " + function;
  report.text =
      "[   12.345678] WARNING: CPU: 0 PID: 1 at " + function + "\n[   12.4] Call Trace:\n";
  report.subsystem = module;
  report.frames = {{function, module, "", 0, false}};
  report.test = test;
  return report;
}

/// Each patched boot has the report, in its first test.
Rows with_report(const KernelReport& report) {
  Rows rows;
  rows.functional().confirm(kHigh, kPread, "pass", "pass");
  rows.input.touched_files = {"drivers/gpu/drm/i915/gem/i915_gem_shmem.c"};
  for (SessionRow& session : rows.input.sessions) {
    if (session.variant != "patched" || session.config != kHigh) continue;
    session.kernel.push_back(report);
    for (ResultRow& row : session.results)
      if (row.test == kPread)
        row.kernel_words =
            "<4>[   12.345678] WARNING: CPU: 0 PID: 1 at " + report.frames.front().function + "\n";
  }
  mark_foreign(&rows.input);
  return rows;
}

TEST(Foreign, AnotherDriversReportIsInfrastructureAndTheTestKeepsItsOutcome) {
  const Rows rows = with_report(report_in("virtio_net", "virtnet_poll", kPread));
  EXPECT_TRUE(suspicions(rows.input).empty());
  const Output out = judge(rows.input);
  EXPECT_EQ(out.result, "no-regression") << out.headline;
  ASSERT_EQ(out.findings.size(), 1U);
  const Finding& finding = out.findings[0];
  EXPECT_EQ(finding.cls, "infrastructure");
  EXPECT_THAT(finding.summary,
              AllOf(HasSubstr("of virtio_net, which the series does not touch"),
                    HasSubstr("6 of 6 boots with the series and 0 of 6 boots without it")));
  EXPECT_THAT(finding.explain, HasSubstr("touches nothing of that driver"));
  EXPECT_EQ(out.regressions, 0);
}

TEST(Foreign, ItsOwnDriversReportIsARegression) {
  const Rows rows = with_report(report_in("i915", "shmem_pread", kPread));
  const Output out = judge(rows.input);
  EXPECT_EQ(out.result, "regression");
  EXPECT_EQ(out.findings[0].test, kPread);
}

TEST(Foreign, AnErrorOfTheTestsOwnBesideItStillCounts) {
  Rows rows = with_report(report_in("virtio_net", "virtnet_poll", kPread));
  for (SessionRow& session : rows.input.sessions)
    for (ResultRow& row : session.results)
      if (!row.kernel_words.empty()) row.kernel_words += "<3>[   12.5] i915: GPU hang\n";
  EXPECT_EQ(judge(rows.input).result, "regression");
}

TEST(Foreign, WithoutTouchedFilesNothingIsForeign) {
  Rows rows = with_report(report_in("virtio_net", "virtnet_poll", kPread));
  rows.input.touched_files.clear();
  mark_foreign(&rows.input);
  EXPECT_EQ(judge(rows.input).result, "regression");
}

TEST(Foreign, OwnWordsAreAllOfThemWithoutForeignReports) {
  ResultRow row;
  row.kernel_words = "<3>[ 1.0] bad\n";
  EXPECT_EQ(own_words(row, {}), row.kernel_words);
  KernelReport other = report_in("virtio_net", "virtnet_poll", "");
  other.foreign = true;
  other.text = "[    9.0] bad";  // the same words at another time: the console's clock differs
  EXPECT_EQ(own_words(row, {other}), "");
}

TEST(Old, AReportThatTheBaselineHasElsewhereIsSaidToBeOld) {
  Rows rows = with_report(report_in("i915", "shmem_pread", kPread));
  SessionRow& base = rows.find("functional", "baseline", kLow);
  base.kernel.push_back(report_in("i915", "shmem_pread", "igt@gem_pwrite@basic"));
  const Output out = judge(rows.input);
  ASSERT_FALSE(out.findings.empty());
  ASSERT_FALSE(out.findings[0].kernel.empty());
  EXPECT_EQ(out.findings[0].kernel[0].seen,
            "this warning already happens on base: in 1 of 1 boot without the series "
            "(i386-nohighmem)");
}

TEST(Old, HistoryTellsToo) {
  Rows rows = with_report(report_in("i915", "shmem_pread", kPread));
  EXPECT_EQ(reports_to_look_up(rows.input), std::vector<std::string>{"warning: shmem_pread"});
  rows.input.old_reports = {{"warning: shmem_pread", 3}};
  const Output out = judge(rows.input);
  EXPECT_EQ(out.findings[0].kernel[0].seen,
            "this warning is old: seen without a series in 3 boots of earlier runs");
}

}  // namespace
}  // namespace kiln::verdict
