#include "lib/verdict/shared_reports.h"

#include <gmock/gmock.h>

#include "lib/verdict/test_rows.h"

namespace kiln::verdict {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kHigh;
using testing::kLow;
using testing::Rows;

constexpr const char* kRead = "igt@gem_pread@basic";
constexpr const char* kWrite = "igt@gem_pwrite@basic";
constexpr const char* kMock = "igt@i915_selftest@mock@shmem";

KernelReport report(const std::string& test, const std::string& signature) {
  KernelReport out;
  out.kind = "warning";
  out.title = "WARNING: " + signature;
  out.signature = signature;
  out.test = test;
  return out;
}

/// Three tests fail with the series in the first boot of one config, each with its report.
Rows broken(const std::string& read, const std::string& write, const std::string& mock) {
  Rows rows;
  rows.functional();
  for (const auto& [test, signature] :
       {std::pair{kRead, read}, std::pair{kWrite, write}, std::pair{kMock, mock}}) {
    rows.set("patched", kHigh, test, "fail");
    if (!signature.empty())
      rows.find("functional", "patched", kHigh).kernel.push_back(report(test, signature));
  }
  return rows;
}

/// Five confirming boots a side of one test, `with` of the bad ones with the report.
void confirm(Rows* rows, const std::string& test, const std::string& patched,
             const std::string& signature, int with = 5) {
  const size_t before = rows->input.sessions.size();
  rows->confirm(kHigh, test, "pass", patched);
  for (size_t i = before; i < rows->input.sessions.size(); ++i) {
    SessionRow& row = rows->input.sessions[i];
    if (row.variant == "patched" && with-- > 0) row.kernel.push_back(report(test, signature));
  }
}

std::vector<std::string> asked(const Rows& rows) {
  const std::vector<Suspicion> found = suspicions(rows.input);
  EXPECT_LE(found.size(), 1U);
  return found.empty() ? std::vector<std::string>() : found[0].tests;
}

TEST(SharedReports, OneTestOfASignatureIsConfirmed) {
  EXPECT_THAT(asked(broken("warn:a", "warn:a", "warn:a")), ElementsAre(kRead));
  EXPECT_THAT(asked(broken("warn:a", "warn:b", "warn:a")), ElementsAre(kRead, kWrite));
}

TEST(SharedReports, WithoutASignatureEachIsConfirmed) {
  EXPECT_THAT(asked(broken("", "", "")), ElementsAre(kRead, kWrite, "igt@i915_selftest@mock"));
  EXPECT_THAT(asked(broken("warn:a", "", "warn:a")), ElementsAre(kRead, kWrite));
}

TEST(SharedReports, AReportThatTheBaselineHasToldNobody) {
  Rows rows = broken("warn:a", "warn:a", "warn:a");
  rows.find("functional", "baseline", kHigh).kernel.push_back(report("igt@other", "warn:a"));
  EXPECT_EQ(asked(rows).size(), 3U);
}

TEST(SharedReports, EachConfigHasItsOwn) {
  Rows rows = broken("warn:a", "warn:a", "");
  rows.set("patched", kLow, kWrite, "fail");
  rows.find("functional", "patched", kLow).kernel.push_back(report(kWrite, "warn:a"));
  const auto found = suspicions(rows.input);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_THAT(found[0].tests, ElementsAre(kRead, "igt@i915_selftest@mock"));
  EXPECT_THAT(found[1].tests, ElementsAre(kWrite));
}

TEST(SharedReports, TheConfirmedOneSpeaksForTheOthers) {
  Rows rows = broken("warn:a", "warn:a", "warn:a");
  confirm(&rows, kRead, "fail", "warn:a");
  EXPECT_THAT(asked(rows), IsEmpty());
  const Output output = judge(rows.input);
  ASSERT_EQ(output.findings.size(), 1U);
  const Finding& finding = output.findings[0];
  EXPECT_EQ(finding.cls, "regression");
  EXPECT_EQ(finding.test, kRead);
  EXPECT_THAT(finding.also, ElementsAre(kWrite, kMock));
  EXPECT_THAT(finding.evidence,
              ::testing::Contains(std::string(kWrite) +
                                  ": not repeated, by the same kernel report as " + kRead));
  EXPECT_THAT(bisection_boots(rows.input).at(0).tests, ElementsAre(kRead));
}

TEST(SharedReports, AFlakySpeakerHasNoSayAndTheNextIsConfirmed) {
  Rows rows = broken("warn:a", "warn:a", "warn:a");
  for (int round = 0; round < 4; ++round) confirm(&rows, kRead, "pass", "", 0);
  EXPECT_THAT(asked(rows), ElementsAre(kWrite));
  const Output output = judge(rows.input);
  for (const Finding& finding : output.findings) EXPECT_NE(finding.cls, "regression");
}

TEST(SharedReports, ARegressionWithoutTheReportHasNoSay) {
  Rows rows = broken("warn:a", "warn:a", "");
  rows.set("patched", kHigh, kMock, "pass");
  confirm(&rows, kRead, "fail", "warn:a", 2);
  EXPECT_THAT(asked(rows), ElementsAre(kWrite));
}

/// Until then it is what one boot shows.
TEST(SharedReports, WhatWaitsIsNotConfirmed) {
  Rows rows = broken("warn:a", "warn:a", "");
  rows.set("patched", kHigh, kMock, "pass");
  const Output output = judge(rows.input);
  ASSERT_EQ(output.findings.size(), 1U);
  EXPECT_EQ(output.findings[0].cls, "warning");
  EXPECT_THAT(output.findings[0].summary, HasSubstr("not confirmed"));
}

}  // namespace
}  // namespace kiln::verdict
