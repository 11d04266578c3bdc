/// Verdicts, jobs, series and known issues.
#include <gmock/gmock.h>

#include "lib/db/job_table.h"
#include "lib/db/known_table.h"
#include "lib/db/testing.h"
#include "lib/db/verdict_table.h"

namespace kiln::db {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

known::Filter sample_filter() {
  known::Filter f;
  f.test = "igt@t@*";
  f.outcomes = {"fail", "crash"};
  f.text = "assert.*";
  f.author = "keeper";
  f.reason = "bug 114";
  f.created = at(5);
  f.expires = at(50'000);
  return f;
}

VerdictRow sample_verdict(int64_t session) {
  VerdictRow verdict;
  verdict.result = "regression";
  verdict.exit_code = 1;
  verdict.headline = "1 regression";
  verdict.regressions = 1;
  verdict.results_got = 2;
  verdict.judged = at(200);
  verdict.rules = 4;
  verdict.report = "report";
  verdict.findings = {{"f1", "regression", "regression", "igt@t@1", "igt@t@1", {}, true, "bad"},
                      {"f2", "known", "flaky", "", "kernel report: x", {3, 7}, false, "said"}};
  verdict.occurrences = {{"f1", session, "igt@t@1", "i386-highmem", "fail", 1, -1, {}},
                         {"f2", session, "", "i386-highmem", "report", -1, 0, {3}}};
  return verdict;
}

class ReviewTest : public DbTest {
 protected:
  void SetUp() override {
    DbTest::SetUp();
    run_ = make_run();
    StoredSession s = sample_session(run_, "a");
    s.tags = {"qemu", "x86"};
    session_ = *SessionTable(*database_).open(s);
    s.id = session_;
    ASSERT_TRUE(SessionTable(*database_).finish(sample_end(s)));
  }
  int64_t filter() {
    KnownTable known(*database_);
    known::Filter f = sample_filter();
    f.id = *known.reserve(f);
    KnownAuditRow audit;
    audit.filter_id = f.id;
    audit.time = at(6);
    audit.who = "keeper";
    audit.action = "added";
    audit.after = f;
    EXPECT_TRUE(known.change(audit, {}, *known.stamp()));
    return f.id;
  }
  int64_t run_ = 0;
  int64_t session_ = 0;
};

TEST_F(ReviewTest, EveryVerdictIsKeptAndTheNewestHolds) {
  VerdictTable verdicts(*database_);
  VerdictRow first = sample_verdict(session_);
  ASSERT_TRUE(verdicts.add(run_, first));
  VerdictRow second = first;
  second.result = "no-regression";
  second.cause = "judge";
  second.rules = 5;
  second.judged = at(300);
  second.report = "another";
  second.findings.resize(1);
  second.occurrences.resize(1);
  ASSERT_TRUE(verdicts.add(run_, second));
  const auto all = verdicts.all(run_);
  ASSERT_THAT(*all, SizeIs(2));
  EXPECT_EQ((*all)[0].cause, "judge");
  EXPECT_EQ((*all)[0].rules, 5);
  EXPECT_EQ((*all)[1].result, "regression");
  EXPECT_EQ((*all)[1].report, "") << "lists are without reports";
  EXPECT_EQ((*verdicts.newest(run_))->report, "another");
  EXPECT_THAT(*verdicts.findings(run_), SizeIs(1)) << "findings are the newest verdict's alone";
  EXPECT_THAT(*verdicts.occurrences(run_), SizeIs(1));
}

TEST_F(ReviewTest, TheSameVerdictIsStoredOnce) {
  VerdictTable verdicts(*database_);
  ASSERT_TRUE(verdicts.add(run_, sample_verdict(session_)));
  VerdictRow again = sample_verdict(session_);
  again.judged = at(999);
  ASSERT_TRUE(verdicts.add(run_, again));
  EXPECT_THAT(*verdicts.all(run_), SizeIs(1));
  EXPECT_EQ((*verdicts.all(run_))[0].judged, at(200));
  EXPECT_THAT(*verdicts.findings(run_), SizeIs(2));
  EXPECT_EQ(render(verdicts.add(99, again).error()), "error: run 99 does not exist");
}

TEST_F(ReviewTest, FindingsComeBackAsTheyWere) {
  VerdictTable verdicts(*database_);
  ASSERT_TRUE(verdicts.add(run_, sample_verdict(session_)));
  const auto findings = verdicts.findings(run_);
  ASSERT_THAT(*findings, SizeIs(2));
  EXPECT_EQ((*findings)[0].name, "f1");
  EXPECT_TRUE((*findings)[0].only_patched);
  EXPECT_EQ((*findings)[1].bare_class, "flaky");
  EXPECT_EQ((*findings)[1].subject, "kernel report: x");
  EXPECT_THAT((*findings)[1].known, ElementsAre(3, 7));
  const auto seen = verdicts.occurrences(run_);
  EXPECT_EQ((*seen)[0].row, 1);
  EXPECT_EQ((*seen)[0].report, -1);
  EXPECT_EQ((*seen)[1].row, -1);
  EXPECT_EQ((*seen)[1].report, 0);
  EXPECT_THAT((*seen)[1].known, ElementsAre(3));
}

TEST_F(ReviewTest, IdsInAColumn) {
  EXPECT_EQ(join_ids({3, 12}), "3 12");
  EXPECT_THAT(split_ids("3 12"), ElementsAre(3, 12));
  EXPECT_THAT(split_ids(""), IsEmpty());
  EXPECT_THAT(split_ids("x 3y 4"), ElementsAre(4));
}

TEST_F(ReviewTest, TheVerdictGetsTheMachineAndItsTags) {
  const auto rows = SessionTable(*database_).for_verdict(run_);
  ASSERT_THAT(*rows, SizeIs(1));
  EXPECT_EQ((*rows)[0].machine, "qemu-1");
  EXPECT_THAT((*rows)[0].tags, ElementsAre("qemu", "x86"));
  EXPECT_THAT((*rows)[0].only_tests, SizeIs(2));
  EXPECT_EQ((*rows)[0].results[1].kernel_words, std::string("raw \xff\0 bytes", 11));
  EXPECT_EQ((*rows)[0].measurements[0].value, 4096);
}

TEST_F(ReviewTest, CancelledBootsSayNothing) {
  StoredSession s = sample_session(run_, "b");
  s.id = *SessionTable(*database_).open(s);
  StoredSession end = sample_end(s);
  end.ending = "cancelled";
  ASSERT_TRUE(SessionTable(*database_).finish(end));
  EXPECT_THAT(*SessionTable(*database_).for_verdict(run_), SizeIs(1));
}

TEST_F(ReviewTest, AFilterIsInForceWithItsAudit) {
  KnownTable known(*database_);
  const int64_t reserved = *known.reserve(sample_filter());
  EXPECT_THAT(*known.list(), IsEmpty()) << "an id alone is no filter";
  const int64_t id = filter();
  EXPECT_GT(id, reserved);
  known::Filter expected = sample_filter();
  expected.id = id;
  EXPECT_EQ(*known.get(id), expected);
  EXPECT_THAT(*known.list(), ElementsAre(expected));
  const auto audit = known.audit(id, 10);
  ASSERT_THAT(*audit, SizeIs(1));
  EXPECT_EQ((*audit)[0].action, "added");
  EXPECT_EQ((*audit)[0].who, "keeper");
  EXPECT_FALSE((*audit)[0].before);
  EXPECT_EQ((*audit)[0].after, expected);
  EXPECT_EQ(render(known.get(99).error()),
            "error: there is no known issue 99\n  kiln known list shows them");
}

TEST_F(ReviewTest, AChangeBringsItsVerdictsOrNothing) {
  KnownTable known(*database_);
  const int64_t id = filter();
  const int64_t stamp = *known.stamp();
  KnownAuditRow audit;
  audit.filter_id = id;
  audit.time = at(10);
  audit.who = "other";
  audit.action = "removed";
  audit.before = *known.get(id);
  audit.runs = 1;
  VerdictRow verdict = sample_verdict(session_);
  verdict.hits = {{id, 2, 1}};
  ASSERT_TRUE(known.change(audit, {{run_, verdict}}, stamp));
  EXPECT_THAT(*known.list(), IsEmpty());
  EXPECT_TRUE(known.list(true)->back().removed);
  EXPECT_THAT(*VerdictTable(*database_).all(run_), SizeIs(1));
  // The stamp is another one now: somebody else would overwrite what he did not see.
  const Status late = known.change(audit, {{run_, verdict}}, stamp);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, ErrorKind::kConflict);
  EXPECT_THAT(*known.audit(0, 10), SizeIs(2));
  // A verdict for a run that does not exist undoes the whole change.
  EXPECT_FALSE(known.change(audit, {{99, verdict}}, *known.stamp()));
  EXPECT_THAT(*known.audit(0, 10), SizeIs(2));
}

TEST_F(ReviewTest, UsesTellWhenAFilterMatchedLast) {
  KnownTable known(*database_);
  const int64_t id = filter();
  EXPECT_EQ((*known.uses(false))[0].last_run, 0);
  EXPECT_FALSE((*known.uses(false))[0].last_match);
  VerdictRow verdict = sample_verdict(session_);
  verdict.hits = {{id, 2, 1}};
  RunRow run = sample_run();
  run.id = run_;
  run.state = "done";
  run.finished = at(900);
  ASSERT_TRUE(RunTable(*database_).finish(run, verdict));
  RunRow later = sample_run();
  later.started = at(1000);
  later.id = *RunTable(*database_).create(later, {});
  later.state = "done";
  later.finished = at(2000);
  ASSERT_TRUE(RunTable(*database_).finish(later, {}));
  const auto uses = known.uses(false);
  ASSERT_THAT(*uses, SizeIs(1));
  EXPECT_EQ((*uses)[0].last_run, run_);
  EXPECT_EQ((*uses)[0].last_match, at(900));
  EXPECT_EQ((*uses)[0].runs_since, 1);
  EXPECT_EQ((*uses)[0].findings, 1);
  EXPECT_EQ(known.judged()->first, 2);
  EXPECT_EQ(known.judged()->second, 2);
}

TEST_F(ReviewTest, UnitsAreWhatFiltersAreMatchedWith) {
  KnownTable known(*database_);
  VerdictTable verdicts(*database_);
  ASSERT_TRUE(verdicts.add(run_, sample_verdict(session_)));
  auto units = known.units();
  ASSERT_TRUE(units) << render(units.error());
  ASSERT_THAT(*units, SizeIs(2));
  const KnownUnit& unit = (*units)[0];
  EXPECT_EQ(unit.run_id, run_);
  EXPECT_EQ(unit.finding, "f1");
  EXPECT_EQ(unit.test, "igt@t@1");
  EXPECT_TRUE(unit.only_patched);
  ASSERT_THAT(unit.seen, SizeIs(1));
  EXPECT_EQ(unit.seen[0].machine, "qemu-1");
  EXPECT_THAT(unit.seen[0].tags, ElementsAre("qemu", "x86"));
  std::vector<KnownSeen*> all;
  for (KnownUnit& each : *units)
    for (KnownSeen& seen : each.seen) all.push_back(&seen);
  ASSERT_TRUE(known.load_words(all));
  EXPECT_EQ(all[0]->result->reason, "reason");
  EXPECT_EQ(all[0]->result->kernel_words, std::string("raw \xff\0 bytes", 11));
  ASSERT_THAT(all[0]->reports, SizeIs(1)) << "of the same test";
  EXPECT_FALSE(all[1]->result);
  ASSERT_THAT(all[1]->reports, SizeIs(1)) << "by its position";
  EXPECT_EQ(all[1]->reports[0].signature, "oops:shmem_pread");
  const auto of_test = known.units({"igt@t@*"});
  ASSERT_THAT(*of_test, SizeIs(1));
  EXPECT_EQ((*of_test)[0].test, "igt@t@1");
  EXPECT_EQ((*of_test)[0].seen.size(), unit.seen.size());
  EXPECT_THAT(*known.units({"igt@t@[1]"}), IsEmpty()) << "a bracket is a bracket";
  EXPECT_THAT(*known.units({"igt@none@*", "*@t@1"}), SizeIs(1)) << "of either";
}

TEST_F(ReviewTest, AJobIsSharedByRunsThatWereAskedTheSame) {
  JobTable jobs(*database_);
  EXPECT_FALSE(jobs.get(run_)->has_value());
  ASSERT_TRUE(jobs.put(run_, "{\"a\":1}", std::nullopt));
  RunRow other = sample_run();
  other.started = at(1000);
  other.id = *RunTable(*database_).create(other, {});
  ASSERT_TRUE(jobs.put(other.id, "{\"a\":1}", std::nullopt));
  EXPECT_EQ(**jobs.get(run_), "{\"a\":1}");
  EXPECT_EQ(**jobs.get(other.id), "{\"a\":1}");
  ASSERT_TRUE(jobs.put(run_, "{\"a\":2}", std::nullopt));
  EXPECT_EQ(**jobs.get(run_), "{\"a\":2}");
  EXPECT_EQ(render(jobs.put(99, "{}", std::nullopt).error()), "error: run 99 does not exist");
  EXPECT_TRUE(database_->check());
}

SeriesRow sample_series(int64_t run, int version) {
  SeriesRow series;
  series.run_id = run;
  series.title = "[PATCH] x";
  series.title_key = "x";
  series.author_key = "dev@example.org";
  series.message_id = "v" + std::to_string(version) + "@example.org";
  series.version = version;
  series.patches = {{"one", "a"}, {"two", "b" + std::to_string(version)}};
  return series;
}

TEST_F(ReviewTest, RelativesAreJudgedRunsBefore) {
  JobTable jobs(*database_);
  const auto run_of = [&](int second, int version, bool judged) {
    RunRow run = sample_run();
    run.started = at(second);
    const int64_t id = *RunTable(*database_).create(run, {});
    EXPECT_TRUE(jobs.put(id, "{}", sample_series(id, version)));
    if (judged) {
      EXPECT_TRUE(VerdictTable(*database_).add(id, {}));
    }
    return id;
  };
  const int64_t first = run_of(1000, 1, true);
  run_of(2000, 1, false);
  const int64_t third = run_of(3000, 2, true);
  const int64_t now = run_of(4000, 3, true);
  SeriesRow series = sample_series(now, 3);
  auto found = jobs.relatives(series);
  ASSERT_THAT(*found, SizeIs(2));
  EXPECT_EQ((*found)[0].run_id, third);
  EXPECT_EQ((*found)[1].run_id, first);
  EXPECT_THAT((*found)[0].patches, ElementsAre(PatchRow{"one", "a"}, PatchRow{"two", "b2"}));
  series.author_key = "somebody@example.org";
  EXPECT_THAT(*jobs.relatives(series), IsEmpty());
  series.answers = {"v1@example.org", "other@x"};
  found = jobs.relatives(series);
  ASSERT_THAT(*found, SizeIs(1));
  EXPECT_EQ((*found)[0].run_id, first);
  EXPECT_EQ((*jobs.series(now))->version, 3);
  EXPECT_FALSE(jobs.series(run_)->has_value());
}

TEST_F(ReviewTest, PatchesThatCannotBeLeftOut) {
  JobTable jobs(*database_);
  ASSERT_TRUE(jobs.set_not_revertible(run_, 2));
  ASSERT_TRUE(jobs.set_not_revertible(run_, 1));
  ASSERT_TRUE(jobs.set_not_revertible(run_, 2));
  EXPECT_THAT(*jobs.not_revertible(run_), ElementsAre(1, 2));
}

}  // namespace
}  // namespace kiln::db
