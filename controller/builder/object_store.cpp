#include "controller/builder/object_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "lib/base/text.h"
#include "lib/os/eviction.h"
#include "lib/os/process.h"

namespace kiln::builder {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr uint64_t kMaxMeta = 16 << 20;

json to_json(const ObjectsMeta& meta) {
  json warnings = json::object();
  for (const auto& [unit, list] : meta.warnings)
    for (const kernel::Warning& w : list) warnings[unit].push_back({w.file, w.line, w.text});
  return {{"tree", meta.tree_id},
          {"arch", meta.arch},
          {"config", meta.config_digest},
          {"toolchain", meta.toolchain},
          {"bytes", meta.bytes},
          {"compilations", meta.compilations},
          {"warnings", warnings},
          {"image", meta.image_digest},
          {"vmlinux_raw", meta.vmlinux_raw},
          {"vmlinux", meta.vmlinux_digest},
          {"symvers", meta.symvers},
          {"bench_source", meta.bench_source},
          {"bench", meta.bench_digest},
          {"node", meta.node}};
}

std::optional<ObjectsMeta> from_json(const std::string& text) {
  const json j = json::parse(text, nullptr, false);
  if (!j.is_object()) return std::nullopt;
  try {
    ObjectsMeta meta;
    const auto take = [&j](const char* name, std::string& into) {
      into = j.at(name).get<std::string>();
    };
    take("tree", meta.tree_id);
    take("arch", meta.arch);
    take("config", meta.config_digest);
    take("toolchain", meta.toolchain);
    take("image", meta.image_digest);
    take("vmlinux_raw", meta.vmlinux_raw);
    take("vmlinux", meta.vmlinux_digest);
    take("symvers", meta.symvers);
    take("bench_source", meta.bench_source);
    take("bench", meta.bench_digest);
    meta.node = j.value("node", "");
    meta.bytes = j.at("bytes").get<uint64_t>();
    meta.compilations = j.at("compilations").get<int>();
    for (const auto& [unit, list] : j.at("warnings").items())
      for (const json& w : list)
        meta.warnings[unit].push_back(
            {w.at(0).get<std::string>(), w.at(1).get<int>(), w.at(2).get<std::string>()});
    return meta;
  } catch (const json::exception&) {
    return std::nullopt;  // written by another version: built again
  }
}

uint64_t folder_bytes(const os::Path& folder) {
  uint64_t bytes = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    struct stat info {};
    if (::lstat(it->path().c_str(), &info) == 0)
      bytes += static_cast<uint64_t>(info.st_blocks) * 512;
  }
  return bytes;
}

Status copy_all(const os::Path& from, const os::Path& to, std::stop_token stop) {
  os::Command command;
  command.argv = {"cp", "-a", "--reflink=auto", "--", from.string(), to.string()};
  command.timeout = Millis(600'000);
  KILN_ASSIGN(const os::Exit exit, os::run(command, stop));
  if (exit.ok()) return {};
  if (exit.err.find("No space left on device") != std::string::npos)
    return fail(os::errno_error("write", to, ENOSPC));
  return fail(exit.timed_out ? ErrorKind::kTimeout : ErrorKind::kInfrastructure,
              fmt::format("cannot copy the objects to {}: {}", to.parent_path().string(),
                          to_valid_utf8(trim(exit.err.substr(0, 500)))));
}

constexpr int64_t kSecond = 1'000'000'000;

int64_t nanoseconds(const timespec& time) {
  return time.tv_sec * kSecond + time.tv_nsec;
}

timespec to_timespec(int64_t time) {
  return {time / kSecond, time % kSecond};
}

}  // namespace

Result<ObjectStore> ObjectStore::open(os::Path root) {
  KILN_TRY(os::make_dirs(root));
  std::error_code error;
  for (fs::directory_iterator it(root, error), end; !error && it != end; it.increment(error))
    if (it->path().extension() == ".tmp" || !fs::exists(it->path() / "meta.json"))
      KILN_TRY(os::remove_tree(it->path()));
  if (error) return fail(os::errno_error("read", root, error.value()));
  return ObjectStore(std::move(root));
}

std::optional<ObjectsMeta> ObjectStore::find(const std::string& key) const {
  if (key.empty()) return std::nullopt;
  const os::Path path = root_ / key / "meta.json";
  const auto text = os::read_file(path, kMaxMeta);
  if (!text) return std::nullopt;
  ::utimensat(AT_FDCWD, path.c_str(), nullptr, 0);  // last use
  return from_json(*text);
}

Result<os::Path> ObjectStore::begin(const std::string& key) const {
  // A name of its own each time: a copy that outlived a killed process must not write into ours.
  static std::atomic<unsigned> counter{0};
  const os::Path temp = root_ / fmt::format("{}.{}-{}.tmp", key, ::getpid(), ++counter);
  KILN_TRY(os::remove_tree(temp));
  KILN_TRY(os::make_dirs(temp));
  return temp;
}

Status ObjectStore::clone(const std::string& from, const os::Path& temp,
                          std::stop_token stop) const {
  return copy_all(objects(from), temp / "obj", std::move(stop));
}

Status ObjectStore::import_from(const ObjectStore& from, const std::string& key,
                                std::stop_token stop) const {
  auto meta = from.find(key);
  if (!meta) return fail(ErrorKind::kNotFound, "the objects of this build are not kept any more");
  KILN_ASSIGN(const os::Path temp, begin(key));
  Status copied = copy_all(from.objects(key), temp / "obj", std::move(stop));
  if (copied) copied = settle_times(temp / "obj");
  if (copied) copied = commit(temp, key, std::move(*meta));
  if (!copied) abandon(temp);
  return copied;
}

Status ObjectStore::export_to(const std::string& key, const os::Path& target,
                              std::stop_token stop) const {
  return copy_all(root_ / key, target, std::move(stop));
}

Status ObjectStore::adopt(const os::Path& folder, const std::string& key,
                          const std::string& node) const {
  const auto text = os::read_file(folder / "meta.json", kMaxMeta);
  auto meta = text ? from_json(*text) : std::nullopt;
  if (!meta)
    return fail(ErrorKind::kInfrastructure,
                fmt::format("{} holds no objects of a build", folder.string()));
  meta->node = node;
  KILN_TRY(settle_times(folder / "obj"));
  return commit(folder, key, std::move(*meta));
}

Status ObjectStore::commit(const os::Path& temp, const std::string& key, ObjectsMeta meta) const {
  meta.bytes = folder_bytes(temp);
  KILN_TRY(
      os::write_atomic(temp / "meta.json",
                       to_json(meta).dump(1, ' ', false, json::error_handler_t::replace) + "\n"));
  const os::Path target = root_ / key;
  KILN_TRY(os::remove_tree(target));
  std::error_code error;
  fs::rename(temp, target, error);
  if (error) return fail(os::errno_error("rename", temp, error.value()));
  return {};
}

void ObjectStore::abandon(const os::Path& temp) const {
  (void)os::remove_tree(temp);
}

int ObjectStore::expected_compilations(const std::string& config_digest) const {
  int any = 0;
  std::error_code error;
  for (fs::directory_iterator it(root_, error), end; !error && it != end; it.increment(error)) {
    const auto text = os::read_file(it->path() / "meta.json", kMaxMeta);
    const auto meta = text ? from_json(*text) : std::nullopt;
    if (!meta) continue;
    if (meta->config_digest == config_digest) return meta->compilations;
    any = std::max(any, meta->compilations);
  }
  return any;
}

Status ObjectStore::collect(uint64_t bytes, const std::vector<std::string>& keep) const {
  std::vector<os::CacheEntry> entries;
  std::error_code error;
  for (fs::directory_iterator it(root_, error), end; !error && it != end; it.increment(error)) {
    const os::Path& path = it->path();
    if (path.extension() == ".tmp") continue;  // being made
    const auto text = os::read_file(path / "meta.json", kMaxMeta);
    const auto meta = text ? from_json(*text) : std::nullopt;
    std::error_code ignored;
    entries.push_back(
        {path, meta ? meta->bytes : folder_bytes(path),
         fs::last_write_time(path / "meta.json", ignored),
         std::find(keep.begin(), keep.end(), path.filename().string()) != keep.end()});
  }
  return os::evict(std::move(entries), bytes);
}

Status settle_times(const os::Path& folder) {
  std::vector<std::pair<os::Path, int64_t>> files;
  int64_t newest = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    struct stat info {};
    if (::lstat(it->path().c_str(), &info) != 0)
      return fail(os::errno_error("read", it->path(), errno));
    if (S_ISDIR(info.st_mode)) continue;
    files.emplace_back(it->path(), nanoseconds(info.st_mtim));
    newest = std::max(newest, files.back().second);
  }
  if (error) return fail(os::errno_error("read", folder, error.value()));
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const int64_t before_now = nanoseconds(now) - kSecond;
  if (newest <= before_now) return {};
  for (const auto& [path, time] : files) {
    const timespec moved = to_timespec(std::max<int64_t>(0, time - (newest - before_now)));
    const timespec times[2] = {moved, moved};
    if (::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
      return fail(os::errno_error("set the time of", path, errno));
  }
  return {};
}

}  // namespace kiln::builder
