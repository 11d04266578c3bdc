#pragma once
/// Runs compilers where they can do no harm: no network, an unprivileged user, only the named
/// folders, bounded time and memory. Safe for concurrent use after probe().
#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/os/files.h"
#include "lib/os/process.h"

namespace kiln::builder {

/// A folder or file of this computer seen inside the sandbox.
struct Mount {
  os::Path host;
  std::string inside;
  bool writable = false;
};

struct SandboxJob {
  std::vector<std::string> argv;
  std::vector<Mount> mounts;               ///< in order: a later one may lie inside an earlier
  std::map<std::string, std::string> env;  ///< all of it besides PATH, HOME and LC_ALL
  std::string cwd = "/";
  Millis timeout{600'000};
  uint64_t memory_bytes = 4ULL << 30;  ///< of all processes together, where cgroups are there
  std::function<void(std::string_view)> on_line;  ///< each line of stdout and stderr, in order
};

class Sandbox {
 public:
  /// Finds out by trying what this computer allows. kInfrastructure when bubblewrap is missing or
  /// cannot work here.
  static Result<Sandbox> probe();

  /// What is in force: "bubblewrap, uid 65534, no network, memory limited by cgroup v1".
  [[nodiscard]] const std::string& level() const { return level_; }

  /// The job's exit; a code other than 0 is no Error. Errors: the sandbox itself failed
  /// (kInfrastructure), memory ran out (kInfrastructure), time ran out (kTimeout), stopped
  /// (kCancelled).
  Result<os::Exit> run(const SandboxJob& job, std::stop_token stop = {}) const;

  /// Lets the sandbox's user write below `folder` (which it then owns). No-op unless root.
  Status give(const os::Path& folder) const;

 private:
  enum class Memory { kSystemd, kCgroup2, kCgroup1, kRlimit };
  Sandbox() = default;
  [[nodiscard]] std::vector<std::string> command(const SandboxJob& job) const;
  Result<os::Exit> run_plain(const SandboxJob& job, std::stop_token stop,
                             const os::Path& cgroup) const;

  std::string level_;
  bool chroot_ = false;  ///< "/" is no mount point here: bubblewrap needs a root that is one
  bool root_ = false;    ///< really another uid inside; else a user namespace
  Memory memory_ = Memory::kRlimit;
  os::Path cgroup_;  ///< parent of the jobs' groups
};

}  // namespace kiln::builder
