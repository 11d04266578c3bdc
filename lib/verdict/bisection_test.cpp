#include "lib/verdict/bisection.h"

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

/// A regression of `tests` with the whole series, confirmed.
Rows regression(const std::vector<std::string>& tests = {kPread}) {
  Rows rows;
  rows.functional();
  for (const std::string& test : tests) rows.set("patched", kHigh, test, "fail");
  rows.confirm(kHigh, tests, "pass", "fail");
  return rows;
}

/// One boot that a bisection asked for, in which each asked test is bad or not by `is_bad`.
template <typename IsBad>
void boot(Rows* rows, const BisectionBoot& asked, IsBad is_bad) {
  SessionRow& row = rows->session("bisection", asked.variant, asked.config);
  row.results.clear();
  row.only_tests = asked.tests;
  for (const std::string& test : asked.tests)
    row.results.push_back({test, "gem", is_bad(test, asked.variant) ? "fail" : "pass", 1, "", ""});
}

/// Patch numbers in a prefix or in the series without one.
bool holds(const std::string& variant, int patch) {
  const int k = variant.back() - '0';
  return variant.starts_with("without-") ? k != patch : k >= patch;
}

TEST(Bisection, EveryPatchOfThreeIsFoundWithTwoPrefixesAtMost) {
  for (int culprit = 1; culprit <= 3; ++culprit) {
    Rows rows = regression();
    int prefixes = 0;
    int proofs = 0;
    for (auto asked = bisection_boots(rows.input); !asked.empty();
         asked = bisection_boots(rows.input)) {
      ASSERT_EQ(asked.size(), 1U);
      EXPECT_EQ(asked[0].config, kHigh);
      EXPECT_THAT(asked[0].tests, ElementsAre(kPread));
      (asked[0].variant.starts_with("prefix-") ? prefixes : proofs) += 1;
      boot(&rows, asked[0],
           [&](const std::string&, const std::string& variant) { return holds(variant, culprit); });
      ASSERT_LE(prefixes + proofs, 3);
    }
    EXPECT_LE(prefixes, 2);
    EXPECT_EQ(proofs, culprit == 3 ? 0 : 1);  // without the last patch: the prefix before it
    const Finding finding = judge(rows.input).findings.at(0);
    const std::array<std::string, 3> names{"1/3 first", "2/3 second", "3/3 third"};
    EXPECT_EQ(finding.patch, names[static_cast<size_t>(culprit) - 1]);
  }
}

TEST(Bisection, TheStepsAreShown) {
  Rows rows = regression();
  for (auto asked = bisection_boots(rows.input); !asked.empty();
       asked = bisection_boots(rows.input))
    boot(&rows, asked[0],
         [](const std::string&, const std::string& variant) { return holds(variant, 2); });
  const Output out = judge(rows.input);
  EXPECT_EQ(out.findings.at(0).evidence.back(),
            "bisection: without the series: bad in 0 of 6 boots; with patches 1 to 1 of 3: bad in "
            "0 of 1 boot; with patches 1 to 2 of 3: bad in 1 of 1 boot; with the whole series: bad "
            "in 6 of 6 boots; with the series but patch 2: bad in 0 of 1 boot");
  ASSERT_EQ(out.findings[0].bisection.size(), 5U);
  EXPECT_EQ(out.findings[0].bisection[1].variant, "prefix-1");
  EXPECT_EQ(out.headline,
            "Do not apply yet: 1 regression (igt@gem_pread@basic, only with HIGHMEM and the "
            "series, from patch 2/3).");
}

TEST(Bisection, FindingsShareTheirBoots) {
  Rows rows = regression({kPread, kPwrite});
  for (SessionRow& row : rows.input.sessions)  // two causes, two findings
    for (ResultRow& result : row.results)
      if (result.outcome == "fail")
        row.kernel.push_back({"warning", "t", result.test == kPread ? "a" : "b", "", result.test});
  ASSERT_EQ(judge(rows.input).findings.size(), 2U);
  const auto asked = bisection_boots(rows.input);
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_THAT(asked[0].tests, ElementsAre(kPread, kPwrite));
}

// Of p1-unmap-of-advanced-pointer (tests/seeded): each test makes both reports, in either order.
TEST(Bisection, OneReportInTwoTestsByOnePatchIsOneFinding) {
  for (const int second : {2, 3}) {
    Rows rows = regression({kPread, kPwrite});
    for (SessionRow& row : rows.input.sessions)
      for (const ResultRow& result : row.results) {
        if (result.outcome != "fail") continue;
        const bool read = result.test == kPread;
        row.kernel.push_back({"warning", "t", read ? "a" : "b", "", result.test});
        row.kernel.push_back({"warning", "t", read ? "b" : "a", "", result.test});
      }
    EXPECT_EQ(judge(rows.input).regressions, 2) << "as long as no patch is known";
    for (auto asked = bisection_boots(rows.input); !asked.empty();
         asked = bisection_boots(rows.input))
      for (const BisectionBoot& one : asked)
        boot(&rows, one, [&](const std::string& test, const std::string& variant) {
          return holds(variant, test == kPread ? 2 : second);
        });
    const Output out = judge(rows.input);
    EXPECT_EQ(out.regressions, second == 2 ? 1 : 2);
    if (second != 2) continue;
    EXPECT_EQ(out.findings.at(0).test, kPread);
    EXPECT_THAT(out.findings[0].also, ElementsAre(kPwrite));
    EXPECT_EQ(out.findings[0].kernel.size(), 2U);
  }
}

TEST(Bisection, ASeriesOfOnePatchNeedsNoBoot) {
  Rows rows = regression();
  rows.input.patch_subjects = {"only"};
  EXPECT_THAT(bisection_boots(rows.input), IsEmpty());
  EXPECT_EQ(judge(rows.input).findings.at(0).patch, "1/1 only");
}

TEST(Bisection, APrefixThatCannotBootLeavesARange) {
  Rows rows = regression();
  for (const char* variant : {"prefix-1", "prefix-2"})
    rows.build(variant, kHigh, "failed", "x.c:1");
  EXPECT_THAT(bisection_boots(rows.input), IsEmpty());
  const Output none = judge(rows.input);
  ASSERT_EQ(none.findings.at(0).cls, "build-failure");
  ASSERT_EQ(none.findings.at(1).test, kPread);
  EXPECT_EQ(none.findings[1].patch, "");  // any of the three: nothing to say

  Rows first = regression();
  first.build("prefix-2", kHigh, "failed", "x.c:1");
  boot(&first, bisection_boots(first.input).at(0), [](const auto&, const auto&) { return false; });
  EXPECT_THAT(bisection_boots(first.input), IsEmpty());
  EXPECT_EQ(judge(first.input).findings.at(1).patch, "2/3 to 3/3");
}

TEST(Bisection, APatchThatDoesNotRevertIsNamedWithoutThatProof) {
  Rows rows = regression();
  rows.input.not_revertible = {1};
  for (auto asked = bisection_boots(rows.input); !asked.empty();
       asked = bisection_boots(rows.input)) {
    ASSERT_THAT(asked[0].variant, HasSubstr("prefix-"));
    boot(&rows, asked[0], [](const std::string&, const std::string&) { return true; });
  }
  EXPECT_EQ(judge(rows.input).findings.at(0).patch, "1/3 first");
}

TEST(Bisection, MachinesThatNeverDeliverAreNotAskedForEver) {
  Rows rows = regression();
  int asked = 0;
  for (auto boots = bisection_boots(rows.input); !boots.empty();
       boots = bisection_boots(rows.input)) {
    ASSERT_LT(++asked, 12);
    rows.session("bisection", boots[0].variant, boots[0].config).ending = "infrastructure";
  }
  EXPECT_EQ(asked, 2 * kMostBisectionTries);
}

TEST(Bisection, AReportOfNoTestIsBisectedByItsSignature) {
  Rows rows;
  rows.functional();
  const KernelReport report{"warning", "WARNING at mm/highmem.c:7", "warning:kunmap", "text", ""};
  rows.find("functional", "patched", kHigh).kernel.push_back(report);
  for (int i = 0; i < 5; ++i) {
    rows.session("confirmation", "baseline", kHigh);
    rows.session("confirmation", "patched", kHigh).kernel.push_back(report);
  }
  for (auto asked = bisection_boots(rows.input); !asked.empty();
       asked = bisection_boots(rows.input)) {
    EXPECT_EQ(asked[0].tests, rows.input.planned_tests);
    SessionRow& row = rows.session("bisection", asked[0].variant, asked[0].config);
    if (holds(row.variant, 3)) row.kernel.push_back(report);
  }
  const Output out = judge(rows.input);
  EXPECT_EQ(out.findings.at(0).cls, "regression");
  EXPECT_EQ(out.findings[0].patch, "3/3 third");
}

TEST(Bisection, NothingIsAskedForWithoutAConfirmedRegression) {
  Rows rows;
  rows.functional().set("patched", kHigh, kPread, "fail");
  EXPECT_THAT(bisection_boots(rows.input), IsEmpty());
}

}  // namespace
}  // namespace kiln::verdict
