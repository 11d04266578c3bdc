#include "controller/keeping/backup.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>

#include "controller/keeping/manifest.h"
#include "controller/keeping/references.h"
#include "lib/base/text.h"
#include "lib/blob/blob_store.h"
#include "lib/blob/file.h"
#include "lib/db/copy.h"

namespace kiln::controller {
namespace {

namespace fs = std::filesystem;

constexpr Millis kPatience{600'000};  // for artifacts that are just being cleared away
constexpr std::string_view kMaking = ".making-";

class Backup {
 public:
  Backup(const BackupOptions& options, const Clock& clock, const OnKeeping& progress)
      : options_(options), clock_(clock), progress_(progress) {}

  Result<v1::BackupReport> make();

 private:
  Status prepare();
  Status copy_artifacts();
  Status copy_artifact(const std::string& digest);
  Status add_file(const os::Path& from, const std::string& path);
  Status add_folder(const std::string& name);
  Status add_bundles();
  Status finish();
  Status let_old_ones_go();
  void say(const char* step, uint64_t done, uint64_t total) const {
    if (progress_) progress_({step, done, total});
  }

  const BackupOptions& options_;
  const Clock& clock_;
  const OnKeeping& progress_;
  std::optional<os::FileLock> target_lock_;
  std::optional<os::FileLock> artifact_lock_;
  std::optional<blob::BlobStore> from_;
  std::optional<blob::BlobStore> to_;
  os::Path making_;
  v1::BackupManifest manifest_;
  v1::BackupReport report_;
  std::string list_;  ///< artifacts.txt
};

/// "2026-11-28T10-31-46Z": sorts by time, and is a name everywhere.
std::string name_of(WallTime time) {
  std::string name = to_rfc3339(time).substr(0, 19) + "Z";
  std::replace(name.begin(), name.end(), ':', '-');
  return name;
}

bool is_inside(const os::Path& path, const os::Path& folder) {
  std::error_code code;
  const os::Path relative =
      fs::weakly_canonical(path, code).lexically_relative(fs::weakly_canonical(folder, code));
  return !relative.empty() && *relative.begin() != "..";
}

Status Backup::prepare() {
  std::error_code code;
  if (!fs::exists(options_.data_dir / kDatabaseName, code))
    return fail(Error(ErrorKind::kNotFound, "there is no database in " + options_.data_dir.string())
                    .with_hint("--data-dir names the data folder to be backed up"));
  if (is_inside(options_.to, options_.data_dir))
    return fail(ErrorKind::kBadInput,
                "a backup inside of the data folder is lost with it: name a folder elsewhere");
  const bool is_new = !fs::exists(options_.to, code);
  KILN_TRY(os::make_dirs(options_.to));
  // Keys and logs are in it: its maker's alone.
  if (is_new) fs::permissions(options_.to, fs::perms::owner_all, code);
  KILN_ASSIGN(target_lock_, os::FileLock::acquire(options_.to / "lock"));
  for (fs::directory_iterator it(options_.to, code), end; !code && it != end; it.increment(code))
    if (it->path().filename().string().starts_with(kMaking))
      KILN_TRY(os::remove_tree(it->path()));  // of one that was killed
  KILN_ASSIGN(from_, blob::BlobStore::open(options_.data_dir / "blobs"));
  KILN_ASSIGN(to_, blob::BlobStore::open(options_.to / kArtifactFolder));
  KILN_ASSIGN(making_, os::make_temp_dir(options_.to, kMaking));  // mode 0700
  return {};
}

Status Backup::copy_artifact(const std::string& digest) {
  if (options_.check_all && to_->has(digest))
    // A damaged one is set aside by that, and copied again.
    (void)to_->read(digest, 0, [](std::string_view) { return true; });
  const auto copied = from_->copy_into(digest, *to_);
  if (copied) {
    report_.set_artifacts_copied(report_.artifacts_copied() + (*copied > 0 ? 1 : 0));
    report_.set_bytes_copied(report_.bytes_copied() + *copied);
    list_ += digest + "\n";
    manifest_.set_artifacts(manifest_.artifacts() + 1);
    return {};
  }
  // What is not there can be in no backup; it is said, and all the rest is kept.
  if (copied.error().kind != ErrorKind::kNotFound && copied.error().kind != ErrorKind::kInternal)
    return fail(copied.error());
  manifest_.add_missing(digest);
  return {};
}

Status Backup::copy_artifacts() {
  KILN_ASSIGN(db::Database copy, db::Database::open_read_only(making_ / kDatabaseName));
  KILN_ASSIGN(const auto digests, references(copy));
  uint64_t done = 0;
  for (const std::string& digest : digests) {
    say("artifacts", done++, digests.size());
    KILN_TRY(copy_artifact(digest));
  }
  return {};
}

/// A file that lies beside the manifest.
Status Backup::add_file(const os::Path& from, const std::string& path) {
  struct stat info {};
  if (::stat(from.c_str(), &info) != 0) return fail(os::errno_error("read", from, errno));
  const unsigned mode = info.st_mode & 0777U;
  KILN_ASSIGN(const std::string bytes, os::read_file(from));
  KILN_TRY(os::make_dirs((making_ / path).parent_path()));
  KILN_TRY(os::write_atomic(making_ / path, bytes, mode));
  v1::BackupFile* file = manifest_.add_files();
  file->set_path(path);
  file->set_sha256(os::sha256_hex(bytes));
  file->set_bytes(bytes.size());
  file->set_mode(mode);
  return {};
}

Status Backup::add_folder(const std::string& name) {
  const os::Path folder = options_.data_dir / name;
  std::error_code code;
  if (!fs::exists(folder, code)) return {};
  KILN_ASSIGN(const auto files, os::list_files(folder));
  for (const os::Path& file : files) KILN_TRY(add_file(folder / file, name + "/" + file.string()));
  return {};
}

/// Jobs as they were handed in: many and alike, so that their bytes are artifacts.
Status Backup::add_bundles() {
  const os::Path folder = options_.data_dir / "bundles";
  std::error_code code;
  if (!fs::exists(folder, code)) return {};
  KILN_ASSIGN(const auto files, os::list_files(folder));
  uint64_t done = 0;
  for (const os::Path& relative : files) {
    say("jobs", done++, files.size());
    const std::string path = "bundles/" + relative.string();
    if (to_valid_utf8(path) != path) continue;  // nothing that a client can hand in
    const auto digest = to_->put_file(folder / relative);
    if (!digest && digest.error().kind == ErrorKind::kNotFound) continue;  // cleared meanwhile
    if (!digest) return fail(digest.error());
    v1::BackupFile* file = manifest_.add_files();
    file->set_path(path);
    file->set_sha256(*digest);
    KILN_ASSIGN(const uint64_t bytes, to_->size(*digest));
    file->set_bytes(bytes);
    struct stat info {};
    if (::stat((folder / relative).c_str(), &info) == 0) file->set_mode(info.st_mode & 0777U);
    file->set_in_store(true);
  }
  return {};
}

Status Backup::finish() {
  report_.set_files(manifest_.files_size() - 1);  // all but the database, which is counted itself
  KILN_TRY(os::write_atomic(making_ / kArtifactList, list_, 0600));
  v1::BackupFile* file = manifest_.add_files();
  file->set_path(kArtifactList);
  file->set_sha256(os::sha256_hex(list_));
  file->set_bytes(list_.size());
  file->set_mode(0600);
  KILN_TRY(write_manifest(manifest_, making_));
  const std::string name = name_of(WallTime(Millis(manifest_.made().seconds() * 1000)));
  os::Path path = options_.to / name;
  std::error_code code;
  for (int i = 2; fs::exists(path, code); ++i) path = options_.to / fmt::format("{}-{}", name, i);
  fs::rename(making_, path, code);
  if (code) return fail(os::errno_error("rename", making_, code.value()));
  KILN_TRY(blob::sync_folder(options_.to));
  report_.set_path(path.string());
  return {};
}

Status Backup::let_old_ones_go() {
  KILN_ASSIGN(const auto all, backups_in(options_.to));
  const auto keep = static_cast<size_t>(options_.keep);
  if (keep == 0 || all.size() <= keep) return {};
  std::set<std::string> live;
  for (size_t i = 0; i < all.size(); ++i) {
    if (i + keep < all.size()) {
      // Renamed first: half of one is none.
      const os::Path going = options_.to / (std::string(kMaking) + all[i].filename().string());
      std::error_code code;
      fs::rename(all[i], going, code);
      if (code) return fail(os::errno_error("rename", all[i], code.value()));
      KILN_TRY(os::remove_tree(going));
      report_.add_removed(all[i].filename().string());
      continue;
    }
    KILN_ASSIGN(const auto digests, read_artifact_list(all[i]));
    live.insert(digests.begin(), digests.end());
    KILN_ASSIGN(const v1::BackupManifest manifest, read_manifest(all[i]));
    for (const v1::BackupFile& file : manifest.files())
      if (file.in_store()) live.insert(file.sha256());
  }
  return to_->gc(live, Millis(-1), clock_.now()).map([](const blob::GcReport&) {});
}

Result<v1::BackupReport> Backup::make() {
  const auto started = clock_.steady();
  KILN_TRY(prepare());
  manifest_.set_format(kBackupFormat);
  manifest_.set_kiln_version(KILN_VERSION);
  manifest_.mutable_made()->set_seconds(clock_.now().time_since_epoch().count() / 1000);
  // Held from before the database is read until its last artifact is here.
  KILN_ASSIGN(artifact_lock_, lock_artifacts(options_.data_dir, kPatience));
  const os::Path database = making_ / kDatabaseName;
  KILN_ASSIGN(const db::DatabaseCopy copy,
              db::copy_database(options_.data_dir / kDatabaseName, database, [&](double part) {
                say("database", static_cast<uint64_t>(part * 100), 100);
                return true;
              }));
  v1::BackupFile* file = manifest_.add_files();
  file->set_path(kDatabaseName);
  KILN_ASSIGN(std::string digest, os::sha256_file(database));
  file->set_sha256(std::move(digest));
  file->set_bytes(copy.bytes);
  file->set_mode(0644);
  manifest_.set_schema(copy.version);
  report_.set_database_bytes(copy.bytes);
  KILN_TRY(copy_artifacts());
  KILN_TRY(add_bundles());
  artifact_lock_.reset();
  KILN_TRY(add_folder("pki"));
  std::error_code code;
  const os::Path config =
      options_.config.empty() ? options_.data_dir / kConfigName : options_.config;
  if (!options_.config.empty() || fs::exists(config, code)) KILN_TRY(add_file(config, kConfigName));
  KILN_TRY(finish());
  KILN_TRY(let_old_ones_go());
  report_.set_artifacts(manifest_.artifacts());
  *report_.mutable_missing() = manifest_.missing();
  report_.set_seconds(std::chrono::duration<double>(clock_.steady() - started).count());
  return report_;
}

}  // namespace

Result<v1::BackupReport> make_backup(const BackupOptions& options, const Clock& clock,
                                     const OnKeeping& progress) {
  return Backup(options, clock, progress).make();
}

Result<std::vector<os::Path>> backups_in(const os::Path& folder) {
  std::vector<os::Path> found;
  std::error_code code;
  fs::directory_iterator it(folder, code);
  if (code) return fail(os::errno_error("list", folder, code.value()));
  for (const fs::directory_iterator end; it != end; it.increment(code)) {
    if (code) return fail(os::errno_error("list", folder, code.value()));
    const std::string name = it->path().filename().string();
    if (!name.starts_with(".") && fs::exists(it->path() / kManifestName, code))
      found.push_back(it->path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace kiln::controller
