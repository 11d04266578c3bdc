#include "lib/verdict/predecessor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/verdict/test_rows.h"

namespace kiln::verdict {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using namespace testing;  // NOLINT: rows

bool always(const Breakage& /*one*/) {
  return true;
}
bool never(const Breakage& /*one*/) {
  return false;
}

Breakage broken(const std::string& test, const std::string& config = kHigh, bool sure = true) {
  return {test, config, true, sure};
}

TEST(Versions, FixedBrokenAndStillBroken) {
  const std::vector<Breakage> before{broken("a"), broken("a", kLow), broken("b")};
  const std::vector<Breakage> now{broken("b"), broken("c")};
  const VersionChange change = compare_versions(before, now, always, always);
  EXPECT_THAT(change.fixed, ElementsAre("a (i386-highmem, i386-nohighmem)"));
  EXPECT_THAT(change.broke, ElementsAre("c (i386-highmem)"));
  EXPECT_THAT(change.still, ElementsAre("b (i386-highmem)"));
}

TEST(Versions, WhatDidNotRunIsNeitherFixedNorBroken) {
  const VersionChange change = compare_versions({broken("a")}, {broken("c")}, never, never);
  EXPECT_THAT(change.fixed, IsEmpty());
  EXPECT_THAT(change.broke, IsEmpty());
}

TEST(Versions, WhatIsNotDecidedIsNotFixed) {
  const VersionChange change =
      compare_versions({broken("a"), broken("b", kHigh, false)},
                       {broken("a", kHigh, false), broken("b")}, always, always);
  EXPECT_THAT(change.fixed, IsEmpty());
  EXPECT_THAT(change.still, IsEmpty());
  EXPECT_THAT(change.broke, IsEmpty()) << "it was in doubt before, too";
}

TEST(Versions, BuildsAndMeasurementsHaveNoConfigOfTheirOwn) {
  const Breakage metric{"i915/pread/ns_per_page (instructions)", "", false, true};
  const VersionChange change = compare_versions({metric}, {}, never, never);
  EXPECT_THAT(change.fixed, ElementsAre("i915/pread/ns_per_page (instructions)"));
}

TEST(Breakages, AreTheTestsOfAFindingWhereItShows) {
  Rows rows;
  rows.functional();
  rows.set("patched", kHigh, "igt@gem_pread@basic", "fail", "x");
  for (int i = 0; i < 3; ++i) rows.confirm(kHigh, "igt@gem_pread@basic", "pass", "fail");
  rows.set("patched", kLow, "igt@gem_pwrite@basic", "fail", "x");
  const Output out = judge(rows.input);
  const auto list = breakages(out.findings, out.occurrences);
  EXPECT_THAT(list, ElementsAre(broken("igt@gem_pread@basic"),
                                broken("igt@gem_pwrite@basic", kLow, false)));
}

TEST(Breakages, KnownIssuesAreNone) {
  Finding finding;
  finding.id = "f1";
  finding.cls = "known";
  finding.test = "a";
  EXPECT_THAT(breakages({finding}, {{"f1", 1, "a", kHigh, "fail", 0, -1, {3}}}), IsEmpty());
}

}  // namespace
}  // namespace kiln::verdict
