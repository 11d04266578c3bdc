#pragma once
/// Files: bounded reads, atomic writes, locks, free space. Errors name the path and errno's words.
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/result.h"

namespace kiln::os {

using Path = std::filesystem::path;

/// The whole file; an Error (kBadInput) when it is longer than max_bytes.
Result<std::string> read_file(const Path& path, uint64_t max_bytes = 64ULL << 20);
/// At most `count` bytes from `offset`; shorter at the end of the file.
Result<std::string> read_range(const Path& path, uint64_t offset, uint64_t count);
/// All of it to an open file, as often as it takes; `path` is for the error's words. Some of it may
/// be there after an error.
Status write_all(int fd, std::string_view data, const Path& path);
/// Temp file beside it, fsync, rename, fsync of the folder: after a crash old or new, never half.
Status write_atomic(const Path& path, std::string_view content, unsigned mode = 0644);
Status make_dirs(const Path& path);
Status remove_tree(const Path& path);
Result<uint64_t> free_bytes(const Path& path);
Result<uint64_t> file_size(const Path& path);
/// Regular files below `root`, relative, sorted; symlinks are not followed.
Result<std::vector<Path>> list_files(const Path& root);
/// An empty new folder below `parent`, name starts with `prefix`.
Result<Path> make_temp_dir(const Path& parent, std::string_view prefix);

/// Such a folder, removed with all that it holds when the object ends.
class TempFolder {
 public:
  static Result<TempFolder> make(const Path& parent, std::string_view prefix) {
    KILN_ASSIGN(Path path, make_temp_dir(parent, prefix));
    return TempFolder(std::move(path));
  }
  TempFolder(TempFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TempFolder& operator=(TempFolder&&) = delete;
  ~TempFolder() {
    if (!path_.empty()) (void)remove_tree(path_);
  }
  [[nodiscard]] const Path& path() const { return path_; }

 private:
  explicit TempFolder(Path path) : path_(std::move(path)) {}
  Path path_;
};

/// An exclusive flock on a file, held while the object lives; the file holds the owner's pid.
class FileLock {
 public:
  /// kConflict with the owner's pid in the message when somebody holds it.
  static Result<FileLock> acquire(const Path& path);
  FileLock(FileLock&&) noexcept;
  FileLock& operator=(FileLock&&) noexcept;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

/// An Error from errno: "cannot VERB PATH: No space left on device" with the fitting kind.
Error errno_error(std::string_view verb, const Path& path, int error_number);

/// SHA-256 as 64 lower-case hex digits.
std::string sha256_hex(std::string_view data);
Result<std::string> sha256_file(const Path& path);

/// Incremental SHA-256.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void update(std::string_view data);
  std::string hex();  ///< ends it

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kiln::os
