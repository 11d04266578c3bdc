#pragma once
/// What the tests of this folder share.
#include <gtest/gtest.h>
#include <unistd.h>

#include "lib/db/build_table.h"
#include "lib/db/database.h"
#include "lib/db/duration_table.h"
#include "lib/db/event_table.h"
#include "lib/db/kernel_report_table.h"
#include "lib/db/run_table.h"
#include "lib/db/session_table.h"
#include "lib/os/files.h"

namespace kiln::db {

inline WallTime at(int64_t seconds) {
  return WallTime(Millis(1'790'000'000'000 + seconds * 1000));
}

inline RunRow sample_run() {
  RunRow run;
  run.job_digest = std::string(64, 'd');
  run.job_name = "kmap-local-page";
  run.title = "drm/i915: replace kmap()";
  run.job_file = "/jobs/kmap-local-page.yaml";
  run.started = at(0);
  run.source = "linux-source-6.1 6.1.192-1";
  run.source_tree = "3f9c1e0";
  run.kiln_version = "0.1.0";
  run.toolchain = "gcc 12.2.0";
  run.machine = "qemu-1";
  run.igt_version = "1.28";
  run.seed = 0xfedcba9876543210ULL;
  return run;
}

inline std::vector<CellRow> sample_cells() {
  return {{"baseline", "i386-highmem", "k1", ""},
          {"patched", "i386-highmem", "k2", ""},
          {"baseline", "i386-nohighmem", "k1", "baseline/i386-highmem"}};
}

inline kernel::BuildRecord sample_build(const std::string& key) {
  kernel::BuildRecord build;
  build.key = key;
  build.state = "built";
  build.release = "6.1.192-kiln";
  build.kernel_build_id = "aa55";
  build.module_build_ids = {{"i915", "bb66"}, {"vgem", "cc77"}};
  build.config_digest = std::string(64, '1');
  build.image_digest = std::string(64, '2');
  build.modules_digest = std::string(64, '3');
  build.vmlinux_digest = std::string(64, '4');
  build.log_digest = std::string(64, '6');
  build.coverage_digest = std::string(64, '5');
  build.warnings = {{"drivers/a.c", 12, "unused variable 'x'"}, {"drivers/b.c", 3, "shadow"}};
  build.incremental = true;
  build.elapsed = Millis(12'345);
  return build;
}

inline StoredSession sample_session(int64_t run_id, const std::string& key, int attempt = 1) {
  StoredSession s;
  s.run_id = run_id;
  s.key = key;
  s.attempt = attempt;
  s.purpose = "functional";
  s.variant = "patched";
  s.config = "i386-highmem";
  s.pair = 3;
  s.patched_first = true;
  s.build_key = "k2";
  s.only_tests = {"igt@gem_pread@basic", "igt@gem_pwrite@basic"};
  s.machine = "qemu-1";
  s.started = at(60);
  return s;
}

/// What a session brings at its end; `results` of them.
inline StoredSession sample_end(StoredSession s, int results = 2) {
  s.state = "done";
  s.ending = "test-failed";
  s.error_class = "CRASH";
  s.error = "the kernel oopsed";
  s.elapsed_seconds = 88.5;
  s.restarts = 1;
  s.identity.release = "6.1.192-kiln";
  s.identity.kernel_build_id = "aa55";
  s.identity.boot_id = "b-1";
  s.identity.config_digest = std::string(64, '1');
  s.identity.cmdline = "console=ttyS0";
  s.identity.module_build_ids = {{"i915", "bb66"}};
  s.identity.high_total_kib = 1'200'000;
  s.identity.mem_total_kib = 2'000'000;
  s.identity.disk_free_kib = 500;
  s.identity.taint = 512;
  s.identity.proved = true;
  s.identity.clock_offset_seconds = -0.25;
  s.conditions = {{"performance", "off", "tsc"}, 2, 61.5, 0.25, std::nullopt};
  s.phases = {{"booting", 20.5}, {"testing", 60}};
  s.artifacts = {{"console", std::string(64, '7')}, {"dmesg", std::string(64, '8')}};
  for (int i = 0; i < results; ++i) {
    s.results.push_back({"igt@t@" + std::to_string(i), "gem", i % 2 == 0 ? "pass" : "fail", 0.5 * i,
                         "reason", std::string("raw \xff\0 bytes", 11)});
  }
  s.measurements = {{"kmap", "kmap/tlb_flushes", 4096, "count"}};
  s.kernel = {{"oops", "BUG: unable to handle", "oops:shmem_pread", "text \x80", "igt@t@1"}};
  s.kernel[0].subsystem = "i915";
  s.kernel[0].frames = {{"kunmap_local", "i915", "include/linux/highmem-internal.h", 120, true},
                        {"shmem_pread", "i915", "", 0, false}};
  s.kernel[0].late = true;
  s.kernel[0].times = 3;
  return s;
}

/// A database in a folder of its own.
class DbTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // In memory where there is such a place: these tests sync thousands of times.
    const bool memory = ::access("/dev/shm", W_OK) == 0;
    auto folder = os::make_temp_dir(memory ? "/dev/shm" : "/tmp", "db-test");
    ASSERT_TRUE(folder);
    folder_ = *folder;
    open();
  }
  void TearDown() override {
    database_.reset();
    ASSERT_TRUE(os::remove_tree(folder_));
  }
  void open() {
    database_.reset();
    auto database = Database::open(file());
    ASSERT_TRUE(database) << render(database.error());
    database_.emplace(std::move(*database));
  }
  [[nodiscard]] os::Path file() const { return folder_ / "kiln.db"; }
  int64_t make_run() { return RunTable(*database_).create(sample_run(), sample_cells()).value(); }

  os::Path folder_;
  std::optional<Database> database_;
};

}  // namespace kiln::db
