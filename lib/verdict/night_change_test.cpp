#include "lib/verdict/night_change.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/verdict/test_rows.h"

namespace kiln::verdict {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace testing;  // NOLINT: rows

constexpr const char* kRead = "igt@gem_pread@basic";

/// A job without a series: only the baseline boots, `boots` times in each config.
Rows night(int boots = 1) {
  Rows rows;
  rows.input.job.series.kind = job::SeriesSpec::Kind::kNone;
  for (const char* config : {kHigh, kLow})
    for (int i = 0; i < boots; ++i) rows.session("functional", "baseline", config);
  return rows;
}

void set_all(Rows* rows, const std::string& config, const std::string& test,
             const std::string& outcome) {
  for (SessionRow& session : rows->input.sessions)
    if (session.config == config)
      for (ResultRow& row : session.results)
        if (row.test == test) row.outcome = outcome;
}

std::vector<std::string> names(const std::vector<NightTest>& list) {
  std::vector<std::string> out;
  for (const NightTest& one : list) out.push_back(one.test + " " + one.config);
  return out;
}

TEST(Nights, EqualOnesDifferInNothing) {
  const NightChange change = compare_nights(night().input, night().input.sessions);
  for (const auto* list :
       {&change.regressed, &change.fixed, &change.worse, &change.better, &change.lost})
    EXPECT_THAT(*list, IsEmpty());
}

TEST(Nights, OneBootEachIsASuspicionNoMore) {
  Rows now = night();
  now.set("baseline", kHigh, kRead, "fail");
  const NightChange change = compare_nights(now.input, night().input.sessions);
  EXPECT_THAT(change.worse, ElementsAre(NightTest{kRead, kHigh, "baseline", "pass in 1 of 1 boot",
                                                  "fail in 1 of 1 boot"}));
  EXPECT_THAT(change.regressed, IsEmpty());
  const NightChange back = compare_nights(night().input, now.input.sessions);
  EXPECT_THAT(names(back.better), ElementsAre(std::string(kRead) + " " + kHigh));
  EXPECT_THAT(back.worse, IsEmpty());
}

TEST(Nights, EnoughBootsMakeItARegressionOrAFix) {
  Rows now = night(6);
  set_all(&now, kHigh, kRead, "fail");
  const Rows then = night(6);
  const NightChange change = compare_nights(now.input, then.input.sessions);
  EXPECT_THAT(names(change.regressed), ElementsAre(std::string(kRead) + " " + kHigh));
  EXPECT_THAT(change.worse, IsEmpty());
  EXPECT_THAT(names(compare_nights(then.input, now.input.sessions).fixed),
              ElementsAre(std::string(kRead) + " " + kHigh));
}

TEST(Nights, ATestThatWasBadBeforeIsNoNews) {
  Rows now = night();
  now.set("baseline", kHigh, kRead, "fail");
  const Rows then = night();
  EXPECT_THAT(compare_nights(now.input, then.input.sessions, {{kHigh, kRead, 2, 30}}).worse,
              IsEmpty());
  EXPECT_THAT(compare_nights(now.input, then.input.sessions, {{kHigh, kRead, 0, 30}}).worse,
              SizeIs(1));
  EXPECT_THAT(compare_nights(now.input, then.input.sessions, {{kLow, kRead, 2, 30}}).worse,
              SizeIs(1));
  const auto wanted = night_tests_to_look_up(now.input, then.input.sessions);
  ASSERT_THAT(wanted, SizeIs(1));
  EXPECT_EQ(wanted[0].config + wanted[0].test, std::string(kHigh) + kRead);
}

TEST(Nights, WhatWasFlakyThenIsNoNews) {
  Rows then = night(3);
  then.set("baseline", kHigh, kRead, "fail");  // in one of three
  Rows now = night(3);
  set_all(&now, kHigh, kRead, "fail");
  EXPECT_THAT(compare_nights(now.input, then.input.sessions).worse, IsEmpty());
}

TEST(Nights, ATestThatStopsToRunIsLost) {
  Rows skipped = night();
  skipped.set("baseline", kHigh, kRead, "skip");
  EXPECT_THAT(names(compare_nights(skipped.input, night().input.sessions).lost),
              ElementsAre(std::string(kRead) + " " + kHigh));
  Rows gone = night();
  gone.set("baseline", kHigh, kRead, "missing");
  EXPECT_THAT(names(compare_nights(gone.input, night().input.sessions).lost),
              ElementsAre(std::string(kRead) + " " + kHigh));
}

TEST(Nights, KnownIssuesAreNone) {
  Rows now = night();
  now.set("baseline", kHigh, kRead, "fail");
  known::Filter filter;
  filter.id = 3;
  filter.test = "igt@gem_pread@*";
  filter.reason = "bug 114";
  now.input.known = {filter};
  EXPECT_THAT(compare_nights(now.input, night().input.sessions).worse, IsEmpty());
}

TEST(Nights, LostMachinesSayNothing) {
  Rows now = night();
  now.set("baseline", kHigh, kRead, "fail");
  for (SessionRow& session : now.input.sessions) session.ending = "infrastructure";
  EXPECT_THAT(compare_nights(now.input, night().input.sessions).worse, IsEmpty());
}

TEST(Nights, WithASeriesTheBaselineSpeaksFirst) {
  Rows then;
  then.functional();
  Rows now;
  now.functional();
  for (const char* variant : {"baseline", "patched"}) now.set(variant, kHigh, kRead, "fail");
  now.set("patched", kLow, kRead, "fail");
  const NightChange change = compare_nights(now.input, then.input.sessions);
  ASSERT_THAT(change.worse, SizeIs(2));
  EXPECT_EQ(change.worse[0].variant, "baseline");
  EXPECT_EQ(change.worse[0].config, kHigh);
  EXPECT_EQ(change.worse[1].variant, "patched");
  EXPECT_EQ(change.worse[1].config, kLow);
}

}  // namespace
}  // namespace kiln::verdict
