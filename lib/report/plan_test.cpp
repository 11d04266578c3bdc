#include <gtest/gtest.h>

#include "lib/report/golden.h"
#include "lib/report/report.h"

namespace kiln::report {
namespace {

using testing::expect_golden;

v1::Plan sample_plan() {
  v1::Plan plan;
  plan.set_job_name("kmap-local-page");
  plan.set_title("drm/i915: replace kmap() with kmap_local_page()");
  plan.set_source("linux-source-6.1 6.1.192-1");
  plan.set_series("3 patches: [PATCH v2 0/3] drm/i915: Replace kmap() with kmap_local_page()");
  for (const char* subject : {"drm/i915: Replace kmap() with kmap_local_page()",
                              "drm/i915/gt: Replace kmap() with kmap_local_page()",
                              "drm/i915/gem: Replace kmap() with kmap_local_page()"})
    plan.add_patches(subject);
  plan.set_machine("qemu-1 (TCG; wall clock is indicative only)");
  for (const char* config : {"i386-highmem", "i386-nohighmem"})
    for (const char* variant : {"baseline", "patched"}) {
      v1::Cell* cell = plan.add_cells();
      cell->set_variant(variant);
      cell->set_config(config);
      v1::PlannedBuild* build = plan.add_builds();
      build->set_cell(std::string(variant) + "/" + config);
      const bool patched = std::string(variant) == "patched";
      build->set_state(patched ? "incremental" : "cached");
      build->set_estimated_seconds(patched ? 7 : 0);
      if (patched) build->set_reason("clone of baseline/" + std::string(config));
    }
  for (const auto& [purpose, count, seconds] :
       {std::tuple{"functional", 4, 95}, {"performance", 24, 41}, {"instructions", 4, 120}}) {
    v1::PlannedSessions* sessions = plan.add_sessions();
    sessions->set_purpose(purpose);
    sessions->set_count(count);
    sessions->set_estimated_seconds_each(seconds);
  }
  plan.set_tests_per_cell(212);
  plan.set_estimated_seconds(1860);
  plan.set_estimated_seconds_low(1440);
  plan.set_estimated_seconds_high(2640);
  plan.set_estimate_basis("from 6 runs on this computer");
  plan.add_notes("up to 8 more boots when something differs");
  return plan;
}

TEST(Plan, GoldenText) {
  expect_golden("plan.txt", plan_to_text(sample_plan()));
}

TEST(Plan, SameKernelsAreSaid) {
  v1::Plan plan = sample_plan();
  plan.mutable_cells(3)->set_same_as("patched/i386-highmem");
  plan.mutable_builds()->RemoveLast();
  EXPECT_NE(plan_to_text(plan).find("the same kernel as patched/i386-highmem"), std::string::npos);
}

TEST(Runs, Table) {
  EXPECT_EQ(runs_to_text({}), "no runs yet; next: kiln run JOB\n");
  v1::ListRunsReply reply;
  v1::RunSummary* done = reply.add_runs();
  done->mutable_run()->set_id(12);
  done->mutable_run()->set_job_name("kmap-local-page");
  done->mutable_run()->mutable_started()->set_seconds(1'795'554'900);
  done->mutable_run()->set_elapsed_seconds(2473);
  done->mutable_verdict()->set_headline("No regression: all 848 planned results arrived.");
  v1::RunSummary* running = reply.add_runs();
  running->mutable_run()->set_id(13);
  running->mutable_run()->set_job_name("evil\x1b[2J\nname");
  running->mutable_run()->set_state("running");
  expect_golden("runs.txt", runs_to_text(reply));
}

}  // namespace
}  // namespace kiln::report
