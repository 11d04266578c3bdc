#include "controller/keeping/backup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "controller/keeping/manifest.h"
#include "controller/keeping/references.h"
#include "controller/keeping/restore.h"
#include "controller/keeping/testing.h"
#include "kiln/v1/agent.pb.h"
#include "lib/db/access_table.h"
#include "lib/db/copy.h"
#include "lib/db/lease_table.h"

namespace kiln::controller {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class BackupTest : public KeepingTest {
 protected:
  Result<v1::BackupReport> backup(int keep = 0, bool check = false) {
    return make_backup({data(), to(), {}, keep, check}, clock_);
  }
  Result<v1::RestoreReport> restore(const std::string& name, bool partial = false) {
    return restore_backup({to(), folder_ / name, partial}, clock_);
  }
  [[nodiscard]] size_t runs_in(const std::string& name) const {
    auto database = db::Database::open(folder_ / name / "kiln.db");
    return db::RunTable(*database).list(10)->size();
  }
  [[nodiscard]] os::Path to() const { return folder_ / "backups"; }
  /// The one file of the shared store that holds the digest.
  [[nodiscard]] os::Path stored(const std::string& digest) const {
    for (const char* end : {"", ".zst"}) {
      const os::Path path = to() / "artifacts" / digest.substr(0, 2) / (digest.substr(2) + end);
      if (fs::exists(path)) return path;
    }
    return {};
  }
  void change_manifest(const std::function<void(v1::BackupManifest*)>& change) {
    const os::Path newest = backups_in(to())->back();
    auto manifest = read_manifest(newest);
    ASSERT_TRUE(manifest) << render(manifest.error());
    change(&*manifest);
    ASSERT_TRUE(write_manifest(*manifest, newest));
  }
};

TEST_F(BackupTest, WhatIsRestoredIsWhatWasThere) {
  const TestRun run = add_run(3);
  ASSERT_TRUE(os::make_dirs(data() / "pki"));
  ASSERT_TRUE(os::write_atomic(data() / "pki/ca.key", "secret", 0600));
  ASSERT_TRUE(os::write_atomic(data() / "kilnd.yaml", "kilnd: 1\ndata_dir: /old/place\njobs: 2\n"));
  ASSERT_TRUE(os::make_dirs(data() / "bundles/job-abc/root/lists"));
  ASSERT_TRUE(os::write_atomic(data() / "bundles/job-abc/root/run.sh", "#!/bin/sh\n", 0755));
  const auto made = backup();
  ASSERT_TRUE(made) << render(made.error());
  EXPECT_EQ(made->artifacts(), run.digests.size());
  EXPECT_EQ(made->artifacts_copied(), run.digests.size());
  EXPECT_EQ(made->missing_size(), 0);
  struct stat info {};
  ASSERT_EQ(::stat(made->path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U) << "keys and tokens are in it";

  const auto restored = restore("new");
  ASSERT_TRUE(restored) << render(restored.error());
  EXPECT_TRUE(restored->config_changed());
  const os::Path there = folder_ / "new";
  EXPECT_EQ(*os::read_file(there / "pki/ca.key"), "secret");
  ASSERT_EQ(::stat((there / "pki/ca.key").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  EXPECT_EQ(*os::read_file(there / "kilnd.yaml"),
            "kilnd: 1\ndata_dir: " + there.string() + "\njobs: 2\n");
  EXPECT_EQ(*os::read_file(there / "bundles/job-abc/root/run.sh"), "#!/bin/sh\n");
  ASSERT_EQ(::stat((there / "bundles/job-abc/root/run.sh").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0755U);
  auto blobs = blob::BlobStore::open(there / "blobs");
  for (const auto& [digest, content] : run.digests) EXPECT_EQ(*blobs->get(digest), content);
  auto database = db::Database::open(there / "kiln.db");
  ASSERT_TRUE(database) << render(database.error());
  EXPECT_TRUE(database->check());
  EXPECT_EQ(db::RunTable(*database).list(10)->size(), 1U);
  EXPECT_EQ((*db::AccessTable(*database).audit({}))[0].method, "kiln restore");
  EXPECT_FALSE(fs::exists(folder_ / ".new.restoring"));
}

TEST_F(BackupTest, TheSecondOneCopiesOnlyWhatIsNew) {
  const TestRun first = add_run(3);
  ASSERT_TRUE(backup());
  const TestRun second = add_run(2);
  const auto made = backup();
  ASSERT_TRUE(made) << render(made.error());
  EXPECT_EQ(made->artifacts(), first.digests.size() + second.digests.size());
  EXPECT_EQ(made->artifacts_copied(), second.digests.size());
  EXPECT_EQ(backups_in(to())->size(), 2U);
  // Both can be had.
  ASSERT_TRUE(restore_backup({backups_in(to())->front(), folder_ / "old"}, clock_));
  EXPECT_EQ(runs_in("old"), 1U);
  ASSERT_TRUE(restore("new"));
  EXPECT_EQ(runs_in("new"), 2U);
}

TEST_F(BackupTest, KeepLetsOldOnesGoWithWhatOnlyTheyHad) {
  const TestRun first = add_run(2);
  ASSERT_TRUE(backup());
  const std::string gone = first.digests.begin()->first;
  // Its rows are gone from the database; what the backup shares stays while one refers to it.
  forget_run(first.id);
  add_run(2);
  ASSERT_TRUE(backup(2));
  EXPECT_FALSE(stored(gone).empty());
  const auto made = backup(1);
  ASSERT_TRUE(made) << render(made.error());
  EXPECT_EQ(made->removed_size(), 2);
  EXPECT_TRUE(stored(gone).empty());
  EXPECT_TRUE(restore("new"));
}

TEST_F(BackupTest, ABrokenOffOneGoesOnAndIsNoBackup) {
  add_run(3);
  ASSERT_TRUE(backup());
  // As a kill leaves it: artifacts, and a folder that was never finished.
  ASSERT_TRUE(os::remove_tree(backups_in(to())->back()));
  ASSERT_TRUE(os::make_dirs(to() / ".making-killed"));
  EXPECT_THAT(render(restore("new").error()), HasSubstr("holds no finished backup"));
  const auto made = backup();
  ASSERT_TRUE(made) << render(made.error());
  EXPECT_EQ(made->artifacts_copied(), 0U);
  EXPECT_FALSE(fs::exists(to() / ".making-killed"));
  EXPECT_TRUE(restore("new"));
}

TEST_F(BackupTest, SaysWhatIsMissing) {
  const TestRun run = add_run(2);
  const std::string lost = run.digests.begin()->first;
  remove_blob(lost);
  const auto made = backup();
  ASSERT_TRUE(made) << render(made.error());
  ASSERT_EQ(made->missing_size(), 1);
  EXPECT_EQ(made->missing(0), lost);
  const auto restored = restore("new");
  ASSERT_TRUE(restored) << render(restored.error());
  ASSERT_EQ(restored->left_out_size(), 1);
  EXPECT_EQ(restored->left_out(0), lost);
}

TEST_F(BackupTest, CheckMendsWhatWasDamagedInTheBackup) {
  const TestRun run = add_run(1);
  ASSERT_TRUE(backup());
  const std::string digest = run.digests.begin()->first;
  damage(stored(digest));
  EXPECT_THAT(render(restore("new").error()), HasSubstr("the backup is damaged: artifact"));
  EXPECT_FALSE(fs::exists(folder_ / "new"));
  const auto partial = restore("part", true);
  ASSERT_TRUE(partial) << render(partial.error());
  EXPECT_EQ(partial->left_out_size(), 1);
  const auto made = backup(0, true);
  ASSERT_TRUE(made) << render(made.error());
  EXPECT_EQ(made->artifacts_copied(), 1U);
  EXPECT_TRUE(restore("new"));
}

TEST_F(BackupTest, RestoreWantsAnEmptyFolder) {
  add_run(1);
  ASSERT_TRUE(backup());
  ASSERT_TRUE(os::make_dirs(folder_ / "new"));
  ASSERT_TRUE(os::write_atomic(folder_ / "new/precious", "x"));
  const auto refused = restore("new");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kConflict);
  EXPECT_THAT(render(refused.error()), HasSubstr("is not an empty folder"));
  EXPECT_EQ(*os::read_file(folder_ / "new/precious"), "x");
  fs::remove(folder_ / "new/precious");
  EXPECT_TRUE(restore("new"));
  EXPECT_EQ(restore("new").error().kind, ErrorKind::kConflict);
  EXPECT_EQ(restore_backup({folder_ / "nowhere", folder_ / "x"}, clock_).error().kind,
            ErrorKind::kNotFound);
}

TEST_F(BackupTest, RefusesWhatIsDamagedCutOrNewer) {
  add_run(2);
  ASSERT_TRUE(backup());
  const os::Path newest = backups_in(to())->back();
  const std::string manifest = *os::read_file(newest / kManifestName);
  const std::string database = *os::read_file(newest / kDatabaseName);
  const std::string list = *os::read_file(newest / kArtifactList);
  const auto refused = [&](const char* words) {
    const auto result = restore("new");
    ASSERT_FALSE(result) << words;
    EXPECT_EQ(result.error().kind, ErrorKind::kBadInput) << render(result.error());
    EXPECT_THAT(render(result.error()), HasSubstr(words));
    EXPECT_FALSE(fs::exists(folder_ / "new"));
    ASSERT_TRUE(os::write_atomic(newest / kManifestName, manifest));
    ASSERT_TRUE(os::write_atomic(newest / kDatabaseName, database));
    ASSERT_TRUE(os::write_atomic(newest / kArtifactList, list));
  };
  for (const std::string& garbage :
       {std::string(), std::string("{"), std::string("{}"), std::string("\0\1\2", 3),
        manifest.substr(0, manifest.size() / 2)}) {
    ASSERT_TRUE(os::write_atomic(newest / kManifestName, garbage));
    refused("is no manifest of a backup");
  }
  change_manifest([](auto* m) { m->set_format(7); });
  refused("the backup has format 7");
  change_manifest([](auto* m) { m->set_artifacts(99); });
  refused("artifacts of 99 are listed");
  ASSERT_TRUE(os::write_atomic(newest / kDatabaseName, database.substr(0, 5000)));
  refused("is not what it was");
  ASSERT_TRUE(os::write_atomic(newest / kArtifactList, "../../../etc/passwd\n"));
  refused("is not what it was");
  fs::remove(newest / kDatabaseName);
  refused("the backup is incomplete");
  EXPECT_TRUE(restore("new"));
}

TEST_F(BackupTest, RefusesADatabaseOfANewerKiln) {
  add_run(1);
  ASSERT_TRUE(backup());
  const os::Path file = backups_in(to())->back() / kDatabaseName;
  make_newer(file);
  const std::string digest = *os::sha256_file(file);
  change_manifest([&](auto* m) {
    for (auto& each : *m->mutable_files())
      if (each.path() == kDatabaseName) each.set_sha256(digest);
  });
  EXPECT_THAT(render(restore("new").error()), HasSubstr("it was written by a newer Kiln"));
  EXPECT_FALSE(fs::exists(folder_ / "new"));
}

TEST_F(BackupTest, NothingIsWrittenOutsideOfTheFolder) {
  add_run(1);
  ASSERT_TRUE(backup());
  const os::Path newest = backups_in(to())->back();
  const std::string manifest = *os::read_file(newest / kManifestName);
  for (const char* path : {"../evil", "/etc/evil", "pki/../../evil", "pki//evil", "bundles/.",
                           "evil", "run/controller.sock", "lock", ""}) {
    change_manifest([&](auto* m) {
      v1::BackupFile* file = m->add_files();
      file->set_path(path);
      file->set_sha256(std::string(64, 'a'));
      file->set_in_store(true);
    });
    EXPECT_THAT(render(restore("new").error()), HasSubstr("no file of a data folder")) << path;
    ASSERT_TRUE(os::write_atomic(newest / kManifestName, manifest));
  }
  // A link in the place of a file is not followed.
  ASSERT_TRUE(os::write_atomic(folder_ / "outside", *os::read_file(newest / kDatabaseName)));
  fs::remove(newest / kDatabaseName);
  fs::create_symlink(folder_ / "outside", newest / kDatabaseName);
  EXPECT_THAT(render(restore("new").error()), HasSubstr("is a symbolic link"));
}

TEST_F(BackupTest, NumbersAreNotGivenOutTwice) {
  const TestRun before = add_run(2);
  ASSERT_TRUE(backup());
  const uint64_t lease = *db::LeaseTable(*database_).newest();
  ASSERT_TRUE(restore("new"));
  auto database = db::Database::open(folder_ / "new/kiln.db");
  ASSERT_TRUE(database);
  EXPECT_GE(*db::LeaseTable(*database).newest(), lease + 1'000'000);
  const TestRun after = add_run_to(*database, 1);
  EXPECT_GT(after.id, before.id + 1000);
  EXPECT_GT(after.sessions.front(), before.sessions.back() + 1'000'000);
}

TEST_F(BackupTest, EndsThatDidNotCountAreKept) {
  v1::SessionDone done;
  const std::string digest = *blobs_->put("late console");
  (*done.mutable_session()->mutable_artifacts())["console"] = digest;
  (*done.mutable_session()->mutable_artifacts())["odd"] = "../../no digest";
  ASSERT_TRUE(db::LeaseTable(*database_)
                  .add_duplicate({7, 3, "m1", "late", clock_.now(), done.SerializeAsString()}));
  EXPECT_EQ(*references(*database_), std::set<std::string>{digest});
  ASSERT_TRUE(backup());
  EXPECT_FALSE(stored(digest).empty());
}

TEST_F(BackupTest, IsOfOneInstantWhileOthersWrite) {
  add_run(1);
  std::atomic<bool> stop{false};
  std::atomic<int> written{0};
  std::atomic<int> most{0};
  std::jthread writer([&] {
    while (!stop) {
      if (written >= most) continue;
      add_run(2);
      ++written;
    }
  });
  for (int i = 0; i < 5; ++i) {
    const int before = written;
    most = before + 12;  // some before the copy begins, the others while it is made
    while (written < before + 3) std::this_thread::yield();
    const auto made = backup();
    ASSERT_TRUE(made) << render(made.error());
    EXPECT_EQ(made->missing_size(), 0) << "each artifact that its rows name is in it";
    const std::string name = "new" + std::to_string(i);
    const auto restored = restore(name);
    ASSERT_TRUE(restored) << render(restored.error());
    auto database = db::Database::open(folder_ / name / "kiln.db");
    ASSERT_TRUE(database);
    auto blobs = blob::BlobStore::open(folder_ / name / "blobs");
    const auto named = references(*database);
    for (const std::string& digest : *named) EXPECT_TRUE(blobs->has(digest));
  }
  stop = true;
}

TEST_F(BackupTest, WaitsForWhoClearsArtifactsAway) {
  add_run(1);
  auto lock = lock_artifacts(data(), Millis(0));
  ASSERT_TRUE(lock);
  EXPECT_EQ(lock_artifacts(data(), Millis(0)).error().kind, ErrorKind::kConflict);
  std::atomic<bool> released{false};
  std::jthread other([&] {
    std::this_thread::sleep_for(Millis(300));
    released = true;
    { const auto end = std::move(*lock); }
  });
  ASSERT_TRUE(backup());
  EXPECT_TRUE(released);
}

TEST_F(BackupTest, WrongPlacesAreRefused) {
  EXPECT_EQ(make_backup({folder_ / "none", to(), {}, 0, false}, clock_).error().kind,
            ErrorKind::kNotFound);
  EXPECT_THAT(render(make_backup({data(), data() / "backups", {}, 0, false}, clock_).error()),
              HasSubstr("is lost with it"));
}

}  // namespace
}  // namespace kiln::controller
