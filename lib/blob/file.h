#pragma once
/// A file descriptor with Results, for streams with bounded memory.
#include <cstdint>
#include <string_view>
#include <utility>

#include "lib/base/result.h"
#include "lib/os/files.h"

namespace kiln::blob {

constexpr size_t kPiece = 128 << 10;  ///< bytes moved at once

/// Owns one descriptor. Used by one thread at a time.
class File {
 public:
  File() = default;
  /// kNotFound when it is not there.
  static Result<File> open_read(const os::Path& path);
  /// A new file of a fresh name in `folder`, mode 0600.
  static Result<File> create_temp(const os::Path& folder);
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}
  File& operator=(File&& other) noexcept;
  ~File();

  [[nodiscard]] const os::Path& path() const { return path_; }
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  Status write(std::string_view bytes);
  /// Up to `capacity` bytes; 0 at the end.
  Result<size_t> read(char* buffer, size_t capacity);
  Status seek(uint64_t offset);
  [[nodiscard]] Result<uint64_t> size() const;
  Status sync();
  void close();

 private:
  File(int fd, os::Path path) : fd_(fd), path_(std::move(path)) {}
  int fd_ = -1;
  os::Path path_;
};

/// Makes a rename in the folder durable.
Status sync_folder(const os::Path& folder);

}  // namespace kiln::blob
