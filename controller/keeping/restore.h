#pragma once
/// A data folder out of a backup.
#include "controller/keeping/progress.h"
#include "kiln/v1/keeping.pb.h"
#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/os/files.h"

namespace kiln::controller {

struct RestoreOptions {
  os::Path from;         ///< one backup, or a folder of backups: its newest
  os::Path data_dir;     ///< not there, or empty
  bool partial = false;  ///< go on without artifacts that are damaged or missing in the backup
};

/// All is checked by hash on its way; the folder appears whole or not at all. Started again after
/// it was broken off it goes on. kConflict: the folder holds something. kBadInput: an incomplete,
/// damaged or newer backup.
Result<v1::RestoreReport> restore_backup(const RestoreOptions& options, const Clock& clock,
                                         const OnKeeping& progress = {});

}  // namespace kiln::controller
