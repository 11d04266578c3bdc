#pragma once
/// What one backup holds, written and read; what is read is hostile.
#include <string>
#include <vector>

#include "kiln/v1/keeping.pb.h"
#include "lib/base/result.h"
#include "lib/os/files.h"

namespace kiln::controller {

constexpr int kBackupFormat = 1;
constexpr const char* kManifestName = "manifest.json";
constexpr const char* kArtifactList = "artifacts.txt";
constexpr const char* kArtifactFolder = "artifacts";  ///< beside the backups, shared by them
constexpr const char* kDatabaseName = "kiln.db";
constexpr const char* kConfigName = "kilnd.yaml";

Status write_manifest(const v1::BackupManifest& manifest, const os::Path& folder);
/// kBadInput: none there (never finished), no manifest, of a newer format, or one that names files
/// that a backup never has.
Result<v1::BackupManifest> read_manifest(const os::Path& folder);

/// One digest a line.
Result<std::vector<std::string>> read_artifact_list(const os::Path& folder);

/// The file of a backup as an absolute path; kBadInput when a part of it is a symbolic link or no
/// regular file.
Result<os::Path> plain_file(const os::Path& folder, const std::string& path);

}  // namespace kiln::controller
