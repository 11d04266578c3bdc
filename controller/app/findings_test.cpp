#include "controller/app/findings.h"

#include <gmock/gmock.h>

#include "controller/results/stored_judge.h"
#include "controller/results/testing.h"
#include "controller/results/timestamps.h"

namespace kiln::controller {
namespace {

using results::testing::SampleRun;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class FindingsTest : public ::testing::Test {
 protected:
  v1::ListFindingsReply list(const std::string& state = "", const std::string& where = "") {
    v1::ListFindingsRequest request;
    request.set_state(state);
    request.set_where(where);
    auto reply = findings_.list_findings(request);
    EXPECT_TRUE(reply) << render(reply.error());
    return reply.value_or(v1::ListFindingsReply());
  }
  /// "7/f1" of each, in their order.
  static std::vector<std::string> names(const v1::ListFindingsReply& reply) {
    std::vector<std::string> out;
    for (const v1::FindingRow& row : reply.findings())
      out.push_back(std::to_string(row.run_id()) + "/" + row.finding().id());
    return out;
  }
  static v1::DecideFindingsRequest decision(const std::string& action, int64_t run,
                                            const std::string& finding = "f1") {
    v1::DecideFindingsRequest request;
    request.set_action(action);
    request.set_reason("a bad cable");
    v1::FindingRef* ref = request.add_findings();
    ref->set_run_id(run);
    ref->set_finding(finding);
    return request;
  }
  int64_t decide(const v1::DecideFindingsRequest& request, const std::string& who = "anna") {
    const auto reply = findings_.decide_findings(request, who, true);
    EXPECT_TRUE(reply) << render(reply.error());
    return reply ? reply->decision().id() : 0;
  }
  ErrorKind refused(const v1::DecideFindingsRequest& request, bool keeper = true) {
    const auto reply = findings_.decide_findings(request, "anna", keeper);
    EXPECT_FALSE(reply);
    return reply ? ErrorKind::kInternal : reply.error().kind;
  }

  results::testing::StoredRuns runs_;
  SystemClock clock_;
  Findings findings_{clock_, *runs_.database};
};

TEST_F(FindingsTest, NewestRunsComeFirstWithAllThatListsShow) {
  const int64_t first = runs_.add({});
  const int64_t second = runs_.add({});
  const v1::ListFindingsReply all = list();
  EXPECT_THAT(names(all),
              ElementsAre(std::to_string(second) + "/f1", std::to_string(first) + "/f1"));
  EXPECT_EQ(all.total(), 2);
  EXPECT_FALSE(all.more());
  const v1::FindingRow& row = all.findings(0);
  EXPECT_EQ(row.finding().class_(), "regression");
  EXPECT_EQ(row.finding().test(), "igt@a@b");
  EXPECT_GT(row.finding().counts_size(), 0) << "the counts are there without the report";
  EXPECT_EQ(row.state(), "open");
  EXPECT_EQ(row.times_seen(), 2);
  EXPECT_EQ(all.findings(1).times_seen(), 1);
  EXPECT_THAT(row.strip(), ElementsAre("regression", "regression"));
}

TEST_F(FindingsTest, Pages) {
  for (int i = 0; i < 5; ++i) runs_.add({});
  v1::ListFindingsRequest request;
  request.set_limit(2);
  const auto first = findings_.list_findings(request);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->findings_size(), 2);
  EXPECT_TRUE(first->more());
  EXPECT_EQ(first->total(), 5);
  request.set_before_run(first->findings(1).run_id());
  const auto next = findings_.list_findings(request);
  ASSERT_TRUE(next);
  EXPECT_LT(next->findings(0).run_id(), first->findings(1).run_id());
}

TEST_F(FindingsTest, FiltersAndWords) {
  runs_.add({});
  SampleRun other;
  other.bad_test = "igt@a@c";
  const int64_t with_other = runs_.add(other);
  EXPECT_THAT(names(list("", "test:*@c")), ElementsAre(std::to_string(with_other) + "/f1"));
  EXPECT_EQ(list("", "class:regression").total(), 2);
  EXPECT_EQ(list("", "class:flaky").total(), 0);
  EXPECT_EQ(list("", "a@c").total(), 1);
  EXPECT_EQ(list("", "job:'; DROP TABLE findings --").total(), 0);
  EXPECT_EQ(list().total(), 2);
  EXPECT_EQ(list("", "config:hm machine:qemu-1 job:sample").total(), 2);
  EXPECT_EQ(list("", "-config:hm").total(), 0);
  EXPECT_THAT(names(list("", "run:" + std::to_string(with_other))),
              ElementsAre(std::to_string(with_other) + "/f1"));
  auto assign = decision("assign", with_other);
  assign.set_owner("bob");
  decide(assign);
  EXPECT_THAT(names(list("", "owner:bob")), ElementsAre(std::to_string(with_other) + "/f1"));
  EXPECT_EQ(list("all", "test:*@c,*@b").findings_size(), 2);
  v1::ListFindingsRequest wrong;
  wrong.set_where("colour:red");
  EXPECT_EQ(findings_.list_findings(wrong).error().kind, ErrorKind::kBadInput);
  wrong.set_where("");
  wrong.set_state("none");
  EXPECT_EQ(findings_.list_findings(wrong).error().kind, ErrorKind::kBadInput);
}

TEST_F(FindingsTest, DecisionsHideAndUndoShowsAgain) {
  const int64_t run = runs_.add({});
  const int64_t id = decide(decision("dismiss", run));
  EXPECT_EQ(list().total(), 0);
  const v1::ListFindingsReply decided = list("decided");
  ASSERT_EQ(decided.total(), 1);
  EXPECT_EQ(decided.findings(0).state(), "dismissed");
  EXPECT_EQ(decided.findings(0).decision().reason(), "a bad cable");
  EXPECT_EQ(decided.findings(0).decision().who(), "anna");
  EXPECT_EQ(findings_.undo_decision(id, "bob", false).error().kind, ErrorKind::kPermission);
  ASSERT_TRUE(findings_.undo_decision(id, "anna", false));
  EXPECT_EQ(list().total(), 1);
  EXPECT_TRUE(findings_.undo_decision(id, "anna", false)->decision().undone()) << "again: the same";
  EXPECT_EQ(findings_.undo_decision(999, "anna", true).error().kind, ErrorKind::kNotFound);
  decide(decision("dismiss", run));
  decide(decision("reopen", run));
  EXPECT_EQ(list().total(), 1);
}

TEST_F(FindingsTest, ManyAreOneDecisionAllOrNone) {
  const int64_t first = runs_.add({});
  const int64_t second = runs_.add({});
  auto both = decision("dismiss", first);
  both.add_findings()->set_run_id(second);
  both.mutable_findings(1)->set_finding("f99");
  EXPECT_EQ(refused(both), ErrorKind::kNotFound);
  EXPECT_EQ(list().total(), 2);
  both.mutable_findings(1)->set_finding("f1");
  const int64_t id = decide(both);
  EXPECT_EQ(list().total(), 0);
  ASSERT_TRUE(findings_.undo_decision(id, "anna", false));
  EXPECT_EQ(list().total(), 2);
}

TEST_F(FindingsTest, ARequestThatComesTwiceIsOne) {
  const int64_t run = runs_.add({});
  auto request = decision("dismiss", run);
  request.set_request_id("r1");
  const int64_t id = decide(request);
  ASSERT_TRUE(findings_.undo_decision(id, "anna", true));
  EXPECT_EQ(decide(request), id);
  EXPECT_EQ(list().total(), 1) << "the late repetition does not dismiss it once more";
}

TEST_F(FindingsTest, OwnersSeenAndSnoozed) {
  const int64_t run = runs_.add({});
  auto assign = decision("assign", run);
  assign.set_owner("bob");
  decide(assign);
  decide(decision("seen", run), "anna");
  decide(decision("seen", run), "bob");
  const v1::ListFindingsReply shown = list();
  ASSERT_EQ(shown.total(), 1);
  EXPECT_EQ(shown.findings(0).owner(), "bob");
  EXPECT_THAT(shown.findings(0).seen_by(), ElementsAre("anna", "bob"));
  auto snooze = decision("snooze", run);
  results::set_timestamp(clock_.now() + std::chrono::hours(1), snooze.mutable_until());
  decide(snooze);
  EXPECT_EQ(list().total(), 0);
  EXPECT_EQ(list("decided").findings(0).state(), "snoozed");
  FakeClock later;
  later.advance(std::chrono::duration_cast<Millis>(clock_.now().time_since_epoch()) +
                std::chrono::hours(2));
  v1::ListFindingsRequest all;
  EXPECT_EQ(Findings(later, *runs_.database).list_findings(all)->total(), 1) << "its time is over";
}

TEST_F(FindingsTest, DecisionsThatCannotBe) {
  const int64_t run = runs_.add({});
  auto without_reason = decision("dismiss", run);
  without_reason.set_reason("  ");
  EXPECT_EQ(refused(without_reason), ErrorKind::kBadInput);
  EXPECT_EQ(refused(decision("approve", run)), ErrorKind::kBadInput);
  EXPECT_EQ(refused(decision("snooze", run)), ErrorKind::kBadInput);
  auto past = decision("snooze", run);
  past.mutable_until()->set_seconds(1);
  EXPECT_EQ(refused(past), ErrorKind::kBadInput);
  past.mutable_until()->set_seconds(INT64_MAX);
  EXPECT_EQ(refused(past), ErrorKind::kBadInput);
  auto owner = decision("assign", run);
  owner.set_owner("no such name!");
  EXPECT_EQ(refused(owner), ErrorKind::kBadInput);
  v1::DecideFindingsRequest none;
  none.set_action("seen");
  EXPECT_EQ(refused(none), ErrorKind::kBadInput);
  EXPECT_EQ(refused(decision("dismiss", 999)), ErrorKind::kNotFound);
  EXPECT_EQ(refused(decision("dismiss", run), false), ErrorKind::kPermission);
  EXPECT_TRUE(findings_.decide_findings(decision("seen", run), "anna", false));
}

TEST_F(FindingsTest, JudgedAgainItStaysDecided) {
  const int64_t run = runs_.add({});
  decide(decision("dismiss", run));
  const auto judged =
      results::StoredJudge(*runs_.database).judge_again(run, {}, "judge", clock_.now());
  ASSERT_TRUE(judged) << render(judged.error());
  ASSERT_TRUE(db::VerdictTable(*runs_.database).add(run, judged->row));
  EXPECT_EQ(list().total(), 0);
  EXPECT_EQ(list("decided").total(), 1);
}

}  // namespace
}  // namespace kiln::controller
