#include "agent/machine/folder_use.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace kiln::agent {

Result<FolderUse> FolderUse::take(const os::Path& folder, int operation) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return fail(os::errno_error("open", folder, errno));
  FolderUse use(fd);
  if (::flock(fd, operation | LOCK_NB) == 0) return use;
  if (errno == EWOULDBLOCK)
    return fail(ErrorKind::kConflict, fmt::format("{} is in use", folder.string()));
  return fail(os::errno_error("lock", folder, errno));
}

Result<FolderUse> FolderUse::shared(const os::Path& folder) {
  return take(folder, LOCK_SH);
}

Result<FolderUse> FolderUse::sole(const os::Path& folder) {
  return take(folder, LOCK_EX);
}

FolderUse::FolderUse(FolderUse&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FolderUse& FolderUse::operator=(FolderUse&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

FolderUse::~FolderUse() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace kiln::agent
