#include "controller/builder/packing.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <vector>

namespace kiln::builder {
namespace {

namespace fs = std::filesystem;

constexpr int kLevel = 3;

struct FileClose {
  void operator()(std::FILE* f) const { std::fclose(f); }
};
using File = std::unique_ptr<std::FILE, FileClose>;
struct ArchiveFree {
  void operator()(archive* a) const { archive_write_free(a); }
};
struct ReadFree {
  void operator()(archive* a) const { archive_read_free(a); }
};
struct EntryFree {
  void operator()(archive_entry* e) const { archive_entry_free(e); }
};
struct StreamFree {
  void operator()(ZSTD_CCtx* c) const { ZSTD_freeCCtx(c); }
};

Error archive_failure(archive* a, const os::Path& target) {
  const int number = archive_errno(a);
  if (number == ENOSPC || number == EDQUOT) return os::errno_error("write", target, number);
  const char* words = archive_error_string(a);
  return Error(ErrorKind::kInfrastructure, fmt::format("cannot write {}: {}", target.string(),
                                                       words == nullptr ? "unknown" : words));
}

Status add_content(archive* out, const os::Path& path, const os::Path& target, uint64_t size) {
  const File in(std::fopen(path.c_str(), "rbe"));
  if (!in) return fail(os::errno_error("read", path, errno));
  std::array<char, 1 << 16> buffer{};
  while (size > 0) {
    const size_t n =
        std::fread(buffer.data(), 1, std::min<uint64_t>(buffer.size(), size), in.get());
    if (n == 0) return fail(ErrorKind::kInfrastructure, fmt::format("{} shrank", path.string()));
    if (archive_write_data(out, buffer.data(), n) < 0) return fail(archive_failure(out, target));
    size -= n;
  }
  return {};
}

Status add_entry(archive* out, const os::Path& folder, const os::Path& name,
                 const os::Path& target) {
  const os::Path path = folder / name;
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return fail(os::errno_error("read", path, errno));
  const std::unique_ptr<archive_entry, EntryFree> entry(archive_entry_new());
  archive_entry_set_pathname(entry.get(), name.c_str());
  archive_entry_set_mtime(entry.get(), 0, 0);
  const bool executable = (info.st_mode & 0100) != 0;
  archive_entry_set_perm(entry.get(), executable ? 0755 : 0644);
  if (S_ISLNK(info.st_mode)) {
    std::error_code error;
    const os::Path link = fs::read_symlink(path, error);
    if (link.is_absolute() || *link.begin() == "..") return {};
    archive_entry_set_filetype(entry.get(), AE_IFLNK);
    archive_entry_set_perm(entry.get(), 0777);
    archive_entry_set_symlink(entry.get(), link.c_str());
  } else if (S_ISDIR(info.st_mode)) {
    archive_entry_set_filetype(entry.get(), AE_IFDIR);
    archive_entry_set_perm(entry.get(), 0755);
  } else if (S_ISREG(info.st_mode)) {
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_size(entry.get(), info.st_size);
  } else {
    return {};
  }
  if (archive_write_header(out, entry.get()) != ARCHIVE_OK)
    return fail(archive_failure(out, target));
  if (S_ISREG(info.st_mode))
    return add_content(out, path, target, static_cast<uint64_t>(info.st_size));
  return {};
}

}  // namespace

Status pack_folder(const os::Path& folder, const os::Path& target, std::stop_token stop) {
  std::vector<os::Path> names;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error))
    names.push_back(it->path().lexically_relative(folder));
  if (error) return fail(os::errno_error("read", folder, error.value()));
  std::sort(names.begin(), names.end());
  const std::unique_ptr<archive, ArchiveFree> out(archive_write_new());
  archive_write_set_format_gnutar(out.get());
  if (archive_write_add_filter_zstd(out.get()) != ARCHIVE_OK)
    return fail(ErrorKind::kInfrastructure, "libarchive cannot write zstd");
  if (archive_write_open_filename(out.get(), target.c_str()) != ARCHIVE_OK)
    return fail(archive_failure(out.get(), target));
  for (const os::Path& name : names) {
    if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "packing was stopped");
    KILN_TRY(add_entry(out.get(), folder, name, target));
  }
  if (archive_write_close(out.get()) != ARCHIVE_OK) return fail(archive_failure(out.get(), target));
  return {};
}

Status read_tar(std::string_view bytes, uint64_t max_bytes,
                const std::function<Status(const std::string& name, std::string content)>& visit) {
  const std::unique_ptr<archive, ReadFree> in(archive_read_new());
  archive_read_support_filter_zstd(in.get());
  archive_read_support_format_tar(in.get());
  if (archive_read_open_memory(in.get(), bytes.data(), bytes.size()) != ARCHIVE_OK)
    return fail(ErrorKind::kBadInput, fmt::format("{} bytes are no archive", bytes.size()));
  archive_entry* entry = nullptr;
  uint64_t total = 0;
  std::vector<char> buffer(1 << 16);
  while (archive_read_next_header(in.get(), &entry) == ARCHIVE_OK) {
    const char* name = archive_entry_pathname(entry);
    if (name == nullptr || archive_entry_filetype(entry) != AE_IFREG) continue;
    const std::string path = name;  // the entry's, and gone with the next read
    std::string content;
    la_ssize_t n = 0;
    while ((n = archive_read_data(in.get(), buffer.data(), buffer.size())) > 0) {
      total += static_cast<uint64_t>(n);
      if (total > max_bytes)
        return fail(ErrorKind::kBadInput,
                    fmt::format("an archive unpacks to more than {} bytes", max_bytes));
      content.append(buffer.data(), static_cast<size_t>(n));
    }
    if (n < 0) return {};  // cut off in the middle of this one
    KILN_TRY(visit(path, std::move(content)));
  }
  return {};
}

Status compress_file(const os::Path& source, const os::Path& target) {
  KILN_ASSIGN(const uint64_t size, os::file_size(source));
  const File in(std::fopen(source.c_str(), "rbe"));
  if (!in) return fail(os::errno_error("read", source, errno));
  const File out(std::fopen(target.c_str(), "wbe"));
  if (!out) return fail(os::errno_error("write", target, errno));
  const std::unique_ptr<ZSTD_CCtx, StreamFree> context(ZSTD_createCCtx());
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setPledgedSrcSize(context.get(), size);
  std::vector<char> input(1 << 20), output(1 << 20);
  for (bool last = false; !last;) {
    const size_t n = std::fread(input.data(), 1, input.size(), in.get());
    if (std::ferror(in.get()) != 0) return fail(os::errno_error("read", source, EIO));
    last = n < input.size();
    ZSTD_inBuffer from{input.data(), n, 0};
    for (size_t left = 1; left != 0 && (last || from.pos < from.size);) {
      ZSTD_outBuffer to{output.data(), output.size(), 0};
      left = ZSTD_compressStream2(context.get(), &to, &from, last ? ZSTD_e_end : ZSTD_e_continue);
      if (ZSTD_isError(left) != 0U)
        return fail(
            ErrorKind::kInfrastructure,
            fmt::format("cannot compress {}: {}", source.string(), ZSTD_getErrorName(left)));
      if (std::fwrite(output.data(), 1, to.pos, out.get()) != to.pos)
        return fail(os::errno_error("write", target, errno));
    }
  }
  if (std::fflush(out.get()) != 0) return fail(os::errno_error("write", target, errno));
  return {};
}

Result<std::string> compress(std::string_view bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const size_t n = ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), kLevel);
  if (ZSTD_isError(n) != 0U)
    return fail(ErrorKind::kInternal, fmt::format("cannot compress: {}", ZSTD_getErrorName(n)));
  out.resize(n);
  return out;
}

}  // namespace kiln::builder
