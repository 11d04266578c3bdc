#pragma once
/// Where artifacts live, each known by the SHA-256 of its bytes: DATA/blobs/ab/cdef..., with ".zst"
/// at the end when it is compressed on disk. docs/database.md says which rows name them.
/// Thread-safety: safe for concurrent use; a Writer is used by one thread at a time. Several
/// processes may write and read; gc() needs the data folder's lock.
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/os/files.h"

namespace kiln::blob {

/// Is it 64 lower-case hex digits? Everything else is refused before it becomes a path.
bool is_digest(std::string_view text);

/// A blob being written. It appears in the store at commit() or not at all; without commit() the
/// destructor leaves nothing behind.
class Writer {
 public:
  Writer(Writer&&) noexcept;
  Writer& operator=(Writer&&) noexcept;
  ~Writer();
  /// kNoSpace when the disk is full.
  Status write(std::string_view bytes);
  /// Compresses what shrinks, makes it durable, publishes it; its digest. Call it once.
  Result<std::string> commit();
  [[nodiscard]] uint64_t size() const;

 private:
  friend class BlobStore;
  struct State;
  explicit Writer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

struct GcReport {
  uint64_t removed = 0;
  uint64_t removed_bytes = 0;  ///< on disk
  uint64_t kept = 0;
  uint64_t kept_bytes = 0;
};

enum class GcMode { kRemove, kOnlyCount };

/// put() is atomic: after a crash a digest is absent or complete, never partial. The same bytes
/// put again are the same blob.
class BlobStore {
 public:
  /// Makes the folder when it is not there.
  static Result<BlobStore> open(const os::Path& folder);
  BlobStore(BlobStore&&) noexcept;
  BlobStore& operator=(BlobStore&&) noexcept;
  ~BlobStore();

  Result<std::string> put(std::string_view bytes);
  Result<std::string> put_file(const os::Path& path);
  Result<Writer> writer();

  [[nodiscard]] bool has(std::string_view digest) const;
  /// has(), for who is about to rely on it: a blob that is there counts as put now, so that no
  /// gc() that goes on meanwhile takes it before a row names it.
  [[nodiscard]] bool claim(std::string_view digest) const;
  /// Of the content, uncompressed. kNotFound; kBadInput when it is no digest.
  [[nodiscard]] Result<uint64_t> size(std::string_view digest) const;

  /// Pieces of at most 128 KiB from `offset` on, until `sink` returns false (no error) or the end.
  /// A read from 0 to the end is checked against the digest: kInternal when the file is damaged,
  /// and the damaged file is taken out of the store, so that the blob can be made again.
  Status read(std::string_view digest, uint64_t offset,
              const std::function<bool(std::string_view)>& sink) const;
  /// The whole, checked. kBadInput when longer than max_bytes.
  [[nodiscard]] Result<std::string> get(std::string_view digest,
                                        uint64_t max_bytes = 64ULL << 20) const;
  /// At most `count` bytes from `offset`; shorter at the end.
  [[nodiscard]] Result<std::string> get_range(std::string_view digest, uint64_t offset,
                                              uint64_t count) const;
  /// A checked copy that appears at `target` whole or not at all.
  Status copy_to(std::string_view digest, const os::Path& target, unsigned mode = 0644) const;

  /// The blob as it lies here into another store, checked there; its bytes on disk, 0 when it was
  /// there already. kNotFound, kInternal when it is damaged.
  Result<uint64_t> copy_into(std::string_view digest, BlobStore& other) const;

  /// Removes blobs that are not `live` and were last put longer than `min_age` before `now`, and
  /// left-over temporary files of that age. kOnlyCount says what would go.
  Result<GcReport> gc(const std::set<std::string>& live, Millis min_age, WallTime now,
                      GcMode mode = GcMode::kRemove);

 private:
  friend class Writer;
  struct Shared;
  explicit BlobStore(std::shared_ptr<Shared> shared);
  std::shared_ptr<Shared> shared_;
};

}  // namespace kiln::blob
