#pragma once
/// A backup of a data folder, also while a controller works in it. docs/decisions/0009.
///
///   TO/artifacts/ab/cdef...          shared by all backups in TO, each copied once
///   TO/2026-11-28T10-31-46Z/         one backup: kiln.db, pki/, kilnd.yaml, artifacts.txt and,
///                                    written last, manifest.json
#include "controller/keeping/progress.h"
#include "kiln/v1/keeping.pb.h"
#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/os/files.h"

namespace kiln::controller {

struct BackupOptions {
  os::Path data_dir;
  os::Path to;             ///< made when it is not there
  os::Path config{};       ///< kilnd.yaml; "" = the one in the data folder, if any
  int keep = 0;            ///< so many newest ones stay in `to`; 0 = all
  bool check_all = false;  ///< read and check the artifacts that were there already, too
};

/// A backup appears whole or not at all; what a broken-off one has copied is not copied again.
/// kNotFound when there is no database, kConflict when another backup is being made.
Result<v1::BackupReport> make_backup(const BackupOptions& options, const Clock& clock,
                                     const OnKeeping& progress = {});

/// The finished backups in the folder, oldest first.
Result<std::vector<os::Path>> backups_in(const os::Path& folder);

}  // namespace kiln::controller
