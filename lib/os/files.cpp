#include "lib/os/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "lib/base/clock.h"
#include "lib/base/text.h"

namespace kiln::os {
namespace {

class FdGuard {
 public:
  explicit FdGuard(int fd) : fd_(fd) {}
  FdGuard(const FdGuard&) = delete;
  FdGuard& operator=(const FdGuard&) = delete;
  ~FdGuard() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

/// " (12.0 MB free)" of where the path would lie, "" when that cannot be told.
std::string free_words(Path path) {
  struct statvfs info {};
  while (::statvfs(path.c_str(), &info) != 0) {
    if (!path.has_parent_path() || path.parent_path() == path) return "";
    path = path.parent_path();
  }
  return fmt::format(" ({} free)",
                     human_bytes(static_cast<uint64_t>(info.f_bavail) * info.f_frsize));
}

}  // namespace

Status write_all(int fd, std::string_view data, const Path& path) {
  while (!data.empty()) {
    const ssize_t n = ::write(fd, data.data(), data.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(errno_error("write", path, errno));
    data.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

Error errno_error(std::string_view verb, const Path& path, int error_number) {
  ErrorKind kind = ErrorKind::kInfrastructure;
  std::string hint;
  std::string free;
  switch (error_number) {
    case ENOENT:
      kind = ErrorKind::kNotFound;
      break;
    case ENOSPC:
    case EDQUOT:
      kind = ErrorKind::kNoSpace;
      free = free_words(path);
      hint = "free some space there, or name another data folder with --data-dir";
      break;
    case EACCES:
    case EPERM:
    case EROFS:
      kind = ErrorKind::kPermission;
      break;
    default:
      break;
  }
  return Error(kind,
               fmt::format("cannot {} {}: {}{}", verb, path.string(), strerror(error_number), free))
      .with_hint(std::move(hint));
}

Result<std::string> read_file(const Path& path, uint64_t max_bytes) {
  const FdGuard fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return fail(errno_error("read", path, errno));
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return fail(errno_error("read", path, errno));
  if (S_ISDIR(info.st_mode)) return fail(errno_error("read", path, EISDIR));
  std::string text;
  std::array<char, 65536> buffer{};
  // Files of procfs and sysfs say size 0, so the bound is kept while reading.
  while (true) {
    const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(errno_error("read", path, errno));
    if (n == 0) return text;
    if (text.size() + static_cast<size_t>(n) > max_bytes) {
      return fail(ErrorKind::kBadInput,
                  fmt::format("{} is longer than {}", path.string(), human_bytes(max_bytes)));
    }
    text.append(buffer.data(), static_cast<size_t>(n));
  }
}

Result<std::string> read_range(const Path& path, uint64_t offset, uint64_t count) {
  const FdGuard fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return fail(errno_error("read", path, errno));
  std::string text;
  std::array<char, 65536> buffer{};
  while (text.size() < count) {
    const size_t want = std::min<uint64_t>(buffer.size(), count - text.size());
    const ssize_t n =
        ::pread(fd.get(), buffer.data(), want, static_cast<off_t>(offset + text.size()));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(errno_error("read", path, errno));
    if (n == 0) break;
    text.append(buffer.data(), static_cast<size_t>(n));
  }
  return text;
}

Status write_atomic(const Path& path, std::string_view content, unsigned mode) {
  const Path dir = path.has_parent_path() ? path.parent_path() : Path(".");
  std::string temp = (dir / fmt::format(".{}.XXXXXX", path.filename().string())).string();
  const int raw = ::mkostemp(temp.data(), O_CLOEXEC);
  if (raw < 0) return fail(errno_error("write", path, errno));
  Status status;
  {
    const FdGuard fd(raw);
    status = write_all(fd.get(), content, path);
    if (status && ::fchmod(fd.get(), mode) != 0) status = fail(errno_error("write", path, errno));
    if (status && ::fsync(fd.get()) != 0) status = fail(errno_error("write", path, errno));
  }
  if (status && ::rename(temp.c_str(), path.c_str()) != 0)
    status = fail(errno_error("write", path, errno));
  if (!status) {
    ::unlink(temp.c_str());
    return status;
  }
  const FdGuard folder(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() >= 0) ::fsync(folder.get());
  return {};
}

Status make_dirs(const Path& path) {
  std::error_code code;
  std::filesystem::create_directories(path, code);
  if (code) return fail(errno_error("make the folder", path, code.value()));
  return {};
}

Status remove_tree(const Path& path) {
  std::error_code code;
  std::filesystem::remove_all(path, code);
  if (code) return fail(errno_error("remove", path, code.value()));
  return {};
}

Result<uint64_t> free_bytes(const Path& path) {
  struct statvfs info {};
  if (::statvfs(path.c_str(), &info) != 0)
    return fail(errno_error("ask the free space of", path, errno));
  return static_cast<uint64_t>(info.f_bavail) * info.f_frsize;
}

Result<uint64_t> file_size(const Path& path) {
  std::error_code code;
  const uint64_t size = std::filesystem::file_size(path, code);
  if (code) return fail(errno_error("read", path, code.value()));
  return size;
}

Result<std::vector<Path>> list_files(const Path& root) {
  std::vector<Path> files;
  std::error_code code;
  std::filesystem::recursive_directory_iterator it(root, code);
  if (code) return fail(errno_error("list", root, code.value()));
  for (const std::filesystem::recursive_directory_iterator end; it != end; it.increment(code)) {
    if (code) return fail(errno_error("list", root, code.value()));
    if (it->is_regular_file(code) && !it->is_symlink(code))
      files.push_back(it->path().lexically_relative(root));
  }
  std::sort(files.begin(), files.end());
  return files;
}

Result<Path> make_temp_dir(const Path& parent, std::string_view prefix) {
  KILN_TRY(make_dirs(parent));
  std::string pattern = (parent / fmt::format("{}XXXXXX", prefix)).string();
  if (::mkdtemp(pattern.data()) == nullptr)
    return fail(errno_error("make a folder in", parent, errno));
  return Path(pattern);
}

Result<FileLock> FileLock::acquire(const Path& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return fail(errno_error("open the lock", path, errno));
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const int reason = errno;
    std::array<char, 32> owner{};
    const ssize_t n = ::pread(fd, owner.data(), owner.size() - 1, 0);
    ::close(fd);
    if (reason != EWOULDBLOCK) return fail(errno_error("lock", path, reason));
    const std::string pid(trim(std::string_view(owner.data(), n > 0 ? static_cast<size_t>(n) : 0)));
    return fail(Error(ErrorKind::kConflict,
                      fmt::format("{} is in use by process {}", path.parent_path().string(), pid))
                    .with_hint("wait for it to end, or name another folder with --data-dir"));
  }
  const std::string pid = fmt::format("{}\n", ::getpid());
  (void)!::ftruncate(fd, 0);
  (void)!::pwrite(fd, pid.data(), pid.size(), 0);
  return FileLock(fd);
}

FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
FileLock& FileLock::operator=(FileLock&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}
FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

struct Sha256::Impl {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  Impl() { EVP_DigestInit_ex(context, EVP_sha256(), nullptr); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() { EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : impl_(std::make_unique<Impl>()) {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::string_view data) {
  EVP_DigestUpdate(impl_->context, data.data(), data.size());
}

std::string Sha256::hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  EVP_DigestFinal_ex(impl_->context, digest.data(), &length);
  std::string text;
  for (unsigned i = 0; i < length; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

std::string sha256_hex(std::string_view data) {
  Sha256 hash;
  hash.update(data);
  return hash.hex();
}

Result<std::string> sha256_file(const Path& path) {
  const FdGuard fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return fail(errno_error("read", path, errno));
  Sha256 hash;
  std::array<char, 65536> buffer{};
  while (true) {
    const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(errno_error("read", path, errno));
    if (n == 0) return hash.hex();
    hash.update(std::string_view(buffer.data(), static_cast<size_t>(n)));
  }
}

}  // namespace kiln::os
