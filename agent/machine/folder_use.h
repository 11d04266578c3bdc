#pragma once
/// Marks a folder as used, so that nobody removes it meanwhile.
#include "lib/os/files.h"

namespace kiln::agent {

/// A flock on the folder itself, held while the object lives. Other programs join by
/// `flock --shared FOLDER`. Both errors: kNotFound (no such folder), kConflict (held otherwise).
class FolderUse {
 public:
  /// Many may use a folder at a time.
  static Result<FolderUse> shared(const os::Path& folder);
  /// Nobody else uses it: it may be removed.
  static Result<FolderUse> sole(const os::Path& folder);
  FolderUse(FolderUse&& other) noexcept;
  FolderUse& operator=(FolderUse&& other) noexcept;
  FolderUse(const FolderUse&) = delete;
  FolderUse& operator=(const FolderUse&) = delete;
  ~FolderUse();

 private:
  explicit FolderUse(int fd) : fd_(fd) {}
  static Result<FolderUse> take(const os::Path& folder, int operation);
  int fd_ = -1;
};

}  // namespace kiln::agent
