/// What a sceptical reader would not let pass: reports hidden behind an old failure or a skip, and
/// words that say more than the boots show.
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
using ::testing::Not;
using testing::Rows;

constexpr const char* kPread = "igt@gem_pread@basic";

KernelReport report(const std::string& kind, const std::string& where, const std::string& test) {
  KernelReport out;
  out.kind = kind;
  out.title = kind + " in " + where;
  out.signature = kind + ": " + where;
  out.test = test;
  return out;
}

const Finding* find(const Output& out, const std::string& cls) {
  for (const Finding& finding : out.findings)
    if (finding.cls == cls) return &finding;
  return nullptr;
}

/// Five more boots a side in which only kPread ran; it ends and reports as in the first.
void repeat_pread(Rows* rows, const char* config) {
  const std::vector<SessionRow> first = rows->input.sessions;
  for (int i = 0; i < 5; ++i)
    for (const SessionRow& old : first) {
      if (old.config != config) continue;
      SessionRow row = old;
      row.id = rows->next_id++;
      row.purpose = "confirmation";
      row.only_tests = {kPread};
      std::erase_if(row.results, [](const ResultRow& r) { return r.test != kPread; });
      rows->input.sessions.push_back(std::move(row));
    }
}

TEST(HonestWords, ANewReportIsNotHiddenBehindAnOldWarning) {
  Rows rows;
  rows.functional();
  for (SessionRow& session : rows.input.sessions) {
    session.kernel.push_back(report("warning", "old_place", kPread));
    if (session.variant == "patched" && session.config == kHigh)
      session.kernel.push_back(report("kasan", "new_place", kPread));
  }
  const Output first = judge(rows.input);
  EXPECT_EQ(first.result, "inconclusive");
  const auto asked = suspicions(rows.input);
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].config, kHigh);
  EXPECT_THAT(asked[0].tests, ElementsAre(kPread));

  repeat_pread(&rows, kHigh);
  const Output out = judge(rows.input);
  EXPECT_EQ(out.result, "regression");
  const Finding* regression = find(out, "regression");
  ASSERT_NE(regression, nullptr);
  EXPECT_EQ(regression->summary,
            "the kernel reports \"kasan in new_place\" while igt@gem_pread@basic runs in 6 of 6 "
            "boots with the series and in 0 of 6 without it (i386-highmem)");
  const Finding* old = find(out, "not-the-series");
  ASSERT_NE(old, nullptr);
  ASSERT_EQ(old->kernel.size(), 1U);
  EXPECT_EQ(old->kernel[0].signature, "warning: old_place");
  EXPECT_THAT(suspicions(rows.input), IsEmpty());
}

TEST(HonestWords, ANewReportIsNotHiddenBehindASkip) {
  Rows rows;
  rows.functional();
  for (SessionRow& session : rows.input.sessions) {
    session.results[0].outcome = "skip";
    if (session.variant == "patched") session.kernel.push_back(report("oops", "new", kPread));
  }
  EXPECT_EQ(judge(rows.input).result, "inconclusive");
  repeat_pread(&rows, kHigh);
  repeat_pread(&rows, kLow);
  EXPECT_EQ(judge(rows.input).regressions, 1);
}

TEST(HonestWords, BootsThatDidNotRunTheTestDoNotClearItsReport) {
  Rows rows;
  rows.functional();
  for (SessionRow& session : rows.input.sessions) {
    session.results[0].outcome = "skip";
    if (session.variant == "patched" && session.config == kHigh)
      session.kernel.push_back(report("oops", "new", kPread));
  }
  rows.set("patched", kHigh, "igt@gem_pwrite@basic", "fail");
  rows.confirm(kHigh, "igt@gem_pwrite@basic", "pass", "fail");
  const Output out = judge(rows.input);
  EXPECT_EQ(find(out, "flaky"), nullptr);
  const Finding* warning = find(out, "warning");
  ASSERT_NE(warning, nullptr);
  EXPECT_THAT(warning->summary, HasSubstr("in 1 of 1 boot with the series and in 0 of 1"));
}

TEST(HonestWords, AHostsDelayInATestThatIsBadAnywayIsNoReportOfTheSeries) {
  Rows rows;
  rows.functional();
  for (SessionRow& session : rows.input.sessions)
    session.kernel.push_back(
        report(session.variant == "patched" ? "rcu-stall" : "warning", "loop", kPread));
  EXPECT_EQ(judge(rows.input).result, "no-regression");
}

TEST(HonestWords, OnlyWithHighmemNeedsTheOtherSideSeen) {
  for (const char* other : {"missing", "skip"}) {
    Rows rows;
    rows.functional().set("patched", kHigh, kPread, "fail").confirm(kHigh, kPread, "pass", "fail");
    for (const char* variant : {"baseline", "patched"}) rows.set(variant, kLow, kPread, other);
    const Output out = judge(rows.input);
    const Finding* regression = find(out, "regression");
    ASSERT_NE(regression, nullptr);
    EXPECT_EQ(regression->interaction,
              "seen in i386-highmem; nothing to compare in i386-nohighmem");
  }
}

TEST(HonestWords, OnlyWithHighmemIsNotSaidWhileTheOtherSideLooksAlike) {
  Rows rows;
  rows.functional().set("patched", kHigh, kPread, "fail").confirm(kHigh, kPread, "pass", "fail");
  rows.set("patched", kLow, kPread, "fail");
  const Output out = judge(rows.input);
  ASSERT_NE(find(out, "regression"), nullptr);
  EXPECT_EQ(find(out, "regression")->interaction,
            "seen in i386-highmem; bad with the series in i386-nohighmem too");
  ASSERT_NE(find(out, "warning"), nullptr);
  EXPECT_EQ(find(out, "warning")->interaction,
            "seen in i386-nohighmem; bad with the series in i386-highmem too");
}

TEST(HonestWords, HighmemAloneIsNotBlamedWhenTheOtherSideNeverRan) {
  Rows rows;
  rows.functional();
  for (const char* variant : {"baseline", "patched"})
    rows.set(variant, kHigh, kPread, "fail").set(variant, kLow, kPread, "missing");
  const Output out = judge(rows.input);
  ASSERT_NE(find(out, "not-the-series"), nullptr);
  EXPECT_EQ(
      find(out, "not-the-series")->interaction,
      "fails with and without the series in i386-highmem; nothing to compare in i386-nohighmem");
}

TEST(HonestWords, WhatMostlyEndsInAnotherWayIsAWarning) {
  Rows rows;
  rows.functional().set("baseline", kHigh, kPread, "dmesg-warn");
  rows.set("patched", kHigh, kPread, "incomplete");
  rows.confirm(kHigh, kPread, "dmesg-warn", "incomplete");
  // Once it ended as it does without the series.
  rows.find("confirmation", "patched", kHigh).results[0].outcome = "dmesg-warn";
  const Output out = judge(rows.input);
  ASSERT_NE(find(out, "warning"), nullptr);
  EXPECT_EQ(find(out, "not-the-series"), nullptr);
  EXPECT_THAT(out.headline, Not(HasSubstr("none is worse")));
}

TEST(HonestWords, WhatMostlySkipsIsNoFix) {
  Rows rows;
  rows.functional().set("baseline", kHigh, kPread, "fail").set("patched", kHigh, kPread, "skip");
  rows.confirm(kHigh, kPread, "fail", "skip");
  rows.find("confirmation", "patched", kHigh).results[0].outcome = "pass";
  const Output out = judge(rows.input);
  EXPECT_EQ(out.fixes, 0);
  ASSERT_NE(find(out, "warning"), nullptr);
}

TEST(HonestWords, NothingButSkipsIsNoSuccess) {
  Rows rows;
  rows.functional();
  for (SessionRow& session : rows.input.sessions)
    for (ResultRow& row : session.results) row.outcome = "skip";
  const Output out = judge(rows.input);
  EXPECT_EQ(out.result, "inconclusive");
  EXPECT_EQ(out.headline, "No verdict yet: every test skipped with the series.");
}

}  // namespace
}  // namespace kiln::verdict
