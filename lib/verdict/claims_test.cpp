#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/verdict/test_rows.h"

namespace kiln::verdict {
namespace {

using testing::kHigh;
using testing::kLow;
using testing::Rows;
using Rule = job::ClaimSpec::Rule;

job::ClaimSpec claim(Rule rule) {
  job::ClaimSpec out;
  out.text = "it is so";
  out.rule = rule;
  return out;
}

Claim judge_one(Rows rows, const job::ClaimSpec& spec) {
  rows.input.job.claims = {spec};
  return judge(rows.input).claims.at(0);
}

Rows counters(double kmap, double local, double last_local) {
  Rows rows;
  rows.functional();
  for (int pair = 1; pair <= 3; ++pair) {
    rows.measure("performance", "patched", kHigh, pair, "kmap/4t/flushes", kmap + pair, "flushes");
    rows.measure("performance", "patched", kHigh, pair, "kmap_local/4t/flushes",
                 pair == 3 ? last_local : local, "flushes");
  }
  return rows;
}

TEST(Claims, ByMetricAgainstAnother) {
  job::ClaimSpec spec = claim(Rule::kMetric);
  spec.metric = "kmap_local/*/flushes";
  spec.other = "kmap/*/flushes";
  spec.relation = "<";
  spec.config = kHigh;
  const Claim yes = judge_one(counters(36, 0, 0), spec);
  EXPECT_EQ(yes.answer, "confirmed");
  EXPECT_EQ(yes.figure, "kmap_local/*/flushes 0 < kmap/*/flushes 37 to 39 holds in 3 of 3 values");
  EXPECT_EQ(judge_one(counters(36, 50, 60), spec).answer, "refuted");
  const Claim torn = judge_one(counters(36, 0, 60), spec);
  EXPECT_EQ(torn.answer, "not-decidable");
  EXPECT_EQ(torn.why, "the boots do not agree");
}

TEST(Claims, ByMetricAgainstAValueInEveryConfig) {
  job::ClaimSpec spec = claim(Rule::kMetric);
  spec.metric = "kmap_local/4t/flushes";
  spec.relation = "==";
  spec.value = 0;
  const Claim open = judge_one(counters(36, 0, 0), spec);
  EXPECT_EQ(open.answer, "not-decidable");
  EXPECT_EQ(open.why, "nothing was measured in i386-nohighmem");
  spec.config = kHigh;
  EXPECT_EQ(judge_one(counters(36, 0, 0), spec).answer, "confirmed");
  spec.metric = "nothing/*";
  EXPECT_EQ(judge_one(counters(36, 0, 0), spec).why, "no boot measured nothing/*");
  spec.metric = "kmap_local/4t/flushes";
  spec.relation = "~";
  EXPECT_EQ(judge_one(counters(36, 0, 0), spec).why, "no such relation: \"~\"");
}

TEST(Claims, WallClockOfAnEmulatedMachineDecidesNothing) {
  Rows rows;
  rows.functional();
  rows.measure("performance", "patched", kHigh, 1, "a/ns", 5, "ns");
  rows.measure("performance", "patched", kHigh, 1, "b/ns", 9, "ns");
  job::ClaimSpec spec = claim(Rule::kMetric);
  spec.metric = "a/ns";
  spec.other = "b/ns";
  spec.relation = "<";
  spec.config = kHigh;
  const Claim c = judge_one(rows, spec);
  EXPECT_EQ(c.answer, "not-decidable");
  EXPECT_EQ(c.why, "wall clock of an emulated machine decides nothing; real hardware would");
  for (SessionRow& row : rows.input.sessions) row.emulated = false;
  EXPECT_EQ(judge_one(rows, spec).answer, "confirmed");
}

TEST(Claims, ByComparison) {
  Rows rows;
  rows.functional();
  job::MetricSpec metric;
  metric.metric = "k/ns";
  rows.input.job.metrics = {metric};
  for (const char* config : {kHigh, kLow})
    for (const auto& [variant, value] : {std::pair{"baseline", 400.0}, {"patched", 300.0}})
      rows.measure("instructions", variant, config, 1, "k/ns", value, "ns");
  job::ClaimSpec spec = claim(Rule::kComparison);
  spec.metric = "k/ns";
  spec.session = "instructions";
  spec.expect = "faster";
  const Claim yes = judge_one(rows, spec);
  EXPECT_EQ(yes.answer, "confirmed");
  EXPECT_EQ(yes.figure,
            "k/ns in i386-highmem: -25.0 % [-25.1, -24.9] faster; k/ns in i386-nohighmem: -25.0 % "
            "[-25.1, -24.9] faster");
  spec.expect = "equivalent";
  EXPECT_EQ(judge_one(rows, spec).answer, "refuted");
  spec.session = "performance";
  EXPECT_EQ(judge_one(rows, spec).why, "nothing compares k/ns");
}

TEST(Claims, ByTests) {
  Rows rows;
  rows.functional();
  job::ClaimSpec spec = claim(Rule::kTests);
  spec.tests = {"igt@gem_*", "igt@i915_selftest@mock"};
  const Claim yes = judge_one(rows, spec);
  EXPECT_EQ(yes.answer, "confirmed");
  EXPECT_EQ(yes.figure, "8 of 8 tests pass");

  Rows bad = rows;
  bad.set("patched", kHigh, "igt@gem_pread@basic", "crash");
  EXPECT_EQ(judge_one(bad, spec).answer, "refuted");
  bad.set("baseline", kHigh, "igt@gem_pread@basic", "crash");
  EXPECT_EQ(judge_one(bad, spec).answer, "not-decidable");

  Rows skips = rows;
  skips.set("patched", kHigh, "igt@gem_pread@basic", "skip");
  EXPECT_EQ(judge_one(skips, spec).why, "igt@gem_pread@basic: skip in 1 of 1 boot (i386-highmem)");
  spec.tests.push_back("igt@nothing");
  EXPECT_EQ(judge_one(rows, spec).why, "no result of igt@nothing in i386-highmem");
}

TEST(Claims, WithoutARuleTheReasonIsTheJobs) {
  job::ClaimSpec spec = claim(Rule::kNone);
  spec.why = "a property of the source, not of a run";
  const Claim c = judge_one(Rows(), spec);
  EXPECT_EQ(c.answer, "not-decidable");
  EXPECT_EQ(c.why, "a property of the source, not of a run");
}

}  // namespace
}  // namespace kiln::verdict
