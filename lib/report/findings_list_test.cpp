#include "lib/report/findings_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

v1::FindingRow* add(v1::ListFindingsReply* reply, int64_t run, const std::string& id) {
  v1::FindingRow* row = reply->add_findings();
  row->set_run_id(run);
  row->set_job_name("night");
  row->set_title("drm-tip");
  row->set_state("open");
  row->mutable_finding()->set_id(id);
  row->mutable_finding()->set_class_("regression");
  row->mutable_finding()->set_summary("igt@a@b fails with the series");
  return row;
}

TEST(FindingsList, RunsOnceWithTheirFindings) {
  v1::ListFindingsReply reply;
  add(&reply, 9, "f1")->set_times_seen(3);
  v1::FindingRow* second = add(&reply, 9, "f2");
  second->set_state("dismissed");
  second->mutable_decision()->set_who("anna");
  second->mutable_decision()->set_reason("a bad\x1b[31m cable");
  add(&reply, 7, "f1")->set_owner("bob");
  reply.set_total(12);
  reply.set_more(true);
  const std::string text = findings_to_text(reply);
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, HasSubstr("run 9  night  drm-tip\n"
                              "  9/f1  regression  igt@a@b fails with the series\n"
                              "      seen in 3 runs\n  9/f2"));
  EXPECT_THAT(text, HasSubstr("dismissed by anna: a bad"));
  EXPECT_THAT(text, HasSubstr("\nrun 7"));
  EXPECT_THAT(text, HasSubstr("bob looks at it"));
  EXPECT_THAT(text, HasSubstr("3 of 12; --limit shows more"));
  EXPECT_THAT(findings_to_text({}), HasSubstr("nothing waits"));
}

TEST(FindingsList, ADecisionSaysHowToTakeItBack) {
  v1::Decision decision;
  decision.set_id(4);
  decision.set_action("dismiss");
  v1::FindingRef* ref = decision.add_findings();
  ref->set_run_id(9);
  ref->set_finding("f1");
  EXPECT_EQ(decision_to_text(decision),
            "decision 4: dismiss 9/f1\nkiln findings undo 4 takes it back\n");
  decision.set_undone(true);
  EXPECT_EQ(decision_to_text(decision), "decision 4 (undone): dismiss 9/f1\n");
}

}  // namespace
}  // namespace kiln::report
