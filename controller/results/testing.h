#pragma once
/// Runs as their drivers leave them, in a database of their own: for tests and benchmarks.
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "controller/results/db_run_store.h"
#include "lib/db/schedule_table.h"
#include "lib/os/files.h"
#include "lib/report/reach_fields.h"

namespace kiln::results::testing {

/// What one made-up run shows.
struct SampleRun {
  std::vector<std::string> tests{"igt@a@b", "igt@a@c"};
  std::vector<std::string> configs{"hm"};
  bool has_series = true;
  std::string bad_test = "igt@a@b";  ///< fails with the series (without one: always); "" = none
  int boots = 6;                     ///< of each cell
  std::string title = "drm/i915: Replace kmap()";
  std::string author = "Ada <ada@example.org>";
  std::string message_id;
  int version = 1;
  std::vector<std::string> answers;
  std::string patch_id = "p1";
  bool judged = true;
  reach::Reach reach;
  std::string tree = "3f9c1e0";
  int64_t schedule = 0;  ///< that started it
};

class StoredRuns {
 public:
  StoredRuns() {
    folder_ = *os::make_temp_dir(std::filesystem::temp_directory_path(), "kiln-runs-");
    database.emplace(*db::Database::open(folder_ / "kiln.db"));
    blobs.emplace(*blob::BlobStore::open(folder_ / "blobs"));
    store.emplace(*database, *blobs, clock);
    store->set_tags_of([](const std::string&) { return std::vector<std::string>{"qemu", "gen9"}; });
  }
  ~StoredRuns() {
    store.reset();
    blobs.reset();
    database.reset();
    (void)os::remove_tree(folder_);
  }
  StoredRuns(const StoredRuns&) = delete;
  StoredRuns& operator=(const StoredRuns&) = delete;

  /// The run's number.
  int64_t add(const SampleRun& sample) {
    const int64_t id = *store->create_run(row_of(sample), plan_of(sample));
    (void)store->put_job(id, job_of(sample));
    if (sample.schedule > 0) add_firing(id, sample.schedule);
    for (const std::string& config : sample.configs)
      for (const std::string& variant : variants_of(sample)) {
        put_kernel(id, variant, config);
        for (int boot = 0; boot < sample.boots; ++boot)
          add_session(id, sample, variant, config, boot);
      }
    if (!sample.judged) return id;
    v1::RunReport report;
    report.mutable_run()->set_id(id);
    report.mutable_run()->set_title(sample.title);
    report.mutable_run()->set_machine("qemu-1 (QEMU 7.2)");
    report.mutable_run()->set_job_file("/jobs/sample.yaml");
    report.mutable_run()->set_state("done");
    if (sample.has_series) report.mutable_series()->set_title(sample.title);
    report.mutable_verdict()->set_result("regression");
    report::fill_reach(sample.reach, &report);
    (void)store->finish_run(id, "done", report);
    return id;
  }

  SystemClock clock;
  std::optional<db::Database> database;
  std::optional<blob::BlobStore> blobs;
  std::optional<DbRunStore> store;

 private:
  static std::vector<std::string> variants_of(const SampleRun& sample) {
    return sample.has_series ? std::vector<std::string>{"baseline", "patched"}
                             : std::vector<std::string>{"baseline"};
  }

  void add_firing(int64_t run_id, int64_t schedule_id) {
    db::FiringRow firing;
    firing.schedule_id = schedule_id;
    firing.key = fmt::format("night-{}", run_id);
    firing.planned = WallTime(std::chrono::hours(24 * run_id));
    firing.state = "started";
    firing.run_id = run_id;
    (void)db::ScheduleTable(*database).put(firing);
  }

  db::RunRow row_of(const SampleRun& sample) {
    db::RunRow row;
    row.job_digest = fmt::format("digest-{}", ++made_);
    row.job_name = "sample";
    row.title = sample.title;
    row.job_file = "/jobs/sample.yaml";
    row.started = clock.now();
    row.source = "linux-source-6.1 6.1.192-1";
    row.source_tree = sample.tree;
    row.machine = "qemu-1";
    row.seed = 1;
    return row;
  }

  static job::Plan plan_of(const SampleRun& sample) {
    job::Plan plan;
    for (const std::string& config : sample.configs)
      for (const std::string& variant : variants_of(sample))
        plan.cells.push_back({variant, config, fmt::format("{}-{}", variant, config), ""});
    return plan;
  }

  static job::StoredJob job_of(const SampleRun& sample) {
    job::StoredJob job;
    job.spec.name = "sample";
    job.spec.title = sample.title;
    job.spec.file = "/jobs/sample.yaml";
    job.spec.configs = sample.configs;
    job.spec.tests.resize(1);
    job.spec.tests[0].name = "gem";
    job.spec.tests[0].setup = {"modprobe i915"};
    std::string text;
    for (const std::string& test : sample.tests) text += test + "\n";
    job.lists = {{"gem", text, sample.tests}};
    for (const std::string& config : sample.configs) job.config_highmem[config] = true;
    if (!sample.has_series) return job;
    job.series.title = sample.title;
    job.series.author = sample.author;
    job.series.message_id = sample.message_id;
    job.series.version = sample.version;
    job.series.answers = sample.answers;
    job.series.patches = {{"one", "0001.patch", sample.patch_id, "", 1, 1, {"a.c"}}};
    return job;
  }

  void put_kernel(int64_t id, const std::string& variant, const std::string& config) {
    kernel::BuildRecord record;
    record.key = fmt::format("{}-{}", variant, config);
    record.state = "built";
    record.image_digest = *blobs->put("image of " + record.key);
    record.modules_digest = *blobs->put("modules of " + record.key);
    (void)store->put_build(id, variant, config, record);
  }

  void add_session(int64_t run_id, const SampleRun& sample, const std::string& variant,
                   const std::string& config, int boot) {
    job::PlannedSession planned;
    planned.purpose = boot == 0 ? "functional" : "confirmation";
    planned.key = fmt::format("{}/{}/{}/{}", planned.purpose, variant, config, boot);
    planned.variant = variant;
    planned.config = config;
    planned.build_key = fmt::format("{}-{}", variant, config);
    v1::Session session;
    session.set_id(*store->open_session(run_id, planned, 1, {"qemu-1", true, 0, {}}));
    session.set_ending("tested");
    session.set_attempt(1);
    for (const std::string& test : sample.tests) {
      v1::Result* result = session.add_results();
      result->set_test(test);
      result->set_phase("gem");
      const bool bad = (variant == "patched" || !sample.has_series) && test == sample.bad_test;
      result->set_outcome(bad ? "fail" : "pass");
      if (bad) result->set_reason("Failed assertion: byte 4096 is wrong");
    }
    (void)store->finish_session(run_id, session);
  }

  os::Path folder_;
  int made_ = 0;
};

}  // namespace kiln::results::testing
