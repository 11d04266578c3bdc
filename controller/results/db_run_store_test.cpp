#include "controller/results/db_run_store.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "controller/results/stored_judge.h"
#include "controller/results/testing.h"
#include "lib/db/retention_table.h"
#include "lib/db/session_table.h"

namespace kiln::results {
namespace {

using google::protobuf::util::MessageDifferencer;
using testing::SampleRun;
using testing::StoredRuns;

TEST(DbRunStore, ABuildWhoseNotesOfItsCountersAreGoneIsNoBuild) {
  StoredRuns runs;
  const int64_t id = runs.add({});
  kernel::BuildRecord record;
  record.key = "coverage-hm";
  record.state = "built";
  record.image_digest = *runs.blobs->put("image");
  record.coverage_digest = *runs.blobs->put("notes");
  ASSERT_TRUE(runs.store->put_build(id, "coverage", "hm", record));
  const auto found = runs.store->find_build(record.key);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->coverage_digest, record.coverage_digest);
  record.coverage_digest = std::string(64, 'f');
  ASSERT_TRUE(runs.store->put_build(id, "coverage", "hm", record));
  EXPECT_EQ(*runs.store->find_build(record.key), std::nullopt);
}

TEST(DbRunStore, AnEndKeepsWhereAndWhenTheSessionRan) {
  StoredRuns runs;
  const int64_t id = runs.add({});
  job::PlannedSession planned;
  planned.key = "functional/baseline/x";
  planned.purpose = "functional";
  planned.variant = "baseline";
  planned.config = "x";
  const auto session = runs.store->open_session(id, planned, 1, {"m7", false, 0, {}});
  ASSERT_TRUE(session) << render(session.error());
  v1::Session end;
  end.set_id(*session);
  end.set_ending("tested");
  end.set_error_class("CRASH");
  v1::Result* result = end.add_results();
  result->set_test("igt@a@b");
  result->set_outcome("fail");
  ASSERT_TRUE(runs.store->finish_session(id, end));
  const auto stored = db::SessionTable(*runs.database).get(*session);
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->machine, "m7");
  EXPECT_FALSE(stored->emulated);
  EXPECT_GT(stored->started, WallTime{});
  EXPECT_EQ(stored->error_class, "CRASH");
  // So that later runs find it.
  std::vector<verdict::TestHistory> history(1);
  history[0].test = "igt@a@b";
  history[0].config = "x";
  ASSERT_TRUE(runs.store->look_up_history(id + 1, "m7", &history));
  EXPECT_EQ(history[0].runs, 1);
  EXPECT_EQ(history[0].failures, 1);
}

TEST(DbRunStore, ACheckOfAMachineKeepsItsOwnVerdict) {
  StoredRuns runs;
  db::RunRow row;
  row.job_digest = "health check of m7";
  row.job_name = "health-check";
  row.started = runs.clock.now();
  row.checks_machine = "m7";
  const auto id = runs.store->create_run(row, {});
  ASSERT_TRUE(id) << render(id.error());
  ASSERT_TRUE(runs.store->put_job(*id, {}));
  v1::RunReport report;
  report.mutable_run()->set_id(*id);
  report.mutable_verdict()->set_result("no-regression");
  report.mutable_verdict()->set_headline("m7 works");
  ASSERT_TRUE(runs.store->finish_run(*id, "done", report));
  EXPECT_EQ(runs.store->report(*id)->verdict().headline(), "m7 works");
  const auto again = StoredJudge(*runs.database).judge_again(*id, {}, "judge", runs.clock.now());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().message, "run 1 checks m7: there is no series to judge");
}

TEST(DbRunStore, AReportSaysWhetherItsArtifactsAreKeptOrGone) {
  StoredRuns runs;
  const int64_t kept = runs.add(SampleRun());
  db::RetentionTable table(*runs.database);
  EXPECT_EQ(runs.store->report(kept)->run().kept_by(), "");
  ASSERT_TRUE(table.keep({kept, "", "", runs.clock.now(), "anna", "for the list"}));
  const auto told = runs.store->report(kept);
  EXPECT_EQ(told->run().kept_by(), "anna");
  EXPECT_EQ(told->run().kept_why(), "for the list");
  EXPECT_FALSE(told->run().has_artifacts_cleared());
  ASSERT_TRUE(table.let_go(kept));
  keep::Rules rules;
  rules.days = 1;
  rules.open_findings = false;
  const WallTime later = runs.clock.now() + std::chrono::hours(24 * 400);
  ASSERT_THAT(*table.clear(rules, later), ::testing::ElementsAre(kept));
  const auto gone = runs.store->report(kept);
  EXPECT_EQ(gone->run().kept_by(), "");
  EXPECT_TRUE(gone->run().has_artifacts_cleared());
}

TEST(DbRunStore, AReportIsTheSameWithoutItsSessions) {
  StoredRuns runs;
  const int64_t id = runs.add({});
  auto whole = runs.store->report(id);
  ASSERT_TRUE(whole) << render(whole.error());
  EXPECT_EQ(whole->sessions_size(), 12);
  whole->clear_sessions();
  EXPECT_TRUE(MessageDifferencer::Equals(*whole, *runs.store->report(id, false)));
}

TEST(StoredJudge, KeepsWhatWasMeasuredOfTheReach) {
  SampleRun sample;
  sample.reach.state = "measured";
  sample.reach.cells = {"hm"};
  reach::MarkedLine missed;
  missed.kind = '+';
  missed.line = 7;
  missed.text = "\treturn -ENOENT;";
  missed.mark = reach::Mark::kNotExecuted;
  missed.function = "f";
  sample.reach.files = {{"a.c", {missed}, ""}};
  StoredRuns runs;
  const int64_t id = runs.add(sample);
  const auto first = runs.store->report(id);
  ASSERT_TRUE(first) << render(first.error());
  ASSERT_EQ(first->not_tested_size(), 1);
  EXPECT_EQ(first->not_tested(0).file(), "a.c");
  EXPECT_EQ(first->not_tested(0).line(), 7);
  EXPECT_EQ(first->not_tested(0).needs(), "a test that runs f()");
  const auto again = StoredJudge(*runs.database).judge_again(id, {}, "judge", runs.clock.now());
  ASSERT_TRUE(again) << render(again.error());
  ASSERT_EQ(again->report.reach_size(), 1);
  EXPECT_TRUE(MessageDifferencer::Equals(again->report.reach(0), first->reach(0)));
  EXPECT_TRUE(MessageDifferencer::Equals(again->report.reach_summary(), first->reach_summary()));
  EXPECT_EQ(again->report.not_tested_size(), 1);
}

}  // namespace
}  // namespace kiln::results
