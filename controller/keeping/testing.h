#pragma once
/// A data folder with runs and artifacts, for the tests of this folder.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <map>
#include <optional>
#include <vector>

#include "lib/base/clock.h"
#include "lib/blob/blob_store.h"
#include "lib/db/build_table.h"
#include "lib/db/database.h"
#include "lib/db/run_table.h"
#include "lib/db/session_table.h"
#include "lib/db/sql.h"
#include "lib/os/files.h"

namespace kiln::controller {

struct TestRun {
  int64_t id = 0;
  int number = 0;  ///< its build is "key-NUMBER"
  std::vector<int64_t> sessions;
  std::map<std::string, std::string> digests;  ///< that its rows name -> content
};

class KeepingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // In memory where there is such a place: these tests sync thousands of times.
    const bool memory = ::access("/dev/shm", W_OK) == 0;
    auto folder = os::make_temp_dir(memory ? "/dev/shm" : "/tmp", "keeping-test");
    ASSERT_TRUE(folder);
    folder_ = *folder;
    auto database = db::Database::open(data() / "kiln.db");
    ASSERT_TRUE(database) << render(database.error());
    database_.emplace(std::move(*database));
    auto blobs = blob::BlobStore::open(data() / "blobs");
    ASSERT_TRUE(blobs) << render(blobs.error());
    blobs_.emplace(std::move(*blobs));
  }
  void TearDown() override {
    database_.reset();
    ASSERT_TRUE(os::remove_tree(folder_));
  }
  [[nodiscard]] os::Path data() const { return folder_ / "data"; }

  TestRun add_run(int sessions) { return add_run_to(*database_, sessions); }

  /// A finished run with a build of its own and `sessions` sessions with a console each.
  TestRun add_run_to(db::Database& database, int sessions) {
    const int number = ++made_;
    TestRun run;
    run.number = number;
    const auto put = [&](const std::string& content) {
      const std::string digest = blobs_->put(content).value();
      run.digests[digest] = content;
      return digest;
    };
    const std::string key = "key-" + std::to_string(number);
    db::RunRow row;
    row.job_digest = std::string(64, 'd') + std::to_string(number);
    row.job_name = "job";
    row.started = clock_.now();
    run.id = db::RunTable(database).create(row, {{"patched", "i386", key, ""}}).value();
    kernel::BuildRecord build;
    build.key = key;
    build.state = "built";
    build.image_digest = put("kernel " + std::to_string(number));
    build.modules_digest = put(std::string(100'000, 'm') + std::to_string(number));
    EXPECT_TRUE(db::BuildTable(database).record_for_run(run.id, {"patched", "i386", false, build},
                                                        clock_.now()));
    for (int i = 0; i < sessions; ++i) {
      db::StoredSession s;
      s.run_id = run.id;
      s.key = "functional/" + std::to_string(i);
      s.attempt = 1;
      s.purpose = "functional";
      s.variant = "patched";
      s.config = "i386";
      s.build_key = key;
      s.machine = "m" + std::to_string(number) + "-" + std::to_string(i);
      s.lease = static_cast<uint64_t>(number) * 100 + static_cast<uint64_t>(i) + 1;
      s.started = clock_.now();
      s.id = db::SessionTable(database).open(s).value();
      run.sessions.push_back(s.id);
      s.state = "done";
      s.ending = "tested";
      s.artifacts = {
          {"console", put("console " + std::to_string(number) + "/" + std::to_string(i))}};
      EXPECT_TRUE(db::SessionTable(database).finish(s));
    }
    return run;
  }

  void forget_run(int64_t id) {
    const Status done = db::sql::write(*database_, "forget", [&](SQLite::Database& db) -> Status {
      db::sql::execute(db, "DELETE FROM runs WHERE id = ?", id);
      db::sql::execute(db,
                       "DELETE FROM builds WHERE key NOT IN (SELECT build_key FROM run_builds)");
      return {};
    });
    ASSERT_TRUE(done) << render(done.error());
  }
  void set_bundle(int64_t run, const std::string& name) {
    const Status done = db::sql::write(*database_, "set", [&](SQLite::Database& db) -> Status {
      db::sql::execute(db, "UPDATE runs SET bundle = ? WHERE id = ?", name, run);
      return {};
    });
    ASSERT_TRUE(done) << render(done.error());
  }
  void remove_blob(const std::string& digest) const {
    const os::Path path = data() / "blobs" / digest.substr(0, 2) / digest.substr(2);
    std::error_code code;
    std::filesystem::remove(path, code);
    std::filesystem::remove(path.string() + ".zst", code);
  }
  static void damage(const os::Path& path) {
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-1, std::ios::end);
    file.put('~');
  }
  static void make_newer(const os::Path& file) {
    SQLite::Database(file.string(), SQLite::OPEN_READWRITE).exec("PRAGMA user_version = 9999");
  }

  os::Path folder_;
  SystemClock clock_;
  std::optional<db::Database> database_;
  std::optional<blob::BlobStore> blobs_;
  std::atomic<int> made_{0};
};

}  // namespace kiln::controller
