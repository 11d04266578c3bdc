#include "controller/keeping/clear.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <random>

#include "controller/keeping/references.h"
#include "controller/keeping/testing.h"
#include "lib/db/retention_table.h"

namespace kiln::controller {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class ClearTest : public KeepingTest {
 protected:
  /// An ended run whose artifacts were put long ago.
  TestRun add_ended(int sessions, bool regression = false) {
    const TestRun run = add_run(sessions);
    end_run(run.id, regression);
    age_everything();
    return run;
  }
  void end_run(int64_t id, bool regression) {
    db::RunTable runs(*database_);
    db::RunRow row = runs.get(id).value();
    row.state = "done";
    row.finished = clock_.now();
    db::VerdictRow verdict;
    verdict.result = "x";
    verdict.regressions = regression ? 1 : 0;
    ASSERT_TRUE(runs.finish(row, verdict));
  }
  /// Nothing in the store is young.
  void age_everything() const {
    const timespec old[2] = {{1000, 0}, {1000, 0}};
    for (const char* name : {"blobs", "bundles"}) {
      if (!fs::exists(data() / name)) continue;
      const auto files = os::list_files(data() / name);
      for (const auto& file : *files) ::utimensat(AT_FDCWD, (data() / name / file).c_str(), old, 0);
    }
  }
  Result<v1::ClearReport> clear(keep::Rules rules, bool dry_run = false) {
    return clear_away(*database_, *blobs_, {data(), rules, dry_run}, clock_);
  }
  [[nodiscard]] bool all_there(const TestRun& run) const {
    return std::all_of(run.digests.begin(), run.digests.end(),
                       [&](const auto& each) { return blobs_->has(each.first); });
  }
  [[nodiscard]] bool none_there(const TestRun& run) const {
    return std::none_of(run.digests.begin(), run.digests.end(),
                        [&](const auto& each) { return blobs_->has(each.first); });
  }
  /// Clears away in a child that is killed after so many microseconds; was it killed at work?
  bool clear_and_die(keep::Rules rules, int micros) {
    database_.reset();  // an open database does not go through a fork
    const pid_t child = ::fork();
    if (child == 0) {
      auto database = db::Database::open(data() / "kiln.db");
      auto blobs = blob::BlobStore::open(data() / "blobs");
      const bool cleared =
          database && blobs && clear_away(*database, *blobs, {data(), rules, false}, clock_);
      ::_exit(cleared ? 0 : 1);
    }
    ::usleep(static_cast<useconds_t>(micros));
    ::kill(child, SIGKILL);
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    database_.emplace(std::move(db::Database::open(data() / "kiln.db").value()));
    return WIFSIGNALED(status);
  }
  Status keep(int64_t run) {
    db::KeptRow row;
    row.run_id = run;
    row.since = clock_.now();
    row.by = "anna";
    return db::RetentionTable(*database_).keep(row);
  }
};

TEST_F(ClearTest, WithoutRulesOnlyWhatBelongsToNobodyGoes) {
  const TestRun run = add_ended(2);
  const std::string stray = *blobs_->put("of no row");
  age_everything();
  const auto report = clear({});
  ASSERT_TRUE(report) << render(report.error());
  EXPECT_EQ(report->artifacts(), 1U);
  EXPECT_EQ(report->runs_size(), 0);
  EXPECT_FALSE(blobs_->has(stray));
  EXPECT_TRUE(all_there(run));
}

TEST_F(ClearTest, DryRunSaysWhatWouldGoAndChangesNothing) {
  const TestRun old = add_ended(2);
  const TestRun newest = add_ended(2);
  const auto said = clear({1, 0, true}, true);
  ASSERT_TRUE(said) << render(said.error());
  ASSERT_EQ(said->runs_size(), 1);
  EXPECT_EQ(said->runs(0).id(), old.id);
  EXPECT_EQ(said->artifacts(), old.digests.size());
  EXPECT_GT(said->bytes(), 0U);
  EXPECT_TRUE(all_there(old));
  EXPECT_EQ(db::RetentionTable(*database_).facts()->size(), 2U);
  const auto done = clear({1, 0, true});
  ASSERT_TRUE(done) << render(done.error());
  EXPECT_EQ(done->bytes(), said->bytes());
  EXPECT_EQ(done->artifacts(), said->artifacts());
  EXPECT_TRUE(none_there(old));
  EXPECT_TRUE(all_there(newest));
  EXPECT_EQ(db::RunTable(*database_).list(10)->size(), 2U) << "rows stay";
  EXPECT_EQ(db::SessionTable(*database_).of_run(old.id)->size(), 2U);
}

TEST_F(ClearTest, PeopleFindingsAndUnfinishedRunsKeep) {
  const TestRun kept = add_ended(1);
  const TestRun found = add_ended(1, true);
  const TestRun running = add_run(1);
  const TestRun plain = add_ended(1);
  const TestRun newest = add_ended(1);
  ASSERT_TRUE(keep(kept.id));
  const auto report = clear({1, 0, true});
  ASSERT_TRUE(report) << render(report.error());
  EXPECT_EQ(report->runs_size(), 1);
  EXPECT_EQ(report->kept_because().at("kept by hand"), 1);
  EXPECT_EQ(report->kept_because().at("open findings"), 1);
  EXPECT_EQ(report->kept_because().at("it is not over"), 1);
  for (const TestRun& run : {kept, found, running, newest}) EXPECT_TRUE(all_there(run)) << run.id;
  EXPECT_TRUE(none_there(plain));
  // Too late to be kept.
  const Status late = keep(plain.id);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, ErrorKind::kConflict);
  EXPECT_EQ(keep(999).error().kind, ErrorKind::kNotFound);
  ASSERT_TRUE(db::RetentionTable(*database_).let_go(kept.id));
  ASSERT_TRUE(clear({1, 0, true}));
  EXPECT_TRUE(none_there(kept));
}

TEST_F(ClearTest, AKernelThatAKeptRunBootedStays) {
  const TestRun old = add_ended(1);
  const TestRun newest = add_ended(1);
  // The newest one's cell had the very same kernel.
  ASSERT_TRUE(db::BuildTable(*database_).link(newest.id, "patched", "other", "key-1", true));
  ASSERT_TRUE(clear({1, 0, true}));
  const auto kernel = db::BuildTable(*database_).find("key-1");
  EXPECT_TRUE(blobs_->has((*kernel)->image_digest));
  EXPECT_TRUE(blobs_->has((*kernel)->modules_digest));
  const auto sessions = db::SessionTable(*database_).of_run(old.id);
  EXPECT_FALSE(blobs_->has(sessions->front().artifacts.begin()->second)) << "its console went";
}

TEST_F(ClearTest, WhatWasPutOrClaimedLatelyStays) {
  const TestRun old = add_ended(1);
  const std::string young = *blobs_->put("of a session that has not ended");
  const std::string claimed = old.digests.begin()->first;
  ASSERT_TRUE(blobs_->claim(claimed)) << "as a build that is found in the store is";
  add_ended(0);
  const timespec now[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
  for (const std::string& digest : {young, claimed})
    for (const char* end : {"", ".zst"})
      ::utimensat(AT_FDCWD,
                  (data() / "blobs" / digest.substr(0, 2) / (digest.substr(2) + end)).c_str(), now,
                  0);
  ASSERT_TRUE(clear({1, 0, true}));
  EXPECT_TRUE(blobs_->has(young));
  EXPECT_TRUE(blobs_->has(claimed));
}

TEST_F(ClearTest, WhatOnlyMemoryNamesStays) {
  const std::string names = *blobs_->put("igt@a\nigt@b\n");
  age_everything();
  ClearOptions options{data(), {}, false};
  options.in_use = [&] { return std::set<std::string>{names}; };
  ASSERT_TRUE(clear_away(*database_, *blobs_, options, clock_));
  EXPECT_TRUE(blobs_->has(names));
}

TEST_F(ClearTest, JobFoldersGoWithTheirRuns) {
  const TestRun run = add_ended(1);
  add_ended(1);
  for (const char* name : {"job-old", "job-stray", "job-young"}) {
    ASSERT_TRUE(os::make_dirs(data() / "bundles" / name / "root"));
    ASSERT_TRUE(os::write_atomic(data() / "bundles" / name / "root/job.yaml", "job"));
  }
  set_bundle(run.id, "job-old");
  const timespec old[2] = {{1000, 0}, {1000, 0}};
  for (const char* name : {"job-old", "job-stray"})
    ::utimensat(AT_FDCWD, (data() / "bundles" / name).c_str(), old, 0);
  ASSERT_TRUE(clear({}));
  EXPECT_TRUE(fs::exists(data() / "bundles/job-old"));
  EXPECT_FALSE(fs::exists(data() / "bundles/job-stray"));
  EXPECT_TRUE(fs::exists(data() / "bundles/job-young"));
  const auto report = clear({1, 0, true});
  EXPECT_EQ(report->job_folders(), 1);
  EXPECT_FALSE(fs::exists(data() / "bundles/job-old"));
}

TEST_F(ClearTest, ARunThatGoesOnHasItsArtifactsAgain) {
  const TestRun run = add_run(1);
  db::RunTable runs(*database_);
  db::RunRow row = runs.get(run.id).value();
  row.state = "failed";
  row.finished = clock_.now();
  ASSERT_TRUE(runs.finish(row, {}));
  add_ended(1);
  ASSERT_TRUE(clear({1, 0, true}));
  EXPECT_TRUE(*db::RetentionTable(*database_).cleared(run.id));
  ASSERT_TRUE(runs.set_state(run.id, "running", 1));
  EXPECT_FALSE(*db::RetentionTable(*database_).cleared(run.id));
  EXPECT_TRUE(references(*database_)->contains(run.digests.begin()->first));
}

TEST_F(ClearTest, NotWhileABackupIsMade) {
  add_ended(1);
  const auto lock = lock_artifacts(data(), Millis(0));
  ASSERT_TRUE(lock);
  EXPECT_EQ(clear({}).error().kind, ErrorKind::kConflict);
  EXPECT_TRUE(clear({}, true)) << "looking harms nobody";
}

/// Runs, kept and ended at random, some kernels shared; after each clearing, broken off by kill -9
/// or not, every artifact of a run that is kept is there.
TEST_F(ClearTest, NoKeptReferenceDanglesWhateverHappens) {
  std::mt19937 random(20261128);
  std::map<int64_t, TestRun> runs;
  std::set<int64_t> by_hand;
  int kills = 0;
  for (int round = 0; round < 25; ++round) {
    for (uint32_t i = 0; i < 1 + random() % 4; ++i) {
      TestRun run = add_run(static_cast<int>(random() % 3));
      if (random() % 4 != 0) end_run(run.id, random() % 5 == 0);
      if (random() % 6 == 0 && keep(run.id)) by_hand.insert(run.id);
      if (random() % 3 == 0 && !runs.empty()) {
        const auto& other = std::next(runs.begin(), random() % runs.size())->second;
        const std::string key = "key-" + std::to_string(other.number);
        const auto build = db::BuildTable(*database_).find(key).value();
        // As the driver does: only what is there still is used again.
        if (blobs_->claim(build->image_digest) && blobs_->claim(build->modules_digest) &&
            db::BuildTable(*database_).link(run.id, "patched", "shared", key, true))
          for (const std::string& digest : {build->image_digest, build->modules_digest})
            run.digests[digest] = other.digests.at(digest);
      }
      runs[run.id] = run;
    }
    if (!by_hand.empty() && random() % 4 == 0) {
      ASSERT_TRUE(db::RetentionTable(*database_).let_go(*by_hand.begin()));
      by_hand.erase(by_hand.begin());
    }
    age_everything();
    const keep::Rules rules{static_cast<int>(random() % 4), 0, random() % 2 == 0};
    if (random() % 2 == 0) {
      kills += clear_and_die(rules, static_cast<int>(random() % 6000)) ? 1 : 0;
    } else {
      ASSERT_TRUE(clear(rules));
    }
    const auto facts = db::RetentionTable(*database_).facts();
    for (const auto& fact : *facts) {
      EXPECT_TRUE(all_there(runs.at(fact.id))) << "run " << fact.id << " in round " << round;
      EXPECT_TRUE(fact.kept_by_hand || !by_hand.contains(fact.id));
    }
    for (const int64_t id : by_hand) EXPECT_TRUE(all_there(runs.at(id)));
    const auto named = references(*database_);
    for (const std::string& digest : *named) EXPECT_TRUE(blobs_->has(digest));
  }
  EXPECT_GT(kills, 0) << "none was met in the middle: the test shows less than it says";
  // At the end nothing is left but what is kept.
  age_everything();
  ASSERT_TRUE(clear({1, 0, true}));
  const auto live = references(*database_);
  const auto left = os::list_files(data() / "blobs");
  size_t files = 0;
  for (const auto& file : *left) files += file.begin()->string() != "tmp" ? 1 : 0;
  EXPECT_EQ(files, live->size());
}

}  // namespace
}  // namespace kiln::controller
