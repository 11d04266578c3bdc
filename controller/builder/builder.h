#pragma once
/// Builds kernels: a build input in, a build record out. The caller looks a key up first and keeps
/// the record; nothing here is built twice unless asked for.
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "controller/builder/coverage_reader.h"
#include "controller/builder/kernel_make.h"
#include "controller/builder/object_store.h"
#include "controller/builder/packing.h"
#include "controller/builder/resolver.h"
#include "controller/builder/static_checker.h"
#include "controller/builder/tree_store.h"
#include "controller/intake/git.h"
#include "lib/kernel/build.h"
#include "lib/kernel/config.h"
#include "lib/symbols/decode.h"

namespace kiln::builder {

struct BuilderOptions {
  os::Path data_dir;    ///< trees/, objects/, configs/ and tmp/builder live here
  os::Path ccache_dir;  ///< outside of the data folder on purpose: it outlives it
  int jobs = 2;         ///< parallel compilations
  uint64_t objects_limit = 8ULL << 30;
  uint64_t trees_limit = 16ULL << 30;
  uint64_t ccache_limit = 5ULL << 30;
  uint64_t free_needed = 1ULL << 30;  ///< a build does not start with less free space
};

struct BuildRequest {
  kernel::BuildInput input;
  std::string base_tree_id;  ///< the baseline's tree, "" for a baseline itself
  std::string base_key;      ///< the baseline's build, whose objects it may start from, "" = none
  os::Path bench_dir;        ///< folder of input.bench_digest, "" = none
  Millis timeout{3'600'000};
  uint64_t memory_bytes = 6ULL << 30;
};

struct DecodeRequest {
  std::string key;           ///< of the build
  std::string base_tree_id;  ///< the baseline's tree, "" for a baseline itself
  std::vector<dmesg::StackEntry> stack;
  Millis timeout{300'000};
};

struct BuildProgress {
  std::string phase;  ///< "source" | "objects" | "compile" | "modules" | "bench" | "store"
  int compiled = 0;
  int expected = 0;       ///< compilations of the last such build, 0 = not known
  std::string last_step;  ///< "CC drivers/gpu/drm/i915/i915_gem.o"
};
/// Called on the building thread.
using OnProgress = std::function<void(const BuildProgress&)>;

/// The folder's own files, relative, sorted: without what building it makes (objects, modules, what
/// its .gitignore names).
Result<std::vector<os::Path>> source_files(const os::Path& folder);

/// sha256 over names, modes and contents of source_files(); "" for an empty path.
Result<std::string> folder_digest(const os::Path& folder);

/// One process a data folder; one build at a time an object (see build()).
class Builder {
 public:
  /// Probes the sandbox, removes what a killed process left, finds the toolchain. kInfrastructure
  /// with the mend when a tool is missing.
  static Result<std::unique_ptr<Builder>> open(BuilderOptions options, const intake::Git& git,
                                               ArtifactSink& sink);

  [[nodiscard]] const std::string& toolchain() const { return toolchain_; }
  /// What bounds a build here, for `kiln doctor` and the log.
  [[nodiscard]] const std::string& sandbox_level() const { return make_.sandbox().level(); }
  [[nodiscard]] const Resolver& resolver() const { return *resolver_; }
  [[nodiscard]] const TreeStore& trees() const { return trees_; }

  /// True when the objects of that build are there to start from ("incremental").
  [[nodiscard]] bool has_objects(const std::string& key) const {
    return objects_.find(key).has_value();
  }

  /// Objects that another computer made, or is to have: see ObjectStore.
  Status import_objects(const os::Path& root, const std::string& key, std::stop_token stop) const {
    return objects_.import_from(ObjectStore::attach(root), key, std::move(stop));
  }
  Status export_objects(const std::string& key, const os::Path& target,
                        std::stop_token stop) const {
    return objects_.export_to(key, target, std::move(stop));
  }
  Status adopt_objects(const os::Path& folder, const std::string& key,
                       const std::string& node) const {
    return objects_.adopt(folder, key, node);
  }
  [[nodiscard]] const os::Path& objects_root() const { return objects_.root(); }
  [[nodiscard]] std::optional<ObjectsMeta> objects_of(const std::string& key) const {
    return objects_.find(key);
  }

  /// A kernel that does not build is a record with state "failed", its first error and its log.
  /// Errors are never the source's fault: disk full (kNoSpace), time (kTimeout), memory or sandbox
  /// (kInfrastructure), stopped (kCancelled, within about 3 s).
  Result<kernel::BuildRecord> build(const BuildRequest& request, std::stop_token stop = {},
                                    const OnProgress& progress = {});

  /// What is known of each line of the series, from the counters of coverage sessions.
  Result<Coverage> read_coverage(const CoverageRequest& request, FetchArtifact fetch,
                                 std::stop_token stop = {}) const;

  /// The files and lines of a stack that the kernel of this build printed. kNotFound when the
  /// build's objects are not kept any more; other errors as build()'s.
  Result<symbols::Decoded> decode(const DecodeRequest& request, std::stop_token stop = {}) const;

  /// What compiler, sparse and checkpatch say of each patch; in the background, and not beside a
  /// build. Errors as build()'s.
  Result<statics::Side> check_statics(const StaticRequest& request,
                                      std::stop_token stop = {}) const;

  /// Keeps objects and trees within their limits; `keys` and `trees` are in use by the run.
  Status collect(const std::vector<std::string>& keys, const std::vector<std::string>& trees) const;

 private:
  Builder(BuilderOptions options, ArtifactSink& sink, KernelMake make, TreeStore trees,
          ObjectStore objects, std::string toolchain)
      : options_(std::move(options)),
        sink_(sink),
        make_(std::move(make)),
        trees_(std::move(trees)),
        objects_(std::move(objects)),
        toolchain_(std::move(toolchain)) {}

  [[nodiscard]] Status need_space() const;

  BuilderOptions options_;
  ArtifactSink& sink_;
  KernelMake make_;
  TreeStore trees_;
  ObjectStore objects_;
  std::string toolchain_;
  std::unique_ptr<Resolver> resolver_;
};

}  // namespace kiln::builder
