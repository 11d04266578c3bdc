#include "lib/blob/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace kiln::blob {

Result<File> File::open_read(const os::Path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return fail(os::errno_error("open", path, errno));
  return File(fd, path);
}

Result<File> File::create_temp(const os::Path& folder) {
  std::string name = (folder / "put-XXXXXX").string();
  const int fd = ::mkostemp(name.data(), O_CLOEXEC);
  if (fd < 0) return fail(os::errno_error("create a file in", folder, errno));
  return File(fd, name);
}

File& File::operator=(File&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = std::exchange(other.fd_, -1);
    path_ = std::move(other.path_);
  }
  return *this;
}

File::~File() {
  close();
}

void File::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Status File::write(std::string_view bytes) {
  return os::write_all(fd_, bytes, path_);
}

Result<size_t> File::read(char* buffer, size_t capacity) {
  for (;;) {
    const ssize_t got = ::read(fd_, buffer, capacity);
    if (got >= 0) return static_cast<size_t>(got);
    if (errno != EINTR) return fail(os::errno_error("read", path_, errno));
  }
}

Status File::seek(uint64_t offset) {
  if (::lseek(fd_, static_cast<off_t>(offset), SEEK_SET) < 0) {
    return fail(os::errno_error("seek in", path_, errno));
  }
  return {};
}

Result<uint64_t> File::size() const {
  struct stat info {};
  if (::fstat(fd_, &info) != 0) return fail(os::errno_error("look at", path_, errno));
  return static_cast<uint64_t>(info.st_size);
}

Status File::sync() {
  if (::fsync(fd_) != 0) return fail(os::errno_error("sync", path_, errno));
  return {};
}

Status sync_folder(const os::Path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return fail(os::errno_error("open", folder, errno));
  const int result = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  if (result != 0) return fail(os::errno_error("sync", folder, error));
  return {};
}

}  // namespace kiln::blob
