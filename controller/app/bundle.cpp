#include "controller/app/bundle.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>

#include "lib/base/clock.h"
#include "lib/base/text.h"

namespace kiln::controller {
namespace {

constexpr size_t kLongestPath = 1000;

/// Relative, of plain names: nothing that leads out of the folder, nothing hidden from `ls`.
bool is_safe(const std::string& path) {
  if (path.empty() || path.size() > kLongestPath || path.front() == '/') return false;
  for (const std::string& name : split(path, '/')) {
    if (name.empty() || name == "." || name == ".." || name.size() > 200) return false;
    if (std::any_of(name.begin(), name.end(),
                    [](char c) { return static_cast<unsigned char>(c) < 0x20; }))
      return false;
  }
  return true;
}

}  // namespace

Result<Bundle> Bundle::create(const os::Path& parent, BundleLimits limits) {
  KILN_TRY(os::make_dirs(parent));
  KILN_ASSIGN(const os::Path folder, os::make_temp_dir(parent, "job-"));
  Bundle bundle(folder, limits);
  KILN_TRY(os::make_dirs(bundle.root()));
  return bundle;
}

Bundle::Bundle(Bundle&& other) noexcept
    : folder_(std::exchange(other.folder_, {})),
      limits_(other.limits_),
      bytes_(other.bytes_),
      files_(other.files_),
      last_(std::move(other.last_)),
      kept_(other.kept_) {}

Bundle::~Bundle() {
  if (!kept_ && !folder_.empty()) (void)os::remove_tree(folder_);
}

Status Bundle::add(const v1::SubmitFile& part) {
  const std::string& path = part.path();
  if (!is_safe(path))
    return fail(ErrorKind::kBadInput,
                fmt::format("`{}` is no path of a file in a job", to_valid_utf8(path)));
  bytes_ += part.data().size();
  if (bytes_ > limits_.max_bytes)
    return fail(ErrorKind::kBadInput,
                fmt::format("a job's files have at most {}", human_bytes(limits_.max_bytes)));
  const bool goes_on = path == last_;
  const os::Path full = root() / path;
  std::error_code code;
  if (!goes_on) {
    if (++files_ > limits_.max_files)
      return fail(ErrorKind::kBadInput,
                  fmt::format("a job has at most {} files", limits_.max_files));
    if (std::filesystem::exists(full, code))
      return fail(ErrorKind::kBadInput, fmt::format("`{}` came twice", path));
    KILN_TRY(os::make_dirs(full.parent_path()));
  }
  std::ofstream out(full, std::ios::binary | (goes_on ? std::ios::app : std::ios::trunc));
  out.write(part.data().data(), static_cast<std::streamsize>(part.data().size()));
  out.close();
  if (!out) return fail(ErrorKind::kNoSpace, "cannot write " + full.string());
  if (part.executable())
    std::filesystem::permissions(full, std::filesystem::perms::owner_all, code);
  last_ = path;
  return {};
}

Status Bundle::find(const std::string& path) const {
  std::error_code code;
  if (!is_safe(path) || !std::filesystem::exists(root() / path, code))
    return fail(ErrorKind::kBadInput, fmt::format("`{}` is not among the files that were handed in",
                                                  to_valid_utf8(path)));
  return {};
}

Result<scheduler::JobSource> bundled_job(const os::Path& root) {
  KILN_ASSIGN(const std::string text, os::read_file(root.parent_path() / "job", 8192));
  const std::vector<std::string> lines = split_lines(text);
  if (lines.empty()) return fail(ErrorKind::kInternal, "the bundle names no job");
  scheduler::JobSource source{(root / lines[0]).string(), root.string()};
  if (lines.size() > 1 && !lines[1].empty()) source.series = (root / lines[1]).string();
  return source;
}

}  // namespace kiln::controller
