#include "lib/job/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace kiln::job {
namespace {

using testing::ElementsAre;

PlanInput founding_job() {
  PlanInput input;
  input.spec.configs = {"i386-highmem", "i386-nohighmem"};
  input.spec.tests.resize(1);
  input.spec.benches.resize(1);
  input.spec.benches[0].instructions = true;
  input.spec.pairs = 3;
  for (const char* config : {"i386-highmem", "i386-nohighmem"})
    for (const char* variant : {"baseline", "patched"})
      input.cells.push_back({variant, config, std::string(variant) + config,
                             std::string(variant) == "baseline" ? CellKey::State::kFull
                                                                : CellKey::State::kIncremental});
  input.cells.push_back({"prefix-1", "i386-highmem", "p1", CellKey::State::kIncremental});
  input.seed = 42;
  return input;
}

std::vector<std::string> keys(const Plan& plan, const std::string& purpose) {
  std::vector<std::string> out;
  for (const PlannedSession& session : plan.sessions)
    if (session.purpose == purpose) out.push_back(session.key);
  return out;
}

TEST(Plan, FourCellsFourBuildsAndAPrefix) {
  const Plan plan = make_plan(founding_job());
  EXPECT_EQ(plan.cells.size(), 4U);
  ASSERT_EQ(plan.builds.size(), 5U);
  EXPECT_EQ(plan.builds[1].after_key, "baselinei386-highmem");
  EXPECT_EQ(plan.builds[1].state, "incremental");
  EXPECT_EQ(plan.builds[4].cell, "prefix-1/i386-highmem");
  EXPECT_THAT(
      keys(plan, "functional"),
      ElementsAre("functional/baseline/i386-highmem", "functional/patched/i386-highmem",
                  "functional/baseline/i386-nohighmem", "functional/patched/i386-nohighmem"));
  EXPECT_EQ(plan.estimate_basis, "first guess, no history yet");
  EXPECT_LT(plan.estimated_seconds_low, plan.estimated_seconds);
  EXPECT_GT(plan.estimated_seconds_high, plan.estimated_seconds);
}

TEST(Plan, CoverageIsOneBuildAndOneBootAConfig) {
  PlanInput input = founding_job();
  for (const char* config : {"i386-highmem", "i386-nohighmem"}) {
    // A config that can count as it is: the base is the baseline itself.
    const bool same = std::string(config) == "i386-highmem";
    input.cells.push_back(
        {kCoverageBase, config, same ? "baselinei386-highmem" : "cb", CellKey::State::kFull});
    input.cells.push_back(
        {kCoverage, config, std::string("c") + config, CellKey::State::kIncremental});
  }
  const Plan plan = make_plan(input);
  EXPECT_EQ(plan.cells.size(), 4U) << "they are no cells";
  std::vector<std::string> builds;
  for (const PlanBuild& build : plan.builds)
    if (build.cell.starts_with("coverage"))
      builds.push_back(build.cell + " after " + build.after_key + ": " + build.reason);
  EXPECT_THAT(
      builds,
      ElementsAre("coverage/i386-highmem after baselinei386-highmem: starts from the objects of "
                  "coverage-base/i386-highmem",
                  "coverage-base/i386-nohighmem after : no objects to start from",
                  "coverage/i386-nohighmem after cb: starts from the objects of "
                  "coverage-base/i386-nohighmem"));
  EXPECT_THAT(keys(plan, "coverage"),
              ElementsAre("coverage/i386-highmem", "coverage/i386-nohighmem"));
  for (const PlannedSession& session : plan.sessions) {
    if (session.purpose != "coverage") continue;
    EXPECT_EQ(session.build_key, "c" + session.config);
  }
  EXPECT_EQ(plan.totals[1].purpose, "coverage");
  EXPECT_EQ(plan.totals[1].count, 2);
  EXPECT_EQ(plan.totals[1].estimated_seconds_each, first_guess_seconds("session-coverage"));
}

TEST(Plan, ABaseThatNothingStartsFromIsNotBuilt) {
  PlanInput input = founding_job();
  input.cells.push_back({kCoverageBase, "i386-highmem", "cb", CellKey::State::kFull});
  input.cells.push_back({kCoverage, "i386-highmem", "c", CellKey::State::kCached});
  for (const PlanBuild& build : make_plan(input).builds) EXPECT_NE(build.key, "cb");
}

TEST(Plan, PairsAreBackToBackAndTheSeedDecidesTheirOrder) {
  PlanInput input = founding_job();
  input.spec.pairs = 40;
  const Plan plan = make_plan(input);
  const std::vector<std::string> order = keys(plan, "performance");
  ASSERT_EQ(order.size(), 160U);
  int patched_first = 0;
  for (size_t i = 0; i < order.size(); i += 2) {
    const std::string pair = order[i].substr(0, order[i].rfind('/'));
    EXPECT_EQ(pair, order[i + 1].substr(0, order[i + 1].rfind('/')));
    if (order[i].ends_with("/patched")) ++patched_first;
  }
  EXPECT_GT(patched_first, 20);
  EXPECT_LT(patched_first, 60);
  EXPECT_EQ(keys(make_plan(input), "performance"), order);
  input.seed = 43;
  EXPECT_NE(keys(make_plan(input), "performance"), order);
}

TEST(Plan, FurtherPairsHangOnSeedConfigAndNumberAlone) {
  const Plan plan = make_plan(founding_job());
  const auto keys_of = [&](const std::string& config, int pair, uint64_t seed) {
    std::vector<std::string> out;
    for (const PlannedSession& session : further_pair(plan, config, pair, seed)) {
      EXPECT_EQ(session.pair, pair);
      EXPECT_EQ(session.build_key, session.variant + config);
      EXPECT_EQ(session.patched_first, out.empty() == (session.variant == "patched"));
      out.push_back(session.key);
    }
    return out;
  };
  EXPECT_THAT(keys_of("i386-highmem", 7, 42),
              testing::UnorderedElementsAre("performance/i386-highmem/pair7/baseline",
                                            "performance/i386-highmem/pair7/patched"));
  EXPECT_EQ(keys_of("i386-highmem", 7, 42), keys_of("i386-highmem", 7, 42));
  int patched_first = 0;
  int alike = 0;
  for (int pair = 1; pair <= 200; ++pair) {
    const auto high = keys_of("i386-highmem", pair, 42);
    patched_first += high[0].ends_with("/patched") ? 1 : 0;
    alike += high[0].ends_with("/patched") ==
                     keys_of("i386-nohighmem", pair, 42)[0].ends_with("/patched")
                 ? 1
                 : 0;
  }
  EXPECT_NEAR(patched_first, 100, 30);
  EXPECT_NEAR(alike, 100, 30) << "the configs' orders have nothing to do with each other";
  EXPECT_TRUE(further_pair(plan, "none", 7, 42).empty());
}

TEST(Plan, ACanaryIsTheBaselineTwiceInTheFirstConfig) {
  PlanInput input = founding_job();
  input.spec.canaries = 2;
  const Plan plan = make_plan(input);
  EXPECT_THAT(keys(plan, "canary"),
              ElementsAre("canary/i386-highmem/pair1/1", "canary/i386-highmem/pair1/2",
                          "canary/i386-highmem/pair2/1", "canary/i386-highmem/pair2/2"));
  for (const PlannedSession& session : plan.sessions)
    EXPECT_TRUE(session.purpose != "canary" || session.build_key == "baselinei386-highmem");
  input.spec.pairs = 0;
  EXPECT_THAT(keys(make_plan(input), "canary"), testing::IsEmpty());
}

TEST(Plan, WhatMoreMayComeIsSaid) {
  PlanInput input = founding_job();
  input.spec.max_pairs = 12;
  EXPECT_THAT(make_plan(input).notes,
              testing::Contains("3 pairs of boots a config, and up to 12 where a comparison that "
                                "decides is still open then"));
  input.spec.max_pairs = 3;
  EXPECT_TRUE(make_plan(input).notes.empty());
}

TEST(Plan, EqualKernelsAreBuiltAndRunOnce) {
  PlanInput input = founding_job();
  input.cells = {{"baseline", "i386-highmem", "A", CellKey::State::kFull},
                 {"patched", "i386-highmem", "B", CellKey::State::kIncremental},
                 {"baseline", "i386-nohighmem", "A", CellKey::State::kFull},
                 {"patched", "i386-nohighmem", "B", CellKey::State::kIncremental}};
  const Plan plan = make_plan(input);
  EXPECT_EQ(plan.builds.size(), 2U);
  EXPECT_EQ(plan.cells[2].same_as, "baseline/i386-highmem");
  EXPECT_THAT(keys(plan, "functional"),
              ElementsAre("functional/baseline/i386-highmem", "functional/patched/i386-highmem"));
  EXPECT_THAT(plan.notes,
              testing::Contains("baseline/i386-highmem and baseline/i386-nohighmem are the same "
                                "kernel: built and run once"));
}

TEST(Plan, HistoryReplacesTheGuess) {
  PlanInput input = founding_job();
  input.history["build-full"] = {100, 300, 200};
  const Plan plan = make_plan(input);
  EXPECT_EQ(plan.builds[0].estimated_seconds, 200);
  EXPECT_EQ(plan.estimate_basis, "from up to 3 earlier steps of each kind on this computer");
}

TEST(Plan, ConfirmationsAreInterleavedWithKeysOfTheirOwn) {
  const Plan plan = make_plan(founding_job());
  const auto sessions = confirmation_sessions(plan, "i386-highmem", 2, 1, {"igt@a"}, 7);
  ASSERT_EQ(sessions.size(), 4U);
  std::set<std::string> all;
  for (const PlannedSession& session : sessions) {
    all.insert(session.key);
    EXPECT_EQ(session.purpose, "confirmation");
    EXPECT_THAT(session.only_tests, ElementsAre("igt@a"));
    EXPECT_EQ(session.build_key, session.variant + "i386-highmem");
  }
  EXPECT_EQ(all.size(), 4U);
  EXPECT_NE(sessions[0].variant, sessions[1].variant);
}

TEST(Plan, AMachineThatCannotCountInstructionsSaysSo) {
  PlanInput input = founding_job();
  input.machine_counts_instructions = false;
  const Plan plan = make_plan(input);
  EXPECT_TRUE(keys(plan, "instructions").empty());
  EXPECT_THAT(plan.notes, testing::Contains(testing::HasSubstr("cannot count instructions")));
}

}  // namespace
}  // namespace kiln::job
