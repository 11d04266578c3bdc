#include "controller/keeping/restore.h"

#include <fmt/format.h>

#include <optional>

#include "controller/keeping/backup.h"
#include "controller/keeping/manifest.h"
#include "lib/base/text.h"
#include "lib/blob/blob_store.h"
#include "lib/blob/file.h"
#include "lib/db/access_table.h"
#include "lib/db/copy.h"

namespace kiln::controller {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kAuditKept = 100'000;

/// The backup that is meant: the folder itself, or the newest one in it.
Result<os::Path> find_backup(const os::Path& from) {
  std::error_code code;
  if (fs::exists(from / kManifestName, code)) return from;
  if (!fs::exists(from, code))
    return fail(ErrorKind::kNotFound, "there is no backup at " + from.string());
  KILN_ASSIGN(const auto backups, backups_in(from));
  if (!backups.empty()) return backups.back();
  return fail(Error(ErrorKind::kBadInput, from.string() + " holds no finished backup")
                  .with_hint("kiln backup makes one"));
}

class Restore {
 public:
  Restore(const RestoreOptions& options, const Clock& clock, const OnKeeping& progress)
      : options_(options), clock_(clock), progress_(progress) {}
  Result<v1::RestoreReport> run();

 private:
  Status prepare();
  Status copy_artifact(const std::string& digest);
  Status copy_artifacts();
  Status copy_file(const v1::BackupFile& file);
  Status open_database();
  Status point_config_here();
  Status publish();
  void say(const char* step, uint64_t done, uint64_t total) const {
    if (progress_) progress_({step, done, total});
  }

  const RestoreOptions& options_;
  const Clock& clock_;
  const OnKeeping& progress_;
  os::Path backup_;
  os::Path data_dir_;  ///< absolute
  os::Path making_;
  v1::BackupManifest manifest_;
  std::optional<os::FileLock> lock_;
  std::optional<blob::BlobStore> from_;
  std::optional<blob::BlobStore> to_;
  v1::RestoreReport report_;
};

Status Restore::prepare() {
  std::error_code code;
  data_dir_ = fs::absolute(options_.data_dir, code).lexically_normal();
  if (!data_dir_.has_filename()) data_dir_ = data_dir_.parent_path();
  if (fs::exists(fs::symlink_status(data_dir_, code)) &&
      (!fs::is_directory(data_dir_, code) || !fs::is_empty(data_dir_, code) || code))
    return fail(Error(ErrorKind::kConflict, data_dir_.string() + " is not an empty folder")
                    .with_hint("a backup is restored into a new folder; move the old one away"));
  KILN_ASSIGN(backup_, find_backup(options_.from));
  KILN_ASSIGN(manifest_, read_manifest(backup_));
  const os::Path store = backup_.parent_path() / kArtifactFolder;
  if (!fs::is_directory(fs::symlink_status(store, code)))
    return fail(Error(ErrorKind::kBadInput,
                      "the backup is incomplete: there is no folder " + store.string())
                    .with_hint("a backup lies beside the artifacts that it shares with others"));
  KILN_ASSIGN(from_, blob::BlobStore::open(store));
  // The same name again: a restore that was broken off goes on with the artifacts that it has.
  making_ = data_dir_.parent_path() / ("." + data_dir_.filename().string() + ".restoring");
  KILN_TRY(os::make_dirs(making_));
  fs::permissions(making_, fs::perms::owner_all, code);
  KILN_ASSIGN(lock_, os::FileLock::acquire(making_ / "lock"));
  for (fs::directory_iterator it(making_, code), end; !code && it != end; it.increment(code))
    if (it->path().filename() != "blobs" && it->path().filename() != "lock")
      KILN_TRY(os::remove_tree(it->path()));
  KILN_ASSIGN(to_, blob::BlobStore::open(making_ / "blobs"));
  return {};
}

Status Restore::copy_artifact(const std::string& digest) {
  const auto copied = from_->copy_into(digest, *to_);
  if (copied) return {};
  const ErrorKind kind = copied.error().kind;
  if (kind != ErrorKind::kNotFound && kind != ErrorKind::kInternal) return fail(copied.error());
  if (!options_.partial)
    return fail(Error(ErrorKind::kBadInput,
                      fmt::format("the backup is damaged: artifact {} is {}", digest,
                                  kind == ErrorKind::kNotFound ? "not there" : "not what it was"))
                    .with_hint("another backup may be whole; --partial restores what is there"));
  report_.add_left_out(digest);
  return {};
}

Status Restore::copy_artifacts() {
  KILN_ASSIGN(const auto digests, read_artifact_list(backup_));
  if (digests.size() != manifest_.artifacts())
    return fail(ErrorKind::kBadInput,
                fmt::format("the backup is damaged: {} artifacts of {} are listed", digests.size(),
                            manifest_.artifacts()));
  uint64_t done = 0;
  for (const std::string& digest : digests) {
    say("artifacts", done++, digests.size());
    KILN_TRY(copy_artifact(digest));
  }
  report_.set_artifacts(digests.size());
  return {};
}

Status Restore::copy_file(const v1::BackupFile& file) {
  // Nothing that runs as somebody else, nothing that others may change.
  const unsigned mode = (file.mode() & 0755U) | 0600U;
  if (file.in_store()) return from_->copy_to(file.sha256(), making_ / file.path(), mode);
  KILN_ASSIGN(const os::Path source, plain_file(backup_, file.path()));
  KILN_ASSIGN(const std::string digest, os::sha256_file(source));
  if (digest != file.sha256())
    return fail(ErrorKind::kBadInput,
                fmt::format("the backup is damaged: {} is not what it was", source.string()));
  if (file.path() == kArtifactList) return {};  // only of the backup
  const os::Path target = making_ / file.path();
  std::error_code code;
  fs::create_directories(target.parent_path(), code);
  fs::copy_file(source, target, fs::copy_options::overwrite_existing, code);
  if (code) return fail(os::errno_error("copy", source, code.value()));
  fs::permissions(target, static_cast<fs::perms>(mode), code);
  report_.set_files(report_.files() + 1);
  return {};
}

/// As the controller will: what it cannot read is found now. Brings an older one up to date.
Status Restore::open_database() {
  say("checking", 0, 1);
  KILN_ASSIGN(db::Database database, db::Database::open(making_ / kDatabaseName));
  KILN_TRY(database.check());
  KILN_TRY(db::skip_numbers(database));
  access::AuditEntry entry;
  entry.time = clock_.now();
  entry.who = "local";
  entry.role = "admin";
  entry.method = "kiln restore";
  entry.target = backup_.string();
  entry.outcome = "done";
  entry.detail =
      fmt::format("of {}", to_rfc3339(WallTime(Millis(manifest_.made().seconds() * 1000))));
  return db::AccessTable(database).append_audit({&entry, 1}, kAuditKept);
}

/// kilnd.yaml names the folder that it was for; the line that does so is the one that is changed.
Status Restore::point_config_here() {
  std::error_code code;
  const os::Path path = making_ / kConfigName;
  if (!fs::exists(path, code)) return {};
  KILN_ASSIGN(const std::string text, os::read_file(path));
  std::string out;
  for (const std::string& line : split_lines(text)) {
    const bool names_folder = line.starts_with("data_dir:");
    const std::string now = "data_dir: " + data_dir_.string();
    if (names_folder && line != now) report_.set_config_changed(true);
    out += (names_folder ? now : line) + "\n";
  }
  return os::write_atomic(path, out, 0644);
}

Status Restore::publish() {
  std::error_code code;
  fs::remove(making_ / "lock", code);
  KILN_TRY(blob::sync_folder(making_));
  fs::rename(making_, data_dir_, code);  // over the empty folder, when there is one
  if (code) return fail(os::errno_error("rename", making_, code.value()));
  return blob::sync_folder(data_dir_.parent_path());
}

Result<v1::RestoreReport> Restore::run() {
  const auto started = clock_.steady();
  KILN_TRY(prepare());
  uint64_t done = 0;
  for (const v1::BackupFile& file : manifest_.files()) {
    say("files", done++, static_cast<uint64_t>(manifest_.files_size()));
    if (Status copied = copy_file(file); !copied) {
      const ErrorKind kind = copied.error().kind;
      if (!file.in_store() || (kind != ErrorKind::kNotFound && kind != ErrorKind::kInternal))
        return fail(std::move(copied).error());
      KILN_TRY(copy_artifact(file.sha256()));  // in words that fit, or left out
    }
  }
  KILN_TRY(copy_artifacts());
  KILN_TRY(open_database());
  KILN_TRY(point_config_here());
  KILN_TRY(publish());
  for (const std::string& digest : manifest_.missing()) report_.add_left_out(digest);
  report_.set_backup(backup_.string());
  report_.set_data_dir(data_dir_.string());
  *report_.mutable_made() = manifest_.made();
  report_.set_seconds(std::chrono::duration<double>(clock_.steady() - started).count());
  return report_;
}

}  // namespace

Result<v1::RestoreReport> restore_backup(const RestoreOptions& options, const Clock& clock,
                                         const OnKeeping& progress) {
  return Restore(options, clock, progress).run();
}

}  // namespace kiln::controller
