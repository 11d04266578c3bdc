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
