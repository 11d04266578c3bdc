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
          {"bench", meta.bench_digest}};
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
  os::Command command;
  command.argv = {
      "cp", "-a", "--reflink=auto", "--", objects(from).string(), (temp / "obj").string()};
  command.timeout = Millis(600'000);
  KILN_ASSIGN(const os::Exit exit, os::run(command, stop));
  if (exit.ok()) return {};
  if (exit.err.find("No space left on device") != std::string::npos)
    return fail(os::errno_error("write", temp, ENOSPC));
  return fail(exit.timed_out ? ErrorKind::kTimeout : ErrorKind::kInfrastructure,
              fmt::format("cannot copy the objects to {}: {}", temp.string(),
                          to_valid_utf8(trim(exit.err.substr(0, 500)))));
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

}  // namespace kiln::builder
