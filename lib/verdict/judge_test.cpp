#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/verdict/test_rows.h"

namespace kiln::verdict {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kHigh;
using testing::kLow;
using testing::Rows;

constexpr const char* kPread = "igt@gem_pread@basic";
constexpr const char* kPwrite = "igt@gem_pwrite@basic";
constexpr const char* kShmem = "igt@i915_selftest@mock@shmem";

const Finding* find(const Output& out, const std::string& cls) {
  for (const Finding& finding : out.findings)
    if (finding.cls == cls) return &finding;
  return nullptr;
}

TEST(Judge, AllPassIsNoRegression) {
  const Output out = judge(Rows().functional().input);
  EXPECT_EQ(out.result, "no-regression");
  EXPECT_EQ(out.exit_code, 0);
  EXPECT_THAT(out.findings, IsEmpty());
  EXPECT_THAT(out.lost, IsEmpty());
  EXPECT_EQ(out.results_planned, 12);
  EXPECT_EQ(out.results_got, 12);
  EXPECT_EQ(out.headline,
            "No regression: all 12 planned results arrived and none is worse with the series.");
  EXPECT_THAT(suspicions(Rows().functional().input), IsEmpty());
  ASSERT_EQ(out.outcome_counts.size(), 4U);
  EXPECT_EQ(out.outcome_counts[0].outcomes.at("pass"), 4);
}

TEST(Judge, ADifferenceAsksForMoreBootsBeforeItIsNamed) {
  Rows rows;
  rows.functional().set("patched", kHigh, kPread, "fail", "Test assertion failure");
  const auto asked = suspicions(rows.input);
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].config, kHigh);
  EXPECT_THAT(asked[0].tests, ElementsAre(kPread));

  const Output out = judge(rows.input);
  EXPECT_EQ(out.result, "inconclusive");
  EXPECT_EQ(out.exit_code, 3);
  EXPECT_EQ(out.regressions, 0);
  EXPECT_EQ(out.headline, "No verdict yet: a difference is not confirmed: igt@gem_pread@basic.");
  EXPECT_EQ(
      out.findings.at(0).summary,
      "fail in 1 of 1 boot with the series, pass in 1 of 1 boot without it (i386-highmem); not "
      "confirmed by further boots");
}

TEST(Judge, AConfirmedDifferenceIsARegressionOnlyWithHighmem) {
  Rows rows;
  rows.functional()
      .set("patched", kHigh, kPread, "crash", "SIGBUS")
      .confirm(kHigh, kPread, "pass", "crash");
  EXPECT_THAT(suspicions(rows.input), IsEmpty());
  const Output out = judge(rows.input);
  EXPECT_EQ(out.result, "regression");
  EXPECT_EQ(out.exit_code, 1);
  EXPECT_EQ(out.headline,
            "Do not apply yet: 1 regression (igt@gem_pread@basic, only with HIGHMEM and the "
            "series).");
  const Finding& finding = out.findings.at(0);
  EXPECT_EQ(finding.id, "f1");
  EXPECT_EQ(finding.cls, "regression");
  EXPECT_EQ(finding.summary,
            "crash in 6 of 6 boots with the series, pass in 6 of 6 boots without it "
            "(i386-highmem)");
  ASSERT_EQ(finding.counts.size(), 4U);
  EXPECT_EQ(finding.counts[1].variant, "patched");
  EXPECT_EQ(finding.counts[1].outcomes.at("crash"), 6);
  EXPECT_EQ(finding.counts[1].session_ids.size(), 6U);
  EXPECT_EQ(finding.counts[3].outcomes.at("pass"), 1);
  EXPECT_EQ(finding.evidence.at(0), "session 2: crash: SIGBUS");
  // Tests that the confirming boots did not run are not missing from them.
  EXPECT_EQ(out.findings.size(), 1U);
}

TEST(Judge, InteractionWords) {
  const auto word = [](bool high, bool low) {
    Rows rows;
    rows.functional();
    for (const auto& [config, bad] : {std::pair{kHigh, high}, std::pair{kLow, low}})
      if (bad) rows.set("patched", config, kPread, "fail").confirm(config, kPread, "pass", "fail");
    return judge(rows.input).findings.at(0).interaction;
  };
  EXPECT_EQ(word(true, false), "only with HIGHMEM and the series");
  EXPECT_EQ(word(false, true), "only without HIGHMEM");
  EXPECT_EQ(word(true, true), "both with and without HIGHMEM");
}

TEST(Judge, TheMapOfHighmemRulesOverNames) {
  Rows rows;
  rows.input.job.configs = {"a", "b"};
  rows.input.config_wants_highmem = {{"a", false}, {"b", true}};
  for (const char* config : {"a", "b"})
    for (const char* variant : {"baseline", "patched"}) rows.session("functional", variant, config);
  rows.set("patched", "b", kPread, "fail").confirm("b", kPread, "pass", "fail");
  EXPECT_EQ(judge(rows.input).findings.at(0).interaction, "only with HIGHMEM and the series");
}

TEST(Judge, WhatFailsAnywayIsNotTheSeries) {
  Rows rows;
  rows.functional().set("baseline", kHigh, kPread, "fail").set("patched", kHigh, kPread, "fail");
  EXPECT_THAT(suspicions(rows.input), IsEmpty());
  const Output high_only = judge(rows.input);
  EXPECT_EQ(high_only.exit_code, 0);
  EXPECT_EQ(high_only.findings.at(0).cls, "not-the-series");
  EXPECT_EQ(high_only.findings.at(0).interaction,
            "HIGHMEM alone breaks it, the series is innocent");
  rows.set("baseline", kLow, kPread, "fail").set("patched", kLow, kPread, "fail");
  EXPECT_EQ(judge(rows.input).findings.at(0).interaction, "fails with and without the series");
}

TEST(Judge, ARegressionWithHighmemThatFailsAnywayWithoutItSaysBoth) {
  Rows rows;
  rows.functional()
      .set("patched", kHigh, kPread, "fail")
      .set("baseline", kLow, kPread, "fail")
      .set("patched", kLow, kPread, "fail")
      .confirm(kHigh, kPread, "pass", "fail");
  const Output out = judge(rows.input);
  ASSERT_EQ(out.findings.size(), 1U);
  EXPECT_EQ(out.findings[0].interaction,
            "by the series in i386-highmem; bad without it too in i386-nohighmem");
}

TEST(Judge, MixedBootsAreFlakyWithTheirCounts) {
  Rows rows;  // once with the series, once without: nobody is to blame
  rows.functional().set("patched", kHigh, kPread, "fail").confirm(kHigh, kPread, "pass", "pass");
  rows.input.sessions[4].results[0].outcome = "fail";
  const Output out = judge(rows.input);
  EXPECT_EQ(out.exit_code, 0);
  EXPECT_EQ(out.flaky, 1);
  EXPECT_EQ(out.findings.at(0).summary,
            "fail in 1 and pass in 5 of 6 boots with the series, fail in 1 and pass in 5 of 6 "
            "boots without it (i386-highmem)");
  EXPECT_EQ(out.headline,
            "No regression: all 12 planned results arrived and none is worse with the series; "
            "1 flaky test.");
}

TEST(Judge, FlakyOnlyWithTheSeriesIsNotCleared) {
  Rows rows;
  rows.functional().set("patched", kHigh, kPread, "fail").confirm(kHigh, kPread, "pass", "fail");
  rows.input.sessions.back().results[0].outcome = "pass";
  EXPECT_THAT(suspicions(rows.input).at(0).tests, ElementsAre(kPread));  // more boots may tell
  rows.input.job.confirmations = 5;                                      // but not here
  EXPECT_THAT(suspicions(rows.input), IsEmpty());
  const Output out = judge(rows.input);
  EXPECT_EQ(out.result, "inconclusive");
  EXPECT_EQ(out.findings.at(0).cls, "flaky");
  EXPECT_THAT(out.headline, HasSubstr("too few boots to clear the series of igt@gem_pread@basic"));
}

TEST(Judge, BadToOtherBadIsAWarningAndBadToPassAFix) {
  Rows rows;
  rows.functional()
      .set("baseline", kHigh, kPread, "fail")
      .set("patched", kHigh, kPread, "crash")
      .set("baseline", kLow, kPwrite, "fail")
      .confirm(kHigh, kPread, "fail", "crash")
      .confirm(kLow, kPwrite, "fail", "pass");
  const Output out = judge(rows.input);
  EXPECT_EQ(out.exit_code, 0);
  EXPECT_EQ(out.warnings, 1);
  EXPECT_EQ(out.fixes, 1);
  ASSERT_NE(find(out, "fix"), nullptr);
  EXPECT_EQ(find(out, "fix")->test, kPwrite);
  EXPECT_EQ(find(out, "warning")->test, kPread);
}

TEST(Judge, ASkipThatBecomesBadIsARegression) {
  Rows rows;
  rows.functional()
      .set("baseline", kHigh, kPread, "skip")
      .set("patched", kHigh, kPread, "crash")
      .confirm(kHigh, kPread, "skip", "crash");
  EXPECT_EQ(judge(rows.input).exit_code, 1);
}

TEST(Judge, APassWithKernelErrorsIsNoPlainPass) {
  Rows rows;
  rows.functional();
  SessionRow& patched = rows.find("functional", "patched", kHigh);
  patched.kernel.push_back({"warning", "WARNING: CPU: 0 at mm/highmem.c:7", "warning:kunmap",
                            "WARNING: CPU: 0\n kunmap_local_indexed+0x1/0x2\n", kPread});
  EXPECT_THAT(suspicions(rows.input).at(0).tests, ElementsAre(kPread));
  rows.confirm(kHigh, kPread, "pass", "pass");
  for (SessionRow& row : rows.input.sessions)
    if (row.purpose == "confirmation" && row.variant == "patched")
      row.kernel = rows.find("functional", "patched", kHigh).kernel;
  const Output out = judge(rows.input);
  EXPECT_EQ(out.exit_code, 1);
  const Finding& finding = out.findings.at(0);
  EXPECT_EQ(finding.counts[1].outcomes.at("dmesg-warn"), 6);
  ASSERT_EQ(finding.kernel.size(), 1U);  // one signature, three boots
  EXPECT_EQ(finding.kernel[0].signature, "warning:kunmap");
  EXPECT_EQ(out.findings.size(), 1U);
}

TEST(Judge, TestsOfOneCauseAreOneFinding) {
  Rows rows;
  rows.functional();
  const KernelReport oops{"oops", "BUG: unable to handle page fault", "oops:shmem_pread", "text",
                          ""};
  rows.set("patched", kHigh, kPread, "crash")
      .set("patched", kHigh, kPwrite, "crash")
      .confirm(kHigh, std::vector<std::string>{kPread, kPwrite}, "pass", "crash");
  for (SessionRow& row : rows.input.sessions) {
    if (row.variant != "patched" || row.config != kHigh) continue;
    for (const ResultRow& result : row.results) {
      if (result.outcome != "crash") continue;
      row.kernel.push_back(oops);
      row.kernel.back().test = result.test;
    }
  }
  const Output out = judge(rows.input);
  ASSERT_EQ(out.findings.size(), 1U);
  EXPECT_EQ(out.findings[0].test, kPread);
  EXPECT_THAT(out.findings[0].also, ElementsAre(kPwrite));
  EXPECT_EQ(out.headline,
            "Do not apply yet: 1 regression (igt@gem_pread@basic and 1 alike, only with HIGHMEM "
            "and the series).");
}

// Of p1-unmap-left-out (tests/seeded): the warning comes when the subtest has ended, so that it is
// the binary's, and the test that was aborted by it has only words.
TEST(Judge, AReportOfTheWholeBinaryIsTheAbortedSubtestsCause) {
  const std::string pread = "igt@gem_pread@basic";
  Rows rows;
  rows.functional().set("patched", kHigh, pread, "abort").confirm(kHigh, pread, "pass", "abort");
  for (SessionRow& row : rows.input.sessions) {
    if (row.variant != "patched" || row.config != kHigh) continue;
    row.kernel.push_back({"lockdep", "DEBUG_LOCKS_WARN_ON(x)", "lockdep: x", "t", "igt@gem_pread"});
    for (ResultRow& result : row.results)
      if (result.test == pread) result.kernel_words = "<4> [1.0] ----[ cut here ]----\n";
  }
  const Output out = judge(rows.input);
  EXPECT_EQ(out.regressions, 1);
  ASSERT_NE(find(out, "regression"), nullptr);
  EXPECT_EQ(find(out, "regression")->test, pread);
  EXPECT_EQ(find(out, "regression")->kernel.at(0).signature, "lockdep: x");
  rows.input.known.push_back({});
  rows.input.known.back().id = 1;
  rows.input.known.back().signature = "lockdep: x";
  rows.input.known.back().author = rows.input.known.back().reason = "r";
  EXPECT_EQ(judge(rows.input).known, 1);
}

TEST(Judge, APlannedParentCountsAsGotByItsSubtests) {
  const Output out = judge(Rows().functional().input);
  EXPECT_EQ(out.results_got, 12);  // "igt@i915_selftest@mock" has no row of its own
}

TEST(Judge, CoverageLostWithTheSeriesIsNoSuccess) {
  Rows rows;
  rows.functional()
      .set("patched", kHigh, kPread, "skip", "no vgem")
      .set("patched", kHigh, kPwrite, "skip", "no vgem")
      .confirm(kHigh, std::vector<std::string>{kPread, kPwrite}, "pass", "skip");
  for (SessionRow& row : rows.input.sessions)
    for (ResultRow& result : row.results)
      if (result.outcome == "skip") result.reason = "no vgem";
  const Output out = judge(rows.input);
  EXPECT_EQ(out.result, "inconclusive");
  EXPECT_EQ(out.exit_code, 3);
  ASSERT_NE(find(out, "coverage-lost"), nullptr);
  EXPECT_EQ(out.findings.size(), 1U);  // one reason, one finding
  EXPECT_THAT(out.headline,
              HasSubstr("the series loses coverage: igt@gem_pread@basic and 1 alike"));
}

TEST(Judge, ResultsMissingWithTheSeriesAreLostAndExit3) {
  Rows rows;
  rows.functional().set("patched", kHigh, kPwrite, "missing");
  rows.find("functional", "patched", kHigh).error = "machine silent for 60 s, no restart left";
  rows.confirm(kHigh, kPwrite, "pass", "missing");
  const Output out = judge(rows.input);
  EXPECT_EQ(out.exit_code, 3);
  ASSERT_EQ(out.lost.size(), 1U);
  EXPECT_EQ(out.lost[0].test, kPwrite);
  EXPECT_EQ(out.lost[0].why, "session 2: machine silent for 60 s, no restart left");
  EXPECT_EQ(out.results_got, 11);
  EXPECT_EQ(find(out, "coverage-lost")->test, kPwrite);
}

TEST(Judge, ResultsMissingOnBothSidesQualifyTheSuccess) {
  Rows rows;
  rows.functional();
  for (const char* variant : {"baseline", "patched"}) rows.set(variant, kHigh, kPwrite, "missing");
  const Output out = judge(rows.input);
  EXPECT_EQ(out.exit_code, 0);
  EXPECT_EQ(out.lost.size(), 2U);
  EXPECT_EQ(out.headline, "No regression in what ran, but only 10 of 12 planned results arrived.");
}

TEST(Judge, ALostSubtestIsExplainedByItsCrashedParent) {
  Rows rows;
  rows.functional();
  for (const char* variant : {"baseline", "patched"})
    rows.set(variant, kHigh, "igt@i915_selftest@mock", "pass");
  rows.set("patched", kHigh, "igt@i915_selftest@mock", "incomplete")
      .set("patched", kHigh, kShmem, "missing")
      .confirm(kHigh, "igt@i915_selftest@mock", "pass", "incomplete");
  const Output out = judge(rows.input);
  EXPECT_EQ(out.exit_code, 1);
  EXPECT_EQ(find(out, "coverage-lost"), nullptr);
}

TEST(Judge, BadWithNothingToCompareWithIsNotBlamedOnTheSeries) {
  Rows rows;
  rows.functional()
      .set("baseline", kHigh, kPread, "missing")
      .set("patched", kHigh, kPread, "fail")
      .confirm(kHigh, kPread, "missing", "fail");
  const Output out = judge(rows.input);
  EXPECT_EQ(out.result, "inconclusive");
  EXPECT_EQ(out.regressions, 0);
  EXPECT_EQ(out.headline,
            "No verdict yet: nothing to compare with on the baseline: igt@gem_pread@basic.");
}

TEST(Judge, ATestThatTheSeriesBringsIsNewOrARegression) {
  Rows rows;
  rows.functional().set("patched", kHigh, "igt@i915_selftest@mock@added", "pass");
  const Output good = judge(rows.input);
  EXPECT_EQ(good.exit_code, 0);
  EXPECT_EQ(good.findings.at(0).cls, "new-test");
  rows.set("patched", kHigh, "igt@i915_selftest@mock@added", "fail");
  rows.confirm(kHigh, "igt@i915_selftest@mock@added", "missing", "fail");
  EXPECT_EQ(judge(rows.input).exit_code, 1);
}

TEST(Judge, InfrastructureNeverCountsAgainstTheSeries) {
  Rows rows;
  rows.functional();
  for (SessionRow& row : rows.input.sessions) {
    if (row.config != kHigh || row.variant != "patched") continue;
    row.ending = "infrastructure";
    row.error = "SSH never answered";
    row.results[0].outcome = "fail";  // what it left behind says nothing
  }
  const Output out = judge(rows.input);
  EXPECT_EQ(out.result, "infrastructure");
  EXPECT_EQ(out.exit_code, 3);
  EXPECT_EQ(out.regressions, 0);
  EXPECT_EQ(out.headline,
            "No verdict: i386-highmem has no usable patched boot in 1 try (last: SSH never "
            "answered); no result blames the series.");
  EXPECT_EQ(out.results_got, 9);
}

TEST(Judge, ARegressionElsewhereOutranksInfrastructure) {
  Rows rows;
  rows.functional().set("patched", kLow, kPread, "fail").confirm(kLow, kPread, "pass", "fail");
  rows.find("functional", "patched", kHigh).ending = "infrastructure";
  const Output out = judge(rows.input);
  EXPECT_EQ(out.exit_code, 1);
  EXPECT_EQ(out.reasons.size(), 2U);
}

TEST(Judge, InterruptedSaysWhatItHas) {
  Rows rows;
  rows.session("functional", "baseline", kHigh);
  rows.input.interrupted = true;
  const Output out = judge(rows.input);
  EXPECT_EQ(out.exit_code, 130);
  EXPECT_EQ(out.headline,
            "Interrupted: so far 3 of 12 planned results arrived and no regression among them.");
  EXPECT_THAT(out.findings, IsEmpty());
}

TEST(Judge, ARunThatCouldNotGoOnHasNoVerdict) {
  Rows rows;
  rows.input.infrastructure_error = "no space left on /var";
  const Output out = judge(rows.input);
  EXPECT_EQ(out.exit_code, 3);
  EXPECT_EQ(out.headline, "No verdict: no space left on /var; no result blames the series.");
}

TEST(Judge, AKernelThatRunsNoTestLosesAllCoverage) {
  Rows rows;
  rows.functional();
  SessionRow& dead = rows.find("functional", "patched", kHigh);
  dead.results.clear();
  dead.ending = "test-failed";
  dead.error = "kernel panic before the first test";
  dead.kernel.push_back(
      {"panic", "Kernel panic - not syncing: Fatal exception", "panic:x", "t", ""});
  const auto asked = suspicions(rows.input);
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].tests, rows.input.planned_tests);
  for (int i = 0; i < 5; ++i) {
    rows.session("confirmation", "baseline", kHigh);
    SessionRow again = rows.find("functional", "patched", kHigh);
    again.purpose = "confirmation";
    again.id = rows.next_id++;
    rows.input.sessions.push_back(again);
  }
  const Output out = judge(rows.input);
  EXPECT_EQ(out.exit_code, 1);
  EXPECT_EQ(find(out, "regression")->summary,
            "the kernel reports \"Kernel panic - not syncing: Fatal exception\" in 6 of 6 boots "
            "with the series and in 0 of 6 without it (i386-highmem)");
  EXPECT_EQ(find(out, "regression")->interaction, "only with HIGHMEM and the series");
  EXPECT_EQ(find(out, "coverage-lost")->also.size(), 3U);
}

TEST(Judge, CellsWithOneKernelShareItsSessions) {
  Rows rows;
  for (const char* variant : {"baseline", "patched"}) rows.session("functional", variant, kHigh);
  for (const char* config : {kHigh, kLow})
    for (const char* variant : {"baseline", "patched"}) {
      rows.build(variant, config, "built");
      rows.input.builds.back().record.key = variant;  // the same for both configs
    }
  const Output out = judge(rows.input);
  EXPECT_EQ(out.exit_code, 0);
  EXPECT_EQ(out.results_got, 12);
}

TEST(Judge, MachinesThatNeverDeliverAreNotAskedForEver) {
  Rows rows;
  rows.functional().set("patched", kHigh, kPread, "fail");
  for (int i = 0; i < 6; ++i) {
    ASSERT_EQ(suspicions(rows.input).size(), 1U) << i;
    for (const char* variant : {"baseline", "patched"})
      rows.session("confirmation", variant, kHigh).ending = "infrastructure";
  }
  EXPECT_THAT(suspicions(rows.input), IsEmpty());
}

TEST(Judge, WithoutASeriesThereIsNothingToBlame) {
  Rows rows;
  rows.input.job.series.kind = job::SeriesSpec::Kind::kNone;
  for (const char* config : {kHigh, kLow}) rows.session("functional", "baseline", config);
  const Output out = judge(rows.input);
  EXPECT_EQ(out.exit_code, 0);
  EXPECT_EQ(out.headline, "No series to judge: all 6 planned results arrived from the baseline.");
}

TEST(Judge, PlacesNotTestedKeepTheirLine) {
  Rows rows;
  rows.functional();
  rows.input.job.not_reached = {{"gt/intel_ggtt_fencing.c:741", "bit-17 swizzling", "gen2 to gen7"},
                                {"odd:file", "x", "y"}};
  const Output out = judge(rows.input);
  ASSERT_EQ(out.not_tested.size(), 2U);
  EXPECT_EQ(out.not_tested[0].file, "gt/intel_ggtt_fencing.c");
  EXPECT_EQ(out.not_tested[0].line, 741);
  EXPECT_EQ(out.not_tested[1].file, "odd:file");
  EXPECT_EQ(out.headline,
            "No regression: all 12 planned results arrived and none is worse with the series; "
            "2 places NOT TESTED.");
}

TEST(Judge, ASubtestThatIgtDoesNotKnowIsNoResult) {
  Rows rows;
  rows.functional();
  for (const char* config : {kHigh, kLow})
    for (const char* variant : {"baseline", "patched"})
      rows.set(variant, config, kPwrite, "skip", "unknown subtest: basic");
  const Output out = judge(rows.input);
  ASSERT_EQ(out.lost.size(), 4U);
  EXPECT_EQ(out.lost[0].test, kPwrite);
  EXPECT_EQ(out.lost[0].why, "this IGT has no such subtest: correct the test list");
  EXPECT_LT(out.results_got, out.results_planned);
}

}  // namespace
}  // namespace kiln::verdict
