#include "agent/test/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "agent/test/identity.h"

namespace kiln::agent {
namespace {

constexpr size_t kBlock = 256 << 10;
constexpr uint64_t kMaxModule = 256ULL << 20;
constexpr int kLevel = 3;

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  [[nodiscard]] int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

Status write_all(int fd, const char* data, size_t size, const os::Path& path) {
  while (size > 0) {
    const ssize_t n = ::write(fd, data, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return fail(os::errno_error("write", path, errno));
    data += n;
    size -= static_cast<size_t>(n);
  }
  return {};
}

Result<size_t> read_some(int fd, std::vector<char>& buffer, const os::Path& path) {
  for (;;) {
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(os::errno_error("read", path, errno));
    return static_cast<size_t>(n);
  }
}

struct ArchiveClose {
  void operator()(archive* a) const { archive_read_free(a); }
};
using ArchiveHandle = std::unique_ptr<archive, ArchiveClose>;

Result<ArchiveHandle> open_tar(const os::Path& tar) {
  ArchiveHandle in(archive_read_new());
  archive_read_support_format_tar(in.get());
  archive_read_support_filter_all(in.get());
  if (archive_read_open_filename(in.get(), tar.c_str(), kBlock) != ARCHIVE_OK) {
    return fail(ErrorKind::kInfrastructure,
                fmt::format("cannot read {}: {}", tar.string(), archive_error_string(in.get())));
  }
  return in;
}

/// The entry's path below the folder, or nothing when it would leave it.
std::optional<os::Path> inside(const char* name) {
  if (name == nullptr) return std::nullopt;
  const os::Path path = os::Path(name).lexically_normal();
  if (path.empty() || path.is_absolute()) return std::nullopt;
  for (const os::Path& part : path)
    if (part == "..") return std::nullopt;
  return path;
}

template <typename Header, typename Section>
std::string build_id_in(std::string_view elf) {
  Header header;
  if (elf.size() < sizeof header) return {};
  std::memcpy(&header, elf.data(), sizeof header);
  if (header.e_shentsize != sizeof(Section)) return {};
  for (unsigned i = 0; i < header.e_shnum; ++i) {
    Section section;
    const uint64_t at = header.e_shoff + uint64_t{i} * sizeof section;
    if (at > elf.size() || elf.size() - at < sizeof section) return {};
    std::memcpy(&section, elf.data() + at, sizeof section);
    if (section.sh_type != SHT_NOTE || section.sh_offset > elf.size() ||
        section.sh_size > elf.size() - section.sh_offset)
      continue;
    std::string id = build_id_of_notes(elf.substr(section.sh_offset, section.sh_size));
    if (!id.empty()) return id;
  }
  return {};
}

}  // namespace

Status decompress_file(const os::Path& from, const os::Path& to, uint64_t max_bytes) {
  const Fd in(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
  if (!in) return fail(os::errno_error("read", from, errno));
  const Fd out(::open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!out) return fail(os::errno_error("write", to, errno));
  const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(),
                                                                     ZSTD_freeDCtx);
  std::vector<char> source(kBlock);
  std::vector<char> target(kBlock);
  uint64_t written = 0;
  size_t state = 1;
  for (;;) {
    KILN_ASSIGN(const size_t n, read_some(in.get(), source, from));
    if (n == 0) break;
    ZSTD_inBuffer input{source.data(), n, 0};
    while (input.pos < input.size) {
      ZSTD_outBuffer output{target.data(), target.size(), 0};
      state = ZSTD_decompressStream(context.get(), &output, &input);
      if (ZSTD_isError(state) != 0) {
        return fail(ErrorKind::kInfrastructure,
                    fmt::format("{} is damaged: {}", from.string(), ZSTD_getErrorName(state)));
      }
      written += output.pos;
      if (written > max_bytes)
        return fail(ErrorKind::kInfrastructure,
                    fmt::format("{} unpacks to more than {} bytes", from.string(), max_bytes));
      KILN_TRY(write_all(out.get(), target.data(), output.pos, to));
    }
  }
  if (state != 0)
    return fail(ErrorKind::kInfrastructure, fmt::format("{} is cut off", from.string()));
  return {};
}

Status compress_file(const os::Path& from, const os::Path& to) {
  KILN_ASSIGN(const uint64_t size, os::file_size(from));
  const Fd in(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
  if (!in) return fail(os::errno_error("read", from, errno));
  const Fd out(::open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!out) return fail(os::errno_error("write", to, errno));
  const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(),
                                                                     ZSTD_freeCCtx);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setPledgedSrcSize(context.get(), size);
  std::vector<char> source(kBlock);
  std::vector<char> target(ZSTD_CStreamOutSize());
  for (bool last = false; !last;) {
    KILN_ASSIGN(const size_t n, read_some(in.get(), source, from));
    last = n == 0;
    ZSTD_inBuffer input{source.data(), n, 0};
    for (bool more = true; more;) {
      ZSTD_outBuffer output{target.data(), target.size(), 0};
      const size_t left =
          ZSTD_compressStream2(context.get(), &output, &input, last ? ZSTD_e_end : ZSTD_e_continue);
      if (ZSTD_isError(left) != 0) {
        return fail(ErrorKind::kInfrastructure,
                    fmt::format("cannot compress {}: {}", from.string(), ZSTD_getErrorName(left)));
      }
      KILN_TRY(write_all(out.get(), target.data(), output.pos, to));
      more = last ? left != 0 : input.pos < input.size;
    }
  }
  return {};
}

bool is_compressed(const os::Path& file) {
  return os::read_range(file, 0, 4).value_or("") == "\x28\xb5\x2f\xfd";
}

Result<Unpacked> unpack_tar(const os::Path& tar, const os::Path& folder, UnpackLimits limits) {
  Unpacked out;
  KILN_ASSIGN(const uint64_t size, os::file_size(tar));
  if (size == 0) {
    out.cut_off = true;
    return out;
  }
  KILN_ASSIGN(const ArchiveHandle in, open_tar(tar));
  uint64_t bytes = 0;
  std::vector<char> buffer(kBlock);
  archive_entry* entry = nullptr;
  for (size_t entries = 0; entries < limits.max_entries; ++entries) {
    const int rc = archive_read_next_header(in.get(), &entry);
    if (rc == ARCHIVE_EOF) return out;
    if (rc < ARCHIVE_WARN) {
      out.cut_off = true;
      return out;
    }
    const auto path = inside(archive_entry_pathname(entry));
    if (!path) continue;
    const os::Path target = folder / *path;
    if (archive_entry_filetype(entry) == AE_IFDIR) {
      KILN_TRY(os::make_dirs(target));
      continue;
    }
    if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) != nullptr)
      continue;
    KILN_TRY(os::make_dirs(target.parent_path()));
    const Fd file(
        ::open(target.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (!file) return fail(os::errno_error("write", target, errno));
    ++out.files;
    for (;;) {
      const la_ssize_t n = archive_read_data(in.get(), buffer.data(), buffer.size());
      if (n == 0) break;
      if (n < 0) {
        out.cut_off = true;
        return out;
      }
      bytes += static_cast<uint64_t>(n);
      if (bytes > limits.max_bytes)
        return fail(ErrorKind::kInfrastructure, fmt::format("{} unpacks to more than {} bytes",
                                                            tar.string(), limits.max_bytes));
      KILN_TRY(write_all(file.get(), buffer.data(), static_cast<size_t>(n), target));
    }
  }
  return fail(ErrorKind::kInfrastructure,
              fmt::format("{} holds more than {} files", tar.string(), limits.max_entries));
}

std::string build_id_of_elf(std::string_view elf) {
  if (elf.size() < EI_NIDENT || std::memcmp(elf.data(), ELFMAG, SELFMAG) != 0) return {};
  return elf[EI_CLASS] == ELFCLASS64 ? build_id_in<Elf64_Ehdr, Elf64_Shdr>(elf)
                                     : build_id_in<Elf32_Ehdr, Elf32_Shdr>(elf);
}

Result<std::map<std::string, std::string>> module_build_ids(const os::Path& tar,
                                                            const std::set<std::string>& modules) {
  std::map<std::string, std::string> out;
  if (modules.empty()) return out;
  KILN_ASSIGN(const ArchiveHandle in, open_tar(tar));
  archive_entry* entry = nullptr;
  int rc = ARCHIVE_OK;
  while ((rc = archive_read_next_header(in.get(), &entry)) >= ARCHIVE_WARN && rc != ARCHIVE_EOF) {
    const char* name = archive_entry_pathname(entry);
    if (name == nullptr || archive_entry_filetype(entry) != AE_IFREG) continue;
    const os::Path path(name);
    // A module's file may have '-' where its name in /sys has '_'.
    std::string module = path.stem().string();
    std::replace(module.begin(), module.end(), '-', '_');
    if (path.extension() != ".ko" || !modules.contains(module)) continue;
    const int64_t size = archive_entry_size(entry);
    if (size <= 0 || static_cast<uint64_t>(size) > kMaxModule) continue;
    std::string elf(static_cast<size_t>(size), '\0');
    const la_ssize_t n = archive_read_data(in.get(), elf.data(), elf.size());
    if (n == size) out[module] = build_id_of_elf(elf);
  }
  if (rc != ARCHIVE_EOF)
    return fail(ErrorKind::kInfrastructure,
                fmt::format("{} is damaged: {}", tar.string(), archive_error_string(in.get())));
  return out;
}

}  // namespace kiln::agent
