/// The process ends in the middle of each of its writes in turn; what was acknowledged must be
/// there afterwards, and nothing may be there half.
#include <gmock/gmock.h>
#include <sys/wait.h>

#include <set>

#include "lib/db/crash_vfs.h"
#include "lib/db/testing.h"

namespace kiln::db {
namespace {

constexpr int kSessions = 4;
constexpr int kResults = 40;

/// Steps of the workload as the child acknowledges them, one letter each.
/// r: run created, b: build recorded, o: session opened, f: session finished, e: event, v: verdict
void acknowledge(int pipe, char step) {
  if (::write(pipe, &step, 1) != 1) ::_exit(3);
}

/// What a run writes, in small. Exit code 0 = it came to its end.
int work(const os::Path& file, int pipe) {
  auto database = Database::open(file);
  if (!database) return 10;
  RunTable runs(*database);
  const auto run = runs.create(sample_run(), sample_cells());
  if (!run) return 11;
  acknowledge(pipe, 'r');
  BuildTable builds(*database);
  if (!builds.record_for_run(*run, {"patched", "i386-highmem", false, sample_build("k2")}, at(1))) {
    return 12;
  }
  acknowledge(pipe, 'b');
  SessionTable sessions(*database);
  EventTable events(*database);
  for (int i = 0; i < kSessions; ++i) {
    StoredSession s = sample_session(*run, "functional/" + std::to_string(i));
    const auto id = sessions.open(s);
    if (!id) return 13;
    acknowledge(pipe, 'o');
    s.id = *id;
    if (!sessions.finish(sample_end(s, kResults))) return 14;
    acknowledge(pipe, 'f');
    if (!events.append(*run, EventRow{})) return 15;
    acknowledge(pipe, 'e');
  }
  RunRow end = sample_run();
  end.id = *run;
  end.state = "done";
  end.finished = at(500);
  VerdictRow verdict;
  verdict.result = "no-regression";
  verdict.findings = {{"f1", "flaky", "flaky", "igt@t@1", "igt@t@1", {}, false, "now and then"}};
  for (int i = 0; i < kSessions; ++i)
    verdict.occurrences.push_back({"f1", i + 1, "igt@t@1", "i386-highmem", "fail", 1, -1, {}});
  if (!runs.finish(end, verdict)) return 16;
  acknowledge(pipe, 'v');
  return 0;
}

struct Outcome {
  int exit_code = 0;
  std::string acknowledged;
};

Outcome run_child(const os::Path& file, int die_at) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    CrashVfs::install(die_at);
    ::_exit(work(file, ends[1]));
  }
  ::close(ends[1]);
  Outcome outcome;
  char step = 0;
  while (::read(ends[0], &step, 1) == 1) outcome.acknowledged += step;
  ::close(ends[0]);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return outcome;
}

size_t count(const std::string& steps, char step) {
  return static_cast<size_t>(std::count(steps.begin(), steps.end(), step));
}

/// Each count may be one more than acknowledged: the process ended between the write and its word.
void expect_acknowledged(size_t stored, const std::string& steps, char step) {
  EXPECT_GE(stored, count(steps, step)) << step;
  EXPECT_LE(stored, count(steps, step) + 1) << step;
}

void check_sessions(Database& database, int64_t run, const std::string& steps) {
  const auto sessions = SessionTable(database).of_run(run);
  ASSERT_TRUE(sessions) << render(sessions.error());
  size_t done = 0;
  for (const StoredSession& s : *sessions) {
    const size_t expected = s.state == "done" ? kResults : 0;
    EXPECT_EQ(s.results.size(), expected);
    EXPECT_EQ(s.artifacts.size(), expected == 0 ? 0U : 2U);
    EXPECT_EQ(s.kernel.size(), expected == 0 ? 0U : 1U);
    EXPECT_EQ(s.only_tests.size(), 2U);
    if (s.state == "done") ++done;
  }
  expect_acknowledged(sessions->size(), steps, 'o');
  expect_acknowledged(done, steps, 'f');
}

void check_invariants(Database& database, const std::string& steps) {
  ASSERT_TRUE(database.check()) << render(database.check().error());
  const auto runs = RunTable(database).list(10);
  ASSERT_TRUE(runs);
  expect_acknowledged(runs->size(), steps, 'r');
  if (runs->empty()) return;
  const RunSummaryRow& run = (*runs)[0];
  EXPECT_EQ(RunTable(database).cells(run.run.id)->size(), 3U);
  EXPECT_EQ(run.verdict.has_value(), run.run.state == "done");
  expect_acknowledged(run.verdict ? 1 : 0, steps, 'v');
  const VerdictTable verdicts(database);
  EXPECT_EQ(verdicts.findings(run.run.id)->size(), run.verdict ? 1U : 0U);
  EXPECT_EQ(verdicts.occurrences(run.run.id)->size(), run.verdict ? size_t{kSessions} : 0U);
  const auto build = BuildTable(database).find("k2");
  ASSERT_TRUE(build);
  expect_acknowledged(*build ? 1 : 0, steps, 'b');
  EXPECT_EQ(BuildTable(database).of_run(run.run.id)->size(), *build ? 1U : 0U);
  EXPECT_EQ(*build ? (*build)->warnings.size() : 2U, 2U);
  check_sessions(database, run.run.id, steps);
  const int64_t last = *EventTable(database).last_seq(run.run.id);
  expect_acknowledged(static_cast<size_t>(last), steps, 'e');
  EXPECT_EQ(EventTable(database).from(run.run.id, 1)->size(), static_cast<size_t>(last));
}

class CrashTest : public DbTest, public ::testing::WithParamInterface<int> {};

/// Every third write of the workload; the three instances take turns, so that each write is met.
TEST_P(CrashTest, NothingAcknowledgedIsLostAndNothingIsHalf) {
  database_.reset();
  int crashes = 0;
  for (int die_at = 1 + GetParam();; die_at += 3) {
    const os::Path path = folder_ / ("crash-" + std::to_string(die_at)) / "kiln.db";
    const Outcome outcome = run_child(path, die_at);
    {
      auto database = Database::open(path);
      ASSERT_TRUE(database) << "after write " << die_at << ": " << render(database.error());
      SCOPED_TRACE("the process ended in write " + std::to_string(die_at));
      check_invariants(*database, outcome.acknowledged);
      if (HasFatalFailure()) return;
    }
    if (outcome.exit_code == 0) break;  // it made fewer writes than that
    ASSERT_EQ(outcome.exit_code, kCrashExit);
    ++crashes;
    // The same work again, to its end: all is there once.
    const Outcome again = run_child(path, -1);
    ASSERT_EQ(again.exit_code, 0);
    auto database = Database::open(path);
    ASSERT_TRUE(database);
    EXPECT_EQ(RunTable(*database).list(10)->size(), 1U);
    EXPECT_EQ(SessionTable(*database).of_run(1)->size(), static_cast<size_t>(kSessions));
    ASSERT_TRUE(os::remove_tree(path.parent_path()));
  }
  EXPECT_GT(crashes, 20);
}

INSTANTIATE_TEST_SUITE_P(EachWrite, CrashTest, ::testing::Values(0, 1, 2));

}  // namespace
}  // namespace kiln::db
