#include "lib/verdict/known.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/verdict/explain.h"
#include "lib/verdict/test_rows.h"

namespace kiln::verdict {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace testing;  // NOLINT: rows

constexpr const char* kPread = "igt@gem_pread@basic";
constexpr const char* kPwrite = "igt@gem_pread@offset";

known::Filter filter(int64_t id, const std::string& test) {
  known::Filter f;
  f.id = id;
  f.test = test;
  f.author = "keeper";
  f.reason = "bug 114";
  return f;
}

/// Two tests of one binary fail with the series in every boot with HIGHMEM.
Rows broken() {
  Rows rows;
  rows.input.planned_tests.emplace_back(kPwrite);
  rows.functional();
  for (SessionRow& session : rows.input.sessions)
    session.results.push_back({kPwrite, "gem", "pass", 1, "", ""});
  for (const char* test : {kPread, kPwrite}) rows.set("patched", kHigh, test, "fail", "ret == 0");
  const std::vector<std::string> both{kPread, kPwrite};
  for (int i = 0; i < 3; ++i) rows.confirm(kHigh, both, "pass", "fail");
  return rows;
}

const Finding& find(const Output& out, const std::string& cls) {
  static const Finding none;
  for (const Finding& finding : out.findings)
    if (finding.cls == cls) return finding;
  return none;
}

TEST(Known, AMatchingRegressionCountsNoMore) {
  Rows rows = broken();
  ASSERT_EQ(judge(rows.input).result, "regression");
  rows.input.known = {filter(3, "igt@gem_pread@*")};
  const Output out = judge(rows.input);
  EXPECT_EQ(out.result, "no-regression");
  EXPECT_EQ(out.regressions, 0);
  EXPECT_EQ(out.known, 1);
  EXPECT_THAT(out.headline, HasSubstr("none is worse with the series, 1 known issue aside"));
  const Finding& known = find(out, "known");
  EXPECT_EQ(known.known, "filter 3: bug 114");
  EXPECT_EQ(known.bare_cls, "regression");
  EXPECT_TRUE(known.only_patched);
  EXPECT_THAT(known.explain,
              HasSubstr("It is a known issue and does not count here (filter 3: bug 114)."));
  ASSERT_THAT(out.known_filters, SizeIs(1));
  EXPECT_EQ(out.known_filters[0].id, 3);
}

TEST(Known, OfOneCauseOnlyTheCoveredTestsTurnKnown) {
  Rows rows = broken();
  rows.input.known = {filter(3, kPread)};
  const Output out = judge(rows.input);
  EXPECT_EQ(out.result, "regression");
  EXPECT_EQ(find(out, "regression").test, kPwrite);
  EXPECT_THAT(find(out, "regression").also, IsEmpty());
  EXPECT_EQ(find(out, "known").test, kPread);
  EXPECT_EQ(out.findings.back().cls, "known") << "what is known comes last";
}

TEST(Known, EachOccurrenceMustBeCovered) {
  Rows rows = broken();
  known::Filter f = filter(3, "igt@*");
  f.outcomes = {"fail"};
  rows.input.known = {f};
  ASSERT_EQ(judge(rows.input).regressions, 0);
  rows.input.sessions.back().results[0].outcome = "crash";
  EXPECT_EQ(judge(rows.input).regressions, 1) << "one boot crashed, which nobody knew of";
}

TEST(Known, ANewReportOnTheSameTestIsNotHidden) {
  Rows rows = broken();
  rows.input.known = {filter(3, "igt@*")};
  for (SessionRow& session : rows.input.sessions)
    if (session.variant == "patched" && session.config == kHigh) {
      KernelReport report;
      report.kind = "oops";
      report.title = "BUG: unable to handle page fault";
      report.signature = "oops: shmem_pread";
      report.test = kPread;
      session.kernel.push_back(report);
    }
  Output out = judge(rows.input);
  EXPECT_EQ(out.regressions, 1);
  EXPECT_EQ(find(out, "regression").test, kPread);
  EXPECT_EQ(find(out, "known").test, kPwrite);
  known::Filter oops = filter(4, "igt@gem_pread*");
  oops.signature = "oops: shmem_pread*";
  rows.input.known.push_back(oops);
  out = judge(rows.input);
  EXPECT_EQ(out.regressions, 0);
  EXPECT_THAT(out.known_filters, SizeIs(2));
}

TEST(Known, AReportOutsideOfTestsMayBeKnown) {
  Rows rows;
  rows.functional();
  for (int i = 0; i < 3; ++i) rows.confirm(kHigh, kPread, "pass", "pass");
  for (SessionRow& session : rows.input.sessions)
    if (session.variant == "patched") {
      KernelReport report;
      report.kind = "warning";
      report.title = "WARNING: at drm_foo";
      report.signature = "warning: drm_foo";
      session.kernel.push_back(report);
    }
  ASSERT_NE(judge(rows.input).result, "no-regression");
  known::Filter f = filter(5, "");
  f.signature = "warning: drm_*";
  rows.input.known = {f};
  const Output out = judge(rows.input);
  EXPECT_EQ(out.known, 1);
  EXPECT_EQ(find(out, "known").test, "");
  EXPECT_EQ(out.occurrences.at(0).outcome, "report");
  EXPECT_EQ(out.occurrences.at(0).report, 0);
}

TEST(Known, FiltersHoldForRunsThatEndedInTime) {
  Rows rows = broken();
  known::Filter f = filter(3, "igt@*");
  f.expires = WallTime(Millis(1000));
  rows.input.known = {f};
  rows.input.ended = WallTime(Millis(1000));
  EXPECT_EQ(judge(rows.input).regressions, 0);
  rows.input.ended = WallTime(Millis(1001));
  EXPECT_EQ(judge(rows.input).regressions, 1);
}

TEST(Known, MachinesAndTagsNarrow) {
  Rows rows = broken();
  for (SessionRow& session : rows.input.sessions) {
    session.machine = "kbl-3";
    session.tags = {"gen9"};
  }
  known::Filter f = filter(3, "igt@*");
  f.tag = "gen8";
  rows.input.known = {f};
  EXPECT_EQ(judge(rows.input).regressions, 1);
  rows.input.known[0].tag = "gen9";
  rows.input.known[0].machine = "kbl-*";
  EXPECT_EQ(judge(rows.input).regressions, 0);
}

TEST(Known, WhatIsAsBadWithoutTheSeriesMustBeCoveredOnBothSides) {
  Rows rows;
  rows.functional();
  for (const char* variant : {"baseline", "patched"}) rows.set(variant, kHigh, kPread, "fail", "x");
  rows.input.known = {filter(3, kPread)};
  const Output out = judge(rows.input);
  EXPECT_EQ(find(out, "known").bare_cls, "not-the-series");
  EXPECT_FALSE(find(out, "known").only_patched);
  EXPECT_THAT(out.occurrences, SizeIs(2));
}

TEST(Known, AFixStaysAFix) {
  Rows rows;
  rows.functional();
  rows.set("baseline", kHigh, kPread, "fail", "x");
  for (int i = 0; i < 3; ++i) rows.confirm(kHigh, kPread, "fail", "pass");
  rows.input.known = {filter(3, kPread)};
  const Output out = judge(rows.input);
  EXPECT_EQ(out.fixes, 1);
  EXPECT_EQ(out.known, 0);
}

TEST(Known, OccurrencesNameTheirRows) {
  const Rows rows = broken();
  const Output out = judge(rows.input);
  ASSERT_FALSE(out.occurrences.empty());
  for (const Occurrence& seen : out.occurrences) {
    EXPECT_EQ(seen.finding, "f1");
    const auto session =
        std::find_if(rows.input.sessions.begin(), rows.input.sessions.end(),
                     [&](const SessionRow& row) { return row.id == seen.session_id; });
    ASSERT_NE(session, rows.input.sessions.end());
    EXPECT_EQ(session->results.at(static_cast<size_t>(seen.row)).test, seen.test);
    EXPECT_EQ(session->results.at(static_cast<size_t>(seen.row)).outcome, "fail");
    EXPECT_THAT(seen.known, IsEmpty());
  }
}

TEST(Explain, IsTwoSentences) {
  const Output out = judge(broken().input);
  const Finding& finding = out.findings.at(0);
  EXPECT_THAT(finding.explain, HasSubstr("The test igt@gem_pread@basic, and 1 more of the same "
                                         "cause, gives fail in "));
  EXPECT_THAT(finding.explain,
              HasSubstr(". It is laid to the series: the same machine booted both kernels in turns "
                        "and only the series differs between them, which is "));
  EXPECT_EQ(finding.subject, kPread);
}

TEST(Explain, TellsOfTheBisection) {
  Rows rows;
  Judged judged;
  judged.finding.cls = "regression";
  judged.finding.test = kPread;
  judged.finding.summary = "fail in 5 of 5 boots with the series, pass in 5 of 5 boots without it";
  judged.finding.patch = "2/3 second";
  judged.finding.bisection = {
      {"prefix-1", kHigh, 0, 2, {}}, {"prefix-2", kHigh, 2, 2, {}}, {"without-2", kHigh, 0, 1, {}}};
  EXPECT_EQ(explain(rows.input, judged),
            "The test igt@gem_pread@basic gives fail in 5 of 5 boots with the series, pass in 5 of "
            "5 boots without it. It is laid to the series: the same machine booted both kernels in "
            "turns and only the series differs between them; patch 2/3 brings it: bad in 2 of 2 "
            "boots up to it, in 0 of 2 up to the one before, and in 0 of 1 with all but it.");
}

TEST(Explain, AKernelReportIsPlaced) {
  Rows rows;
  Judged judged;
  judged.finding.cls = "not-the-series";
  judged.finding.test = kPread;
  judged.finding.summary =
      "crash in 1 of 1 boot without the series and crash in 1 of 1 boot with it";
  judged.finding.interaction = "HIGHMEM alone breaks it, the series is innocent";
  judged.finding.prior = "earlier boots without the series: bad in 9 of 9 (i386-highmem)";
  KernelReport report;
  report.title = "BUG: unable to handle page fault";
  report.frames = {
      {"shmem_pread", "i915", "drivers/gpu/drm/i915/gem/i915_gem_shmem.c", 412, false}};
  judged.finding.kernel = {report};
  EXPECT_EQ(explain(rows.input, judged),
            "The test igt@gem_pread@basic gives crash in 1 of 1 boot without the series and crash "
            "in 1 of 1 boot with it; the kernel says \"BUG: unable to handle page fault\" in "
            "shmem_pread (drivers/gpu/drm/i915/gem/i915_gem_shmem.c:412). It is not laid to the "
            "series: it is as bad without it, and the config decides: HIGHMEM alone breaks it, the "
            "series is innocent (earlier boots without the series: bad in 9 of 9 (i386-highmem)).");
}

TEST(Explain, EveryFindingHasTwoSentencesAndASubject) {
  Rows rows = broken();
  rows.set("patched", kLow, kPread, "skip", "no device");
  rows.build("baseline", kHigh, "built")
      .build("patched", kHigh, "built", "", {{"a.c", 1, "unused variable"}})
      .build("prefix-1", kHigh, "failed", "a.c:1: error");
  rows.session("functional", "baseline", "i386-third").ending = "infrastructure";
  rows.input.job.configs.emplace_back("i386-third");
  const Output out = judge(rows.input);
  EXPECT_GE(out.findings.size(), 4U);
  for (const Finding& finding : out.findings) {
    EXPECT_THAT(finding.explain, HasSubstr(". ")) << finding.cls;
    EXPECT_EQ(finding.explain.back(), '.') << finding.explain;
    EXPECT_EQ(finding.subject.empty(), finding.cls == "infrastructure") << finding.summary;
  }
}

}  // namespace
}  // namespace kiln::verdict
