#include "controller/intake/import.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <array>
#include <cstdio>
#include <memory>

#include "lib/base/text.h"

namespace kiln::intake {
namespace {

struct ArchiveFree {
  void operator()(archive* a) const { archive_read_free(a); }
};
struct FileClose {
  void operator()(std::FILE* f) const { std::fclose(f); }
};
using Archive = std::unique_ptr<archive, ArchiveFree>;
using File = std::unique_ptr<std::FILE, FileClose>;

/// Parts of a path; false when it leaves the tree.
bool clean_path(std::string_view text, std::vector<std::string>& parts) {
  parts.clear();
  if (text.starts_with('/') || text.find('\n') != std::string_view::npos) return false;
  for (std::string& part : split(text, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == ".." || part == ".git") return false;
    parts.push_back(std::move(part));
  }
  return true;
}

class StreamWriter {
 public:
  StreamWriter(const os::Path& tarball, const os::Path& path, std::FILE* file)
      : tarball_(tarball), path_(path), file_(file) {}

  Status header(const std::string& ref) {
    return print(fmt::format("commit {}\ncommitter kiln <kiln@localhost> 0 +0000\ndata 0\n", ref));
  }

  Status entry(archive* source, archive_entry* item) {
    const char* raw = archive_entry_pathname(item);
    std::vector<std::string> parts;
    if (raw == nullptr || !clean_path(raw, parts)) return bad(raw);
    if (archive_entry_filetype(item) == AE_IFDIR) {
      if (!parts.empty() && top_.empty()) top_ = parts.front();
      return {};
    }
    if (top_.empty() && parts.size() > 1) top_ = parts.front();
    if (top_.empty() || parts.size() < 2 || parts.front() != top_) {
      if (archive_entry_filetype(item) == 0 || parts.empty()) return {};
      return fail(ErrorKind::kBadInput,
                  fmt::format("{} does not hold one folder: `{}` is beside `{}`", tarball_.string(),
                              raw, top_.empty() ? "it" : top_));
    }
    if (++files_ > kMaxTreeFiles)
      return fail(ErrorKind::kBadInput,
                  fmt::format("{} holds more than {} files", tarball_.string(), kMaxTreeFiles));
    const std::string name = join(std::span(parts).subspan(1), "/");
    if (const char* link = archive_entry_hardlink(item); link != nullptr)
      return hard_link(link, name);
    if (archive_entry_filetype(item) == AE_IFLNK) return symbolic_link(item, name);
    if (archive_entry_filetype(item) != AE_IFREG)
      return fail(ErrorKind::kBadInput,
                  fmt::format("{} holds a device or a pipe: `{}`", tarball_.string(), raw));
    return regular(source, item, name);
  }

  Status finish() {
    if (files_ == 0)
      return fail(ErrorKind::kBadInput, fmt::format("{} holds no files", tarball_.string()));
    KILN_TRY(print("done\n"));
    if (std::fflush(file_) != 0) return fail(os::errno_error("write", path_, errno));
    return {};
  }

 private:
  Status print(std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), file_) != text.size())
      return fail(os::errno_error("write", path_, errno));
    return {};
  }
  tl::unexpected<Error> bad(const char* raw) const {
    return fail(ErrorKind::kBadInput,
                fmt::format("{} holds a name that leaves the tree: `{}`", tarball_.string(),
                            to_valid_utf8(raw == nullptr ? "?" : raw)));
  }
  static std::string quoted(const std::string& name) {
    std::string out = "\"";
    for (const char c : name) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    return out + "\"";
  }
  Status hard_link(const char* link, const std::string& name) {
    std::vector<std::string> parts;
    if (!clean_path(link, parts) || parts.size() < 2 || parts.front() != top_) return bad(link);
    return print(
        fmt::format("C {} {}\n", quoted(join(std::span(parts).subspan(1), "/")), quoted(name)));
  }
  Status symbolic_link(archive_entry* item, const std::string& name) {
    const char* target = archive_entry_symlink(item);
    const std::string_view text = target == nullptr ? "" : target;
    return print(fmt::format("M 120000 inline {}\ndata {}\n{}\n", quoted(name), text.size(), text));
  }
  Status regular(archive* source, archive_entry* item, const std::string& name) {
    const auto size = static_cast<uint64_t>(std::max<int64_t>(archive_entry_size(item), 0));
    bytes_ += size;
    if (bytes_ > kMaxTreeBytes)
      return fail(ErrorKind::kBadInput, fmt::format("{} unpacks to more than {}", tarball_.string(),
                                                    human_bytes(kMaxTreeBytes)));
    const bool executable = (archive_entry_perm(item) & 0111) != 0;
    KILN_TRY(print(fmt::format("M {} inline {}\ndata {}\n", executable ? "100755" : "100644",
                               quoted(name), size)));
    std::array<char, 1 << 16> buffer{};
    for (uint64_t left = size; left > 0;) {
      const auto n =
          archive_read_data(source, buffer.data(), std::min<uint64_t>(left, buffer.size()));
      if (n <= 0)
        return fail(ErrorKind::kBadInput,
                    fmt::format("{} is damaged at `{}`", tarball_.string(), name));
      KILN_TRY(print(std::string_view(buffer.data(), static_cast<size_t>(n))));
      left -= static_cast<uint64_t>(n);
    }
    return print("\n");
  }

  const os::Path& tarball_;
  const os::Path& path_;
  std::FILE* file_;
  std::string top_;
  uint64_t files_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace

Status write_import_stream(const os::Path& tarball, const std::string& ref, const os::Path& stream,
                           std::stop_token stop) {
  const Archive source(archive_read_new());
  archive_read_support_filter_all(source.get());
  archive_read_support_format_tar(source.get());
  if (archive_read_open_filename(source.get(), tarball.c_str(), 1 << 20) != ARCHIVE_OK)
    return fail(ErrorKind::kBadInput,
                fmt::format("cannot read {} as a tarball: {}", tarball.string(),
                            to_valid_utf8(archive_error_string(source.get()))));
  const File file(std::fopen(stream.c_str(), "wbe"));
  if (!file) return fail(os::errno_error("write", stream, errno));
  StreamWriter writer(tarball, stream, file.get());
  KILN_TRY(writer.header(ref));
  while (true) {
    if (stop.stop_requested()) return fail(ErrorKind::kCancelled, "the import was stopped");
    archive_entry* item = nullptr;
    const int result = archive_read_next_header(source.get(), &item);
    if (result == ARCHIVE_EOF) break;
    if (result != ARCHIVE_OK && result != ARCHIVE_WARN)
      return fail(ErrorKind::kBadInput,
                  fmt::format("{} is damaged: {}", tarball.string(),
                              to_valid_utf8(archive_error_string(source.get()))));
    KILN_TRY(writer.entry(source.get(), item));
  }
  return writer.finish();
}

Status import_tarball(const Git& git, const os::Path& tarball, const std::string& ref,
                      Millis timeout, std::stop_token stop) {
  KILN_ASSIGN(const os::Path folder, os::make_temp_dir(git.scratch(), "import-"));
  struct Cleaner {
    const os::Path& folder;
    ~Cleaner() { (void)os::remove_tree(folder); }
  } const cleaner{folder};
  const os::Path stream = folder / "stream";
  KILN_TRY(write_import_stream(tarball, ref, stream, stop));
  Git::Call call{
      {"-c", "pack.compression=1", "fast-import", "--quiet", "--done", "--depth=0", "--force"}};
  call.timeout = timeout;
  os::Command command = git.command(call);
  command.argv.insert(command.argv.begin(), {"sh", "-c", "exec \"$@\" <\"$0\"", stream.string()});
  KILN_ASSIGN(const os::Exit exit, os::run(command, stop));
  if (exit.ok()) return {};
  if (exit.err.find("No space left on device") != std::string::npos)
    return fail(ErrorKind::kNoSpace, fmt::format("no space left for {}", git.dir().string()));
  return fail(exit.timed_out ? ErrorKind::kTimeout : ErrorKind::kInfrastructure,
              fmt::format("importing {} failed: {}", tarball.string(),
                          to_valid_utf8(trim(exit.err.substr(0, 2000)))));
}

}  // namespace kiln::intake
