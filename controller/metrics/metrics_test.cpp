#include "controller/metrics/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace kiln::controller {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Metrics, CountsAndShows) {
  Metrics metrics("1.2.3");
  metrics.session_ended("functional", "tested", 42);
  metrics.build_ended("full", 100);
  metrics.build_failed();
  metrics.error("INFRA_NET");
  metrics.waited("nightly", 5);
  metrics.run_started("interactive");
  metrics.database_used(true, 0.002);
  Figures figures;
  figures.agents = 3;
  figures.machines = {{"ready", 2}, {"busy", 1}};
  figures.waiting = {{"interactive", 7}};
  figures.longest_waits = {{"interactive", 1.5}};
  figures.free_bytes = 1'000'000;
  figures.paused = true;
  const std::string text = metrics.text(figures);
  for (const char* line :
       {"kiln_info{version=\"1.2.3\"} 1\n", "kiln_agents_connected 3\n",
        "kiln_machines{state=\"ready\"} 2\n", "kiln_queue_waiting{priority=\"interactive\"} 7\n",
        "kiln_queue_longest_wait_seconds{priority=\"interactive\"} 1.5\n", "kiln_paused 1\n",
        "kiln_errors_total{class=\"INFRA_NET\"} 1\n", "kiln_errors_total{class=\"CRASH\"} 0\n",
        "kiln_builds_failed_total 1\n", "kiln_runs_started_total{priority=\"interactive\"} 1\n",
        "kiln_build_seconds_count{how=\"full\"} 1\n",
        "kiln_queue_wait_seconds_bucket{priority=\"nightly\",le=\"10\"} 1\n",
        "kiln_database_seconds_count{access=\"write\"} 1\n", "kiln_data_free_bytes 1000000\n",
        "# TYPE kiln_session_seconds histogram\n"})
    EXPECT_THAT(text, HasSubstr(line));
}

TEST(Metrics, WhatIsNoMoreBecomesZero) {
  Metrics metrics("1");
  Figures figures;
  figures.machines = {{"busy", 4}};
  (void)metrics.text(figures);
  figures.machines = {{"ready", 4}};
  const std::string text = metrics.text(figures);
  EXPECT_THAT(text, HasSubstr("kiln_machines{state=\"busy\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("kiln_machines{state=\"ready\"} 4\n"));
}

TEST(Metrics, WordsFromTheWireAreBounded) {
  Metrics metrics("1");
  for (int i = 0; i < 1000; ++i) metrics.error("E_" + std::string(1 + i % 26, 'A' + i % 26));
  metrics.error("evil\"} 1\nkiln_fake 1");
  metrics.error(std::string(5000, 'A'));
  metrics.session_ended("evil\nlabel", "evil", 1);
  const std::string text = metrics.text({});
  EXPECT_THAT(text, Not(HasSubstr("kiln_fake")));
  EXPECT_THAT(text, Not(HasSubstr("evil")));
  EXPECT_THAT(text, HasSubstr("kiln_errors_total{class=\"other\"}"));
  EXPECT_LT(text.size(), 100'000U);
}

TEST(Metrics, ManyThreads) {
  Metrics metrics("1");
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        metrics.database_used(i % 2 == 0, 0.001);
        metrics.error("INFRA_NET");
        if (i % 50 == 0) (void)metrics.text({});
      }
    });
  threads.clear();
  EXPECT_THAT(metrics.text({}), HasSubstr("kiln_errors_total{class=\"INFRA_NET\"} 2000\n"));
}

}  // namespace
}  // namespace kiln::controller
