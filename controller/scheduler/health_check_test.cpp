#include "controller/scheduler/health_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::scheduler {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

GoodBoot good_boot() {
  GoodBoot good;
  good.session.id = 7;
  good.session.config = "i386-highmem";
  good.session.build_key = "k1";
  good.session.results = {{"igt@a@slow", "gem", "pass", 30, "", ""},
                          {"igt@a@quick", "gem", "pass", 1, "", ""},
                          {"igt@a@quick@dynamic", "gem", "pass", 0.5, "", ""},
                          {"igt@b@bad", "mock", "fail", 0.1, "", ""}};
  good.job.spec.configs = {"i386-highmem", "i386-nohighmem"};
  for (const char* phase : {"gem", "mock"}) good.job.spec.tests.emplace_back().name = phase;
  good.job.spec.benches.emplace_back().name = "kmap";
  good.job.spec.coverage = true;
  good.job.lists = {{"gem", "", {"igt@a@slow", "igt@a@quick"}}, {"mock", "", {"igt@b@bad"}}};
  good.job.series.title = "[PATCH 0/3] a series";
  good.job.series.patches.emplace_back();
  good.run.set_id(3);
  good.run.set_source("linux-source-6.1 6.1.192-2");
  return good;
}

TEST(HealthCheck, IsOneBootOfTheBaselineWithTestsThatPassed) {
  const auto prepared = prepare_health_check("m1", good_boot());
  ASSERT_TRUE(prepared) << render(prepared.error());
  ASSERT_EQ(prepared->lists.size(), 1U);
  EXPECT_THAT(prepared->lists[0].tests, ElementsAre("igt@a@slow", "igt@a@quick"));
  EXPECT_TRUE(prepared->patches.empty());
  EXPECT_TRUE(prepared->series_title.empty());
  const job::Plan plan = plan_health_check(*prepared, {});
  ASSERT_EQ(plan.sessions.size(), 1U);
  EXPECT_EQ(plan.sessions[0].variant, "baseline");
  EXPECT_EQ(plan.sessions[0].config, "i386-highmem");
  EXPECT_EQ(plan.sessions[0].build_key, "k1");
  EXPECT_EQ(plan.sessions[0].purpose, "health");
}

TEST(HealthCheck, TakesTheQuickestTests) {
  GoodBoot good = good_boot();
  for (int i = 0; i < 20; ++i) {
    const std::string test = "igt@c@" + std::to_string(i);
    good.session.results.push_back({test, "gem", "pass", 2.0 + i, "", ""});
    good.job.lists[0].tests.push_back(test);
  }
  const auto prepared = prepare_health_check("m1", good);
  ASSERT_TRUE(prepared);
  EXPECT_EQ(prepared->lists[0].tests.size(), kMostCheckTests);
  EXPECT_THAT(prepared->lists[0].tests, testing::Contains("igt@a@quick"));
  EXPECT_THAT(prepared->lists[0].tests, testing::Not(testing::Contains("igt@a@slow")));
}

TEST(HealthCheck, WithoutATestThatPassedThereIsNone) {
  GoodBoot good = good_boot();
  good.session.results = {{"igt@b@bad", "mock", "fail", 0.1, "", ""}};
  EXPECT_EQ(prepare_health_check("m1", good).error().kind, ErrorKind::kBadInput);
}

v1::Session* add_session(v1::RunReport* report, const char* ending) {
  v1::Session* session = report->add_sessions();
  session->set_ending(ending);
  return session;
}
void add_result(v1::Session* session, const char* test, const char* outcome) {
  v1::Result* result = session->add_results();
  result->set_test(test);
  result->set_outcome(outcome);
}

TEST(HealthCheck, PassesWhenAllTestsPassed) {
  v1::RunReport report;
  add_session(&report, "infrastructure")->set_error("no login");
  v1::Session* second = add_session(&report, "tested");
  add_result(second, "igt@a@x", "pass");
  add_result(second, "igt@a@y", "pass");
  judge_health("m1", 2, &report);
  EXPECT_EQ(report.verdict().result(), "no-regression");
  EXPECT_EQ(report.verdict().exit_code(), 0);
}

TEST(HealthCheck, AnyOtherEndIsAMachineThatDoesNotWork) {
  const auto headline = [](v1::RunReport report, int planned) {
    judge_health("m1", planned, &report);
    EXPECT_EQ(report.verdict().result(), "infrastructure");
    EXPECT_EQ(report.verdict().exit_code(), 3);
    return report.verdict().headline();
  };
  v1::RunReport nothing;
  EXPECT_THAT(headline(nothing, 2), HasSubstr("only 0 of 2 tests passed"));
  v1::RunReport broken;
  add_session(&broken, "infrastructure")->set_error("no login");
  EXPECT_THAT(headline(broken, 2), HasSubstr("no login"));
  v1::RunReport missing;
  add_result(add_session(&missing, "tested"), "igt@a@x", "pass");
  EXPECT_THAT(headline(missing, 2), HasSubstr("only 1 of 2 tests passed"));
  v1::RunReport bad;
  v1::Session* session = add_session(&bad, "tested");
  add_result(session, "igt@a@x", "pass");
  add_result(session, "igt@a@y", "dmesg-warn");
  EXPECT_THAT(headline(bad, 2), HasSubstr("igt@a@y: dmesg-warn"));
}

}  // namespace
}  // namespace kiln::scheduler
