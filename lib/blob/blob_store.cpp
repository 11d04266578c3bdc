#include "lib/blob/blob_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "lib/blob/file.h"
#include "lib/blob/zstd_stream.h"

namespace kiln::blob {
namespace {

namespace fs = std::filesystem;

constexpr size_t kDigestLength = 64;
constexpr std::string_view kPacked = ".zst";

}  // namespace

bool is_digest(std::string_view text) {
  return text.size() == kDigestLength && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

/// What a store and its writers share.
struct BlobStore::Shared {
  os::Path folder;
  os::Path temp;
  std::mutex publish;  ///< publishing and removing exclude each other

  [[nodiscard]] os::Path plain_path(std::string_view digest) const {
    return folder / digest.substr(0, 2) / digest.substr(2);
  }
  [[nodiscard]] os::Path packed_path(std::string_view digest) const {
    return folder / digest.substr(0, 2) / (std::string(digest.substr(2)) + std::string(kPacked));
  }
  Result<File> open_blob(std::string_view digest, bool* packed) const;
  Status publish_file(const std::string& digest, const File& file, bool packed);
};

namespace {

/// Is the blob there? Then it counts as put now: gc() looks at its time.
bool touch(const os::Path& path) {
  return ::utimensat(AT_FDCWD, path.c_str(), nullptr, 0) == 0;
}

}  // namespace

Result<File> BlobStore::Shared::open_blob(std::string_view digest, bool* packed) const {
  if (!is_digest(digest)) {
    return fail(ErrorKind::kBadInput,
                fmt::format("`{}` is no artifact id", digest.substr(0, kDigestLength)));
  }
  *packed = false;
  auto plain = File::open_read(plain_path(digest));
  if (plain || plain.error().kind != ErrorKind::kNotFound) return plain;
  *packed = true;
  auto compressed = File::open_read(packed_path(digest));
  if (compressed || compressed.error().kind != ErrorKind::kNotFound) return compressed;
  return fail(ErrorKind::kNotFound, fmt::format("artifact {} is not in the store", digest));
}

Status BlobStore::Shared::publish_file(const std::string& digest, const File& file, bool packed) {
  const std::lock_guard lock(publish);
  if (touch(plain_path(digest)) || touch(packed_path(digest))) return {};
  const os::Path target = packed ? packed_path(digest) : plain_path(digest);
  KILN_TRY(os::make_dirs(target.parent_path()));
  if (::fchmod(file.fd(), 0444) != 0) return fail(os::errno_error("change", file.path(), errno));
  if (::rename(file.path().c_str(), target.c_str()) != 0) {
    return fail(os::errno_error("rename", target, errno));
  }
  KILN_TRY(sync_folder(target.parent_path()));
  return sync_folder(folder);
}

// ---- Writer

struct Writer::State {
  std::shared_ptr<BlobStore::Shared> shared;
  File file;
  os::Sha256 hash;
  uint64_t size = 0;
  bool failed = false;

  ~State() {
    if (file.is_open()) ::unlink(file.path().c_str());  // a no-op once renamed
  }
};

Writer::Writer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Writer::Writer(Writer&&) noexcept = default;
Writer& Writer::operator=(Writer&&) noexcept = default;
Writer::~Writer() = default;

uint64_t Writer::size() const {
  return state_ == nullptr ? 0 : state_->size;
}

Status Writer::write(std::string_view bytes) {
  if (state_ == nullptr || state_->failed) {
    return fail(ErrorKind::kInternal, "this artifact cannot be written any more");
  }
  state_->hash.update(bytes);
  state_->size += bytes.size();
  Status written = state_->file.write(bytes);
  state_->failed = !written;
  return written;
}

Result<std::string> Writer::commit() {
  const std::unique_ptr<State> state = std::move(state_);  // gone with its files, however this ends
  if (state == nullptr || state->failed) {
    return fail(ErrorKind::kInternal, "this artifact was not written whole");
  }
  std::string digest = state->hash.hex();
  KILN_ASSIGN(const bool packs, worth_compressing(&state->file));
  if (!packs) {
    KILN_TRY(state->file.sync());
    KILN_TRY(state->shared->publish_file(digest, state->file, false));
    return digest;
  }
  State packed{state->shared, {}, {}, 0, false};
  KILN_ASSIGN(packed.file, File::create_temp(state->shared->temp));
  KILN_TRY(compress(&state->file, &packed.file));
  KILN_TRY(packed.file.sync());
  KILN_TRY(state->shared->publish_file(digest, packed.file, true));
  return digest;
}

// ---- BlobStore

BlobStore::BlobStore(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
BlobStore::BlobStore(BlobStore&&) noexcept = default;
BlobStore& BlobStore::operator=(BlobStore&&) noexcept = default;
BlobStore::~BlobStore() = default;

Result<BlobStore> BlobStore::open(const os::Path& folder) {
  auto shared = std::make_shared<Shared>();
  shared->folder = folder;
  shared->temp = folder / "tmp";
  KILN_TRY(os::make_dirs(shared->temp));
  return BlobStore(std::move(shared));
}

Result<Writer> BlobStore::writer() {
  auto state = std::make_unique<Writer::State>();
  state->shared = shared_;
  KILN_ASSIGN(state->file, File::create_temp(shared_->temp));
  return Writer(std::move(state));
}

Result<std::string> BlobStore::put(std::string_view bytes) {
  KILN_ASSIGN(Writer target, writer());
  KILN_TRY(target.write(bytes));
  return target.commit();
}

Result<std::string> BlobStore::put_file(const os::Path& path) {
  KILN_ASSIGN(File source, File::open_read(path));
  KILN_ASSIGN(Writer target, writer());
  std::vector<char> buffer(kPiece);
  for (;;) {
    KILN_ASSIGN(const size_t got, source.read(buffer.data(), buffer.size()));
    if (got == 0) return target.commit();
    KILN_TRY(target.write({buffer.data(), got}));
  }
}

bool BlobStore::has(std::string_view digest) const {
  bool packed = false;
  return shared_->open_blob(digest, &packed).has_value();
}

bool BlobStore::claim(std::string_view digest) const {
  if (!is_digest(digest)) return false;
  const std::lock_guard lock(shared_->publish);
  return touch(shared_->plain_path(digest)) || touch(shared_->packed_path(digest));
}

Result<uint64_t> BlobStore::size(std::string_view digest) const {
  bool packed = false;
  KILN_ASSIGN(File file, shared_->open_blob(digest, &packed));
  return packed ? content_size(&file) : file.size();
}

namespace {

Status read_plain(File* file, uint64_t offset, const std::function<bool(std::string_view)>& sink) {
  KILN_TRY(file->seek(offset));
  std::vector<char> buffer(kPiece);
  for (;;) {
    KILN_ASSIGN(const size_t got, file->read(buffer.data(), buffer.size()));
    if (got == 0 || !sink({buffer.data(), got})) return {};
  }
}

Status read_packed(File* file, uint64_t offset, const std::function<bool(std::string_view)>& sink) {
  uint64_t skip = offset;
  return decompress(file, [&](std::string_view piece) {
    const uint64_t cut = std::min<uint64_t>(skip, piece.size());
    skip -= cut;
    piece.remove_prefix(cut);
    return piece.empty() || sink(piece);
  });
}

}  // namespace

Status BlobStore::read(std::string_view digest, uint64_t offset,
                       const std::function<bool(std::string_view)>& sink) const {
  bool packed = false;
  KILN_ASSIGN(File file, shared_->open_blob(digest, &packed));
  os::Sha256 hash;
  bool stopped = false;
  const auto watch = [&](std::string_view piece) {
    if (offset == 0) hash.update(piece);
    stopped = !sink(piece);
    return !stopped;
  };
  Status status = packed ? read_packed(&file, offset, watch) : read_plain(&file, offset, watch);
  if (status && (stopped || offset != 0 || hash.hex() == digest)) return {};
  if (!status && status.error().kind != ErrorKind::kInternal) return status;
  // Taken aside, not deleted: has() says false from now on and a person can look at it.
  const std::lock_guard lock(shared_->publish);
  const os::Path aside = shared_->temp / ("damaged-" + std::string(digest));
  const bool moved = ::rename(file.path().c_str(), aside.c_str()) == 0;
  return fail(Error(ErrorKind::kInternal, fmt::format("artifact {} is damaged on the disk", digest))
                  .with_hint(moved ? fmt::format("its file is now {}", aside.string())
                                   : fmt::format("look at {}", file.path().string())));
}

Result<std::string> BlobStore::get(std::string_view digest, uint64_t max_bytes) const {
  KILN_ASSIGN(const uint64_t length, size(digest));
  if (length > max_bytes) {
    return fail(ErrorKind::kBadInput,
                fmt::format("artifact {} has {}, more than the {} asked for", digest,
                            human_bytes(length), human_bytes(max_bytes)));
  }
  std::string out;
  out.reserve(length);
  KILN_TRY(read(digest, 0, [&](std::string_view piece) {
    out += piece.substr(0, max_bytes - out.size());  // a lying frame cannot grow it
    return true;
  }));
  return out;
}

Result<std::string> BlobStore::get_range(std::string_view digest, uint64_t offset,
                                         uint64_t count) const {
  std::string out;
  if (count == 0) return out;
  KILN_TRY(read(digest, offset, [&](std::string_view piece) {
    out += piece.substr(0, count - out.size());
    return out.size() < count;
  }));
  return out;
}

Status BlobStore::copy_to(std::string_view digest, const os::Path& target, unsigned mode) const {
  KILN_TRY(os::make_dirs(target.parent_path()));
  KILN_ASSIGN(File copy, File::create_temp(target.parent_path()));
  Status written;
  Status status = read(digest, 0, [&](std::string_view piece) {
    written = copy.write(piece);
    return written.has_value();
  });
  if (status) status = written;
  if (status && ::fchmod(copy.fd(), mode) != 0) {
    status = fail(os::errno_error("change", target, errno));
  }
  if (status) status = copy.sync();
  if (status && ::rename(copy.path().c_str(), target.c_str()) != 0) {
    status = fail(os::errno_error("write", target, errno));
  }
  if (!status) {
    ::unlink(copy.path().c_str());
    return status;
  }
  return sync_folder(target.parent_path());
}

namespace {

/// All bytes of `from`, as they are; their number.
Result<uint64_t> copy_bytes(File* from, File* to) {
  std::vector<char> buffer(kPiece);
  uint64_t bytes = 0;
  for (;;) {
    KILN_ASSIGN(const size_t got, from->read(buffer.data(), buffer.size()));
    if (got == 0) return bytes;
    KILN_TRY(to->write({buffer.data(), got}));
    bytes += got;
  }
}

/// Does the file hold the blob of that digest?
Status check_content(File* file, bool packed, std::string_view digest) {
  os::Sha256 hash;
  const auto take = [&](std::string_view piece) {
    hash.update(piece);
    return true;
  };
  KILN_TRY(file->seek(0));
  KILN_TRY(packed ? read_packed(file, 0, take) : read_plain(file, 0, take));
  if (hash.hex() == digest) return {};
  return fail(ErrorKind::kInternal, fmt::format("artifact {} is damaged on the disk", digest));
}

}  // namespace

Result<uint64_t> BlobStore::copy_into(std::string_view digest, BlobStore& other) const {
  if (other.claim(digest)) return 0;
  bool packed = false;
  KILN_ASSIGN(File from, shared_->open_blob(digest, &packed));
  Writer::State copy{other.shared_, {}, {}, 0, false};  // takes its file away when this fails
  KILN_ASSIGN(copy.file, File::create_temp(other.shared_->temp));
  KILN_ASSIGN(const uint64_t bytes, copy_bytes(&from, &copy.file));
  KILN_TRY(check_content(&copy.file, packed, digest));
  KILN_TRY(copy.file.sync());
  KILN_TRY(other.shared_->publish_file(std::string(digest), copy.file, packed));
  return bytes;
}

// ---- gc

namespace {

/// The digest that a file of the store holds, or "".
std::string digest_of(const fs::path& path) {
  std::string name = path.filename().string();
  if (name.ends_with(kPacked)) name.resize(name.size() - kPacked.size());
  std::string digest = path.parent_path().filename().string() + name;
  return is_digest(digest) ? digest : "";
}

}  // namespace

Result<GcReport> BlobStore::gc(const std::set<std::string>& live, Millis min_age, WallTime now,
                               GcMode mode) {
  KILN_ASSIGN(const std::vector<os::Path> files, os::list_files(shared_->folder));
  GcReport report;
  for (const os::Path& relative : files) {
    const os::Path path = shared_->folder / relative;
    const bool temporary = relative.begin()->string() == "tmp";
    const std::string digest = temporary ? "" : digest_of(path);
    if (!temporary && digest.empty()) continue;  // not ours
    const std::lock_guard lock(shared_->publish);
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) continue;  // gone meanwhile
    const Millis age = now.time_since_epoch() -
                       Millis(info.st_mtim.tv_sec * 1000LL + info.st_mtim.tv_nsec / 1'000'000);
    const auto bytes = static_cast<uint64_t>(info.st_size);
    if ((!temporary && live.contains(digest)) || age <= min_age) {
      ++report.kept;
      report.kept_bytes += bytes;
      continue;
    }
    if (mode == GcMode::kRemove && ::unlink(path.c_str()) != 0)
      return fail(os::errno_error("remove", path, errno));
    ++report.removed;
    report.removed_bytes += bytes;
  }
  return report;
}

}  // namespace kiln::blob
