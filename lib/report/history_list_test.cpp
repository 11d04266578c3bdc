#include "lib/report/history_list.h"

#include <gmock/gmock.h>

namespace kiln::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(HistoryList, ATestsLettersByHalf) {
  v1::TestGridReply reply;
  EXPECT_EQ(tests_to_text(reply), "no run has tested yet\n");
  reply.add_runs()->set_id(401);
  reply.add_runs()->set_id(402);
  EXPECT_THAT(tests_to_text(reply), HasSubstr("no test was other than the same"));
  v1::GridTest* test = reply.add_tests();
  test->set_test("igt@a@b\x1b[31m");
  test->set_on(".F");
  test->set_off("..");
  test->set_bad_boots(1);
  test->set_boots(4);
  test->set_rate_low(0.006);
  test->set_rate_high(0.8);
  reply.set_total_tests(3);
  const std::string text = tests_to_text(reply);
  EXPECT_THAT(text, HasSubstr("runs 401 to 402, oldest first"));
  EXPECT_THAT(text, HasSubstr("bad in 1 of 4 boots (0.6 to 80.0 %)"));
  EXPECT_THAT(text, HasSubstr("  HIGHMEM on   .F\n  HIGHMEM off  ..\n"));
  EXPECT_THAT(text, HasSubstr("1 of 3 tests"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(HistoryList, MetricsAndWhereTheyChanged) {
  v1::MetricHistoryReply reply;
  EXPECT_EQ(metric_to_text(reply), "no run measured it\n");
  EXPECT_EQ(metric_names_to_text(reply), "nothing was measured yet\n");
  reply.add_metrics("kmap/ns");
  EXPECT_EQ(metric_names_to_text(reply), "kmap/ns\n");
  reply.set_unit("ns");
  v1::MetricPoint* point = reply.add_points();
  point->set_run_id(7);
  point->set_machine("kbl-1");
  point->set_config("i386-highmem");
  point->set_variant("baseline");
  point->add_boots(118.5);
  point->set_median(118.5);
  v1::MetricChange* change = reply.add_changes();
  change->set_before_run(7);
  change->set_after_run(8);
  change->set_change_percent(-3.1);
  EXPECT_THAT(metric_to_text(reply), HasSubstr("kbl-1       i386-highmem      baseline"));
  EXPECT_THAT(metric_to_text(reply), HasSubstr("changed by -3.1 % between runs 7 and 8"));
}

TEST(HistoryList, AMachinesEndingsNoiseAndSessions) {
  v1::MachineHistoryReply reply;
  reply.set_days(14);
  EXPECT_THAT(machine_to_text(reply), HasSubstr("in 14 days: nothing has ended\n"));
  v1::MachineEndings* endings = reply.add_endings();
  endings->set_ending("infrastructure");
  endings->set_error_class("INFRA_NET");
  endings->set_sessions(2);
  v1::MachineNoise* noise = reply.add_noise();
  noise->set_metric("kmap/ns");
  noise->set_pairs(12);
  noise->set_sd_percent(1.05);
  noise->set_detectable_percent(1.9);
  noise->set_experiments(2);
  noise->set_alarms(1);
  v1::MachineSession* session = reply.add_sessions();
  session->set_id(70);
  session->set_run_id(7);
  session->set_purpose("functional");
  session->set_variant("patched");
  session->set_config("i386-highmem");
  session->set_ending("infrastructure");
  session->set_error_class("INFRA_NET");
  session->set_error("the agent\x1b[31m is gone");
  session->set_seconds(61);
  session->set_idle_seconds(-1);
  const std::string text = machine_to_text(reply);
  EXPECT_THAT(text, HasSubstr("in 14 days: 2 infrastructure INFRA_NET\n"));
  EXPECT_THAT(text,
              HasSubstr("noise: kmap/ns: 1.05 % (12 pairs of the baseline against itself), six "
                        "pairs show 1.90 %, 1 false alarm in 2 comparisons: its alarms are not "
                        "believed\n"));
  EXPECT_THAT(text, HasSubstr("patched/i386-highmem"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(HistoryList, ConfigsSayWhatIsNotSet) {
  v1::CompareConfigsReply reply;
  EXPECT_EQ(configs_to_text(reply), "the same config\n");
  v1::ConfigDifference* one = reply.add_differences();
  one->set_symbol("HIGHMEM4G");
  one->set_left("y");
  EXPECT_THAT(configs_to_text(reply), HasSubstr("y -> not set"));
}

}  // namespace
}  // namespace kiln::report
