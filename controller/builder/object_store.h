#pragma once
/// Object folders of finished builds, kept so that a build that differs little starts from one.
/// One process a folder.
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/kernel/build.h"
#include "lib/os/files.h"

namespace kiln::builder {

/// What an object folder holds; objects/KEY/meta.json.
struct ObjectsMeta {
  std::string tree_id;
  std::string arch;
  std::string config_digest;
  std::string toolchain;
  uint64_t bytes = 0;
  int compilations = 0;  ///< of the full build, for the progress of the next one
  std::map<std::string, std::vector<kernel::Warning>> warnings;  ///< by unit, all units
  std::string image_digest;                                      ///< raw bytes of bzImage
  std::string vmlinux_raw;                                       ///< sha256 of the raw vmlinux
  std::string vmlinux_digest;                                    ///< its compressed artifact
  std::string symvers;                                           ///< sha256 of Module.symvers
  std::string bench_source;                                      ///< digest of the bench folder
  std::string bench_digest;                                      ///< its artifact
  std::string
      node;  ///< the computer of an engine that made them and may still have them, "" = here
};

class ObjectStore {
 public:
  /// Removes half-written folders. `root` is DATA/objects.
  static Result<ObjectStore> open(os::Path root);
  /// Another process's folder, to copy from.
  static ObjectStore attach(os::Path root) { return ObjectStore(std::move(root)); }

  /// Meta data of a finished build's objects; nullopt when they are not there (any more).
  [[nodiscard]] std::optional<ObjectsMeta> find(const std::string& key) const;
  [[nodiscard]] const os::Path& root() const { return root_; }
  [[nodiscard]] os::Path objects(const std::string& key) const { return root_ / key / "obj"; }

  /// An empty folder to make `key` in: KEY.*.tmp.
  Result<os::Path> begin(const std::string& key) const;
  /// Copies the objects of `from` into TEMP/obj, times and owners kept, blocks shared where the
  /// file system can.
  Status clone(const std::string& from, const os::Path& temp, std::stop_token stop) const;
  /// TEMP becomes KEY, atomically.
  Status commit(const os::Path& temp, const std::string& key, ObjectsMeta meta) const;
  void abandon(const os::Path& temp) const;

  /// A copy of what `from` has of the key. Its clock may be another: see settle_times().
  Status import_from(const ObjectStore& from, const std::string& key, std::stop_token stop) const;
  /// Such a copy for others, at `target`.
  Status export_to(const std::string& key, const os::Path& target, std::stop_token stop) const;
  /// A folder that export_to() made on `node`, in the same file system, becomes ours.
  Status adopt(const os::Path& folder, const std::string& key, const std::string& node) const;

  /// Compilations of the last full build with this config, else of any; 0 = none yet.
  [[nodiscard]] int expected_compilations(const std::string& config_digest) const;

  /// Removes the least recently used folders until the rest takes at most `bytes`; never `keep`.
  Status collect(uint64_t bytes, const std::vector<std::string>& keep) const;

 private:
  explicit ObjectStore(os::Path root) : root_(std::move(root)) {}
  os::Path root_;
};

/// Objects from a computer whose clock is ahead would look newer than a source that is changed now,
/// and would not be made again: all their times are moved back together, before now.
Status settle_times(const os::Path& folder);

}  // namespace kiln::builder
