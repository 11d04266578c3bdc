#pragma once
/// The one way Kiln calls a kernel's make: fixed paths, fixed environment, so that equal input
/// gives equal bytes and ccache hits.
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "controller/builder/sandbox.h"
#include "controller/builder/tree_store.h"

namespace kiln::builder {

inline constexpr const char* kSourceInside = "/kiln/src";
inline constexpr const char* kObjectsInside = "/kiln/obj";
inline constexpr const char* kCcacheInside = "/kiln/ccache";
inline constexpr const char* kBenchInside = "/kiln/bench";
inline constexpr const char* kOutInside = "/kiln/out";

struct MakeCall {
  SourceView source;
  os::Path objects;
  bool objects_writable = true;
  os::Path bench;  ///< "" = none
  os::Path out;    ///< for installed files, "" = none
  std::string arch;
  std::vector<std::string> targets;  ///< and options
  std::vector<std::string> argv;     ///< instead of the kernel's make, when not empty
  std::string cwd = kObjectsInside;
  Millis timeout{3'600'000};
  uint64_t memory_bytes = 6ULL << 30;
  bool background = false;  ///< takes only the processor time that nothing else wants
  std::function<void(std::string_view)> on_line;
};

/// Immutable: safe for concurrent use.
class KernelMake {
 public:
  KernelMake(Sandbox sandbox, os::Path ccache_dir, uint64_t ccache_limit, int jobs)
      : sandbox_(std::move(sandbox)),
        ccache_dir_(std::move(ccache_dir)),
        ccache_limit_(ccache_limit),
        jobs_(jobs) {}

  /// Makes the ccache folder and lets the sandbox's user write in it.
  Status prepare() const;
  Result<os::Exit> run(const MakeCall& call, std::stop_token stop = {}) const;
  [[nodiscard]] const Sandbox& sandbox() const { return sandbox_; }
  [[nodiscard]] int jobs() const { return jobs_; }
  /// Versions of what decides a build's bytes: "gcc (Debian 12.2.0-14+deb12u1) 12.2.0; ...".
  Result<std::string> toolchain() const;

 private:
  Sandbox sandbox_;
  os::Path ccache_dir_;
  uint64_t ccache_limit_;
  int jobs_;
};

}  // namespace kiln::builder
