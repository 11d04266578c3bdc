#include "controller/app/review.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "controller/results/testing.h"
#include "controller/scheduler/stored_job.h"
#include "lib/report/review.h"

namespace kiln::controller {
namespace {

using google::protobuf::util::MessageDifferencer;
using results::testing::SampleRun;
using results::testing::StoredRuns;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class ReviewTest : public testing::Test {
 protected:
  v1::JudgeRunReply judge(int64_t run, bool save = false) {
    v1::JudgeRunRequest request;
    request.set_run_id(run);
    request.set_save(save);
    auto reply = review_.judge_run(request);
    EXPECT_TRUE(reply) << render(reply.error());
    return reply ? *reply : v1::JudgeRunReply();
  }
  static v1::ChangeKnownRequest known(const std::string& test) {
    v1::ChangeKnownRequest request;
    request.set_who("ada@lab");
    request.mutable_filter()->set_test(test);
    request.mutable_filter()->set_reason("broken since 6.1.150");
    return request;
  }
  v1::ReproRequest repro(int64_t run, const std::string& finding) {
    v1::ReproRequest request;
    request.set_run_id(run);
    request.set_finding(finding);
    return request;
  }

  StoredRuns runs_;
  Review review_{ReviewParts{runs_.clock, *runs_.database, *runs_.store, nullptr}};
};

TEST_F(ReviewTest, AStoredRunIsJudgedTheSameAgain) {
  const int64_t run = runs_.add({});
  const v1::JudgeRunReply first = judge(run, true);
  EXPECT_EQ(first.report().verdict().result(), "regression");
  ASSERT_EQ(first.report().findings_size(), 1);
  EXPECT_EQ(first.report().findings(0).test(), "igt@a@b");
  EXPECT_EQ(first.report().sessions_size(), 12);
  // The same words by the same rules are not stored twice.
  const v1::JudgeRunReply second = judge(run);
  EXPECT_EQ(second.stored_size(), 1);
  EXPECT_TRUE(MessageDifferencer::Equals(second.report(), first.report()));
  EXPECT_THAT(report::judge_to_text(second),
              AllOf(HasSubstr("stored  "), HasSubstr("f1   regression"), HasSubstr("igt@a@b")));
}

TEST_F(ReviewTest, LaterRunsDoNotChangeWhatAnEarlierOneIsJudged) {
  const int64_t run = runs_.add({});
  const v1::RunReport before = judge(run).report();
  SampleRun other;
  other.bad_test = "igt@a@c";
  runs_.add(other);
  EXPECT_TRUE(MessageDifferencer::Equals(judge(run).report(), before));
}

TEST_F(ReviewTest, APreviewWritesNothing) {
  const int64_t run = runs_.add({});
  const auto preview = review_.preview_known(known("igt@a@b"));
  ASSERT_TRUE(preview) << render(preview.error());
  ASSERT_EQ(preview->changes_size(), 1);
  EXPECT_EQ(preview->changes(0).run_id(), run);
  EXPECT_EQ(preview->changes(0).from_class(), "regression");
  EXPECT_EQ(preview->changes(0).to_class(), "known");
  EXPECT_TRUE(preview->changes(0).only_patched());
  EXPECT_EQ(preview->matches(), 6);
  EXPECT_EQ(preview->results(), 4);
  EXPECT_THAT(report::known_change_to_text(*preview),
              AllOf(HasSubstr("regression -> known"), HasSubstr("look twice")));
  EXPECT_EQ(judge(run).report().verdict().result(), "regression");
  EXPECT_EQ(review_.list_known({})->filters_size(), 0);
}

TEST_F(ReviewTest, AKnownIssueJudgesStoredRunsAtOnceAndCanBeTakenBack) {
  const int64_t run = runs_.add({});
  const auto added = review_.change_known(known("igt@a@b"));
  ASSERT_TRUE(added) << render(added.error());
  EXPECT_EQ(added->runs_judged(), 1);
  const int64_t id = added->after().id();
  const auto report = runs_.store->report(run);
  EXPECT_EQ(report->verdict().exit_code(), 0);
  EXPECT_EQ(report->findings(0).class_(), "known");
  EXPECT_THAT(report->findings(0).known(), HasSubstr("broken since 6.1.150"));

  v1::ChangeKnownRequest remove;
  remove.set_who("eve@lab");
  remove.set_remove(true);
  remove.mutable_filter()->set_id(id);
  ASSERT_TRUE(review_.change_known(remove));
  EXPECT_EQ(runs_.store->report(run)->findings(0).class_(), "regression");
  const auto again = review_.change_known(remove);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::kConflict);

  const auto audit = review_.audit_known({});
  ASSERT_EQ(audit->entries_size(), 2);
  EXPECT_EQ(audit->entries(0).who(), "eve@lab");
  EXPECT_EQ(audit->entries(0).action(), "removed");
  EXPECT_EQ(audit->entries(1).action(), "added");
  EXPECT_EQ(judge(run).stored_size(), 3);  // each verdict is kept
}

TEST_F(ReviewTest, AFilterThatMatchesNothingIsProposedForRemoval) {
  runs_.add({});
  ASSERT_TRUE(review_.change_known(known("igt@never@*")));
  v1::ListKnownRequest request;
  request.set_quiet_runs(1);
  const auto list = review_.list_known(request);
  ASSERT_EQ(list->filters_size(), 1);
  EXPECT_TRUE(list->filters(0).propose_removal());
  EXPECT_THAT(report::known_to_text(*list),
              AllOf(HasSubstr("no match yet"), HasSubstr("kiln known remove 1\n")));
}

TEST_F(ReviewTest, AFilterOfAnotherMachineCoversNothing) {
  runs_.add({});
  v1::ChangeKnownRequest request = known("igt@a@b");
  request.mutable_filter()->set_tag("gen12");
  EXPECT_THAT(review_.preview_known(request)->changes(), IsEmpty());
  request.mutable_filter()->set_tag("gen*");
  EXPECT_EQ(review_.preview_known(request)->changes_size(), 1);
}

TEST_F(ReviewTest, ANewVersionSaysWhatItFixedAndBroke) {
  SampleRun v1_run;
  v1_run.message_id = "v1@example.org";
  runs_.add(v1_run);
  SampleRun v2_run;
  v2_run.bad_test = "igt@a@c";
  v2_run.version = 2;
  v2_run.message_id = "v2@example.org";
  v2_run.patch_id = "p2";
  const int64_t v2_id = runs_.add(v2_run);
  const auto report = runs_.store->report(v2_id);
  ASSERT_TRUE(report->has_predecessor());
  EXPECT_EQ(report->predecessor().version(), 1);
  EXPECT_THAT(report->predecessor().fixed(), ElementsAre("igt@a@b (hm)"));
  EXPECT_THAT(report->predecessor().broke(), ElementsAre("igt@a@c (hm)"));
}

TEST_F(ReviewTest, AFindingIsRepeatedOnItsTestAndConfigAlone) {
  SampleRun sample;
  sample.configs = {"hm", "nohm"};
  const int64_t run = runs_.add(sample);
  const auto how = review_.describe_repro(repro(run, "f1"));
  ASSERT_TRUE(how) << render(how.error());
  EXPECT_EQ(how->cannot(), "");
  EXPECT_THAT(how->text(), AllOf(HasSubstr("kiln repro 1/f1 --boots 6"), HasSubstr("modprobe i915"),
                                 HasSubstr("/a --run-subtest b"), Not(HasSubstr("subtest c"))));
}

TEST_F(ReviewTest, ARepetitionThatGoesOnIsAskedForTheSameBoots) {
  const int64_t run = runs_.add({});
  v1::ReproRequest request = repro(run, "f1");
  request.set_boots(4);
  const auto input = review_.repro_input(request);
  ASSERT_TRUE(input);
  const auto prepared = scheduler::prepare_repro(*input);
  ASSERT_TRUE(prepared) << render(prepared.error());
  db::RunRow row;
  row.job_digest = prepared->job_digest;
  row.repro_of = fmt::format("{}/f1", run);
  row.started = runs_.clock.now() + Millis(1);
  row.id = *runs_.store->create_run(row, {});
  EXPECT_FALSE(review_.repro_again(row)) << "its job was not stored yet";
  ASSERT_TRUE(runs_.store->put_job(row.id, scheduler::to_stored(*prepared)));
  auto again = review_.repro_again(row);
  ASSERT_TRUE(again) << render(again.error());
  EXPECT_EQ(again->repro_of, row.repro_of);
  const auto plan = again->plan(again->prepared, 7);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->sessions.size(), 8U) << "four of each side";
  row.job_digest += "0";
  EXPECT_FALSE(review_.repro_again(row));
}

TEST_F(ReviewTest, WhatCannotBeRepeatedSaysWhy) {
  const int64_t run = runs_.add({});
  const auto none = review_.describe_repro(repro(run, "f7"));
  ASSERT_FALSE(none);
  EXPECT_THAT(render(none.error()), AllOf(HasSubstr("no finding `f7`"), HasSubstr("f1")));
  ASSERT_TRUE(runs_.blobs->gc({}, Millis(0), runs_.clock.now()));
  const auto gone = review_.describe_repro(repro(run, "f1"));
  ASSERT_TRUE(gone);
  EXPECT_THAT(gone->cannot(),
              AllOf(HasSubstr("baseline/hm is not in store"), HasSubstr("kiln run")));
  const auto refused = review_.start_repro(repro(run, "f1"), "anna");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kPermission);
}

TEST_F(ReviewTest, ARunOfAnOlderKilnSaysThatItCannotBeJudged) {
  const int64_t run = runs_.add({});
  ASSERT_TRUE(runs_.store->put_job(run, {}));
  v1::JudgeRunRequest request;
  request.set_run_id(run + 1);
  EXPECT_EQ(review_.judge_run(request).error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace kiln::controller
