#include "controller/keeping/clear.h"

#include <algorithm>
#include <filesystem>

#include "controller/keeping/references.h"
#include "lib/base/text.h"
#include "lib/db/retention_table.h"
#include "lib/db/run_table.h"

namespace kiln::controller {
namespace {

namespace fs = std::filesystem;

/// Kept runs by reason, and the runs that go.
Status fill_runs(db::Database& database, const std::vector<keep::Fate>& fates,
                 v1::ClearReport* report) {
  const db::RunTable runs(database);
  for (const keep::Fate& fate : fates) {
    if (fate.kept) {
      ++(*report->mutable_kept_because())[fate.why];
      continue;
    }
    KILN_ASSIGN(const db::RunRow row, runs.get(fate.id));
    v1::ClearedRun* run = report->add_runs();
    run->set_id(fate.id);
    run->set_job_name(to_valid_utf8(row.job_name));
    const WallTime end = row.finished.value_or(row.started);
    run->mutable_finished()->set_seconds(end.time_since_epoch().count() / 1000);
  }
  return {};
}

uint64_t bytes_below(const os::Path& folder) {
  uint64_t bytes = 0;
  const auto files = os::list_files(folder);
  if (!files) return 0;
  for (const os::Path& file : *files) bytes += os::file_size(folder / file).value_or(0);
  return bytes;
}

/// Folders of jobs that were handed in: those of runs that keep theirs stay, and young ones, whose
/// run may be about to be written.
Status clear_bundles(const std::set<std::string>& live, const ClearOptions& options,
                     v1::ClearReport* report) {
  const os::Path folder = options.data_dir / "bundles";
  std::error_code code;
  if (!fs::exists(folder, code)) return {};
  const auto young = fs::file_time_type::clock::now() - options.min_age;
  std::vector<os::Path> going;
  for (fs::directory_iterator it(folder, code), end; !code && it != end; it.increment(code))
    if (!live.contains(it->path().filename().string()) && it->last_write_time(code) < young)
      going.push_back(it->path());
  for (const os::Path& path : going) {
    report->set_job_folders(report->job_folders() + 1);
    report->set_bytes(report->bytes() + bytes_below(path));
    if (!options.dry_run) KILN_TRY(os::remove_tree(path));
  }
  return {};
}

}  // namespace

Result<v1::ClearReport> clear_away(db::Database& database, blob::BlobStore& blobs,
                                   const ClearOptions& options, const Clock& clock) {
  std::optional<os::FileLock> lock;
  if (!options.dry_run) {
    KILN_ASSIGN(lock, lock_artifacts(options.data_dir, Millis(0)));
  }
  db::RetentionTable retention(database);
  v1::ClearReport report;
  report.set_dry_run(options.dry_run);
  KILN_ASSIGN(const auto facts, retention.facts());
  std::vector<keep::Fate> fates = keep::decide(facts, options.rules, clock.now());
  std::set<int64_t> going;
  if (options.dry_run) {
    for (const keep::Fate& fate : fates)
      if (!fate.kept) going.insert(fate.id);
  } else {
    KILN_ASSIGN(going, retention.clear(options.rules, clock.now()));
    // As it was written, should somebody have kept one in between.
    for (keep::Fate& fate : fates)
      if (!fate.kept && !going.contains(fate.id)) fate = {fate.id, true, "kept by hand"};
  }
  KILN_TRY(fill_runs(database, fates, &report));
  KILN_ASSIGN(std::set<std::string> live, references(database, going));
  if (options.in_use) live.merge(options.in_use());
  KILN_ASSIGN(const blob::GcReport gc,
              blobs.gc(live, options.min_age, clock.now(),
                       options.dry_run ? blob::GcMode::kOnlyCount : blob::GcMode::kRemove));
  report.set_artifacts(gc.removed);
  report.set_bytes(gc.removed_bytes);
  report.set_artifacts_kept(gc.kept);
  report.set_bytes_kept(gc.kept_bytes);
  KILN_ASSIGN(const auto bundles, retention.live_bundles(going));
  KILN_TRY(clear_bundles(bundles, options, &report));
  return report;
}

}  // namespace kiln::controller
