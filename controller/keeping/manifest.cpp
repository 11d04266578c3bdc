#include "controller/keeping/manifest.h"

#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>

#include "lib/base/text.h"
#include "lib/blob/blob_store.h"

namespace kiln::controller {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMostManifest = 256ULL << 20;
constexpr uint64_t kMostList = 1ULL << 30;

/// Plain names below the folders that a backup has; nothing that leads out.
bool may_be_in_a_backup(const std::string& path) {
  if (path == kDatabaseName || path == kConfigName || path == kArtifactList) return true;
  const std::vector<std::string> names = split(path, '/');
  if (names.size() < 2 || (names[0] != "pki" && names[0] != "bundles")) return false;
  return std::all_of(names.begin(), names.end(), [](const std::string& name) {
    return !name.empty() && name != "." && name != ".." && name.find('\0') == std::string::npos;
  });
}

Status check_file(const v1::BackupFile& file) {
  if (!may_be_in_a_backup(file.path()))
    return fail(ErrorKind::kBadInput, fmt::format("the backup's manifest names `{}`, which is no"
                                                  " file of a data folder",
                                                  to_valid_utf8(file.path())));
  if (!blob::is_digest(file.sha256()))
    return fail(ErrorKind::kBadInput,
                fmt::format("the backup's manifest has no digest of {}", file.path()));
  return {};
}

}  // namespace

Status write_manifest(const v1::BackupManifest& manifest, const os::Path& folder) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.add_whitespace = true;
  std::string json;
  if (const auto status = google::protobuf::util::MessageToJsonString(manifest, &json, options);
      !status.ok())
    return fail(ErrorKind::kInternal, "cannot write the manifest: " + status.ToString());
  return os::write_atomic(folder / kManifestName, json, 0600);
}

Result<v1::BackupManifest> read_manifest(const os::Path& folder) {
  const auto json = os::read_file(folder / kManifestName, kMostManifest);
  if (!json && json.error().kind == ErrorKind::kNotFound)
    return fail(Error(ErrorKind::kBadInput, folder.string() + " holds no finished backup")
                    .with_hint("kiln backup writes " + std::string(kManifestName) + " last"));
  if (!json) return fail(json.error());
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;  // of a newer one, whose format is looked at next
  v1::BackupManifest manifest;
  if (const auto status = google::protobuf::util::JsonStringToMessage(*json, &manifest, options);
      !status.ok())
    return fail(ErrorKind::kBadInput,
                fmt::format("{} is no manifest of a backup", (folder / kManifestName).string()));
  if (manifest.format() > kBackupFormat)
    return fail(
        Error(ErrorKind::kBadInput,
              fmt::format("the backup has format {} (of Kiln {}), this Kiln reads up to {}",
                          manifest.format(), to_valid_utf8(manifest.kiln_version()), kBackupFormat))
            .with_hint("restore it with a newer Kiln"));
  bool database = false;
  bool list = false;
  for (const v1::BackupFile& file : manifest.files()) {
    KILN_TRY(check_file(file));
    database = database || (file.path() == kDatabaseName && !file.in_store());
    list = list || (file.path() == kArtifactList && !file.in_store());
  }
  if (manifest.format() < 1 || !database || !list)
    return fail(ErrorKind::kBadInput,
                fmt::format("{} is no manifest of a backup", (folder / kManifestName).string()));
  return manifest;
}

Result<std::vector<std::string>> read_artifact_list(const os::Path& folder) {
  KILN_ASSIGN(const os::Path path, plain_file(folder, kArtifactList));
  KILN_ASSIGN(const std::string text, os::read_file(path, kMostList));
  std::vector<std::string> digests = split_lines(text);
  for (const std::string& digest : digests)
    if (!blob::is_digest(digest))
      return fail(ErrorKind::kBadInput, path.string() + " is no list of artifacts");
  return digests;
}

Result<os::Path> plain_file(const os::Path& folder, const std::string& path) {
  os::Path at = folder;
  std::error_code code;
  for (const std::string& name : split(path, '/')) {
    at /= name;
    if (fs::is_symlink(fs::symlink_status(at, code)))
      return fail(ErrorKind::kBadInput,
                  at.string() + " is a symbolic link: no backup of Kiln has one");
  }
  if (!fs::is_regular_file(fs::symlink_status(at, code)))
    return fail(ErrorKind::kBadInput, "the backup is incomplete: " + at.string() + " is missing");
  return at;
}

}  // namespace kiln::controller
