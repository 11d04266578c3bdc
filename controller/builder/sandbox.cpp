#include "controller/builder/sandbox.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "lib/base/text.h"

namespace kiln::builder {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kBuildUid = 65534;  // nobody
constexpr Millis kProbeTimeout{20'000};

Status write_value(const os::Path& path, const std::string& value) {
  std::ofstream file(path);
  file << value << std::flush;
  if (!file) return fail(os::errno_error("write", path, errno));
  return {};
}

/// The cgroup folder of this process for `controller` ("" = the unified hierarchy), or "".
os::Path own_cgroup(std::string_view controller) {
  const auto text = os::read_file("/proc/self/cgroup", 1 << 16);
  if (!text) return {};
  for (const std::string& line : split_lines(*text)) {
    const std::vector<std::string> parts = split(line, ':');
    if (parts.size() < 3) continue;
    const os::Path below = fs::path(parts[2]).relative_path();
    if (controller.empty() && parts[0] == "0") return os::Path("/sys/fs/cgroup") / below;
    for (const std::string& name : split(parts[1], ','))
      if (!controller.empty() && name == controller)
        return os::Path("/sys/fs/cgroup") / controller / below;
  }
  return {};
}

/// A group for one job; removed at the end.
class JobGroup {
 public:
  static Result<JobGroup> make(const os::Path& parent, bool unified, uint64_t bytes) {
    static std::atomic<unsigned> counter{0};
    const os::Path folder = parent / fmt::format("kiln-{}-{}", ::getpid(), ++counter);
    std::error_code error;
    fs::create_directory(folder, error);
    if (error) return fail(os::errno_error("make", folder, error.value()));
    JobGroup group(folder);
    const char* limit = unified ? "memory.max" : "memory.limit_in_bytes";
    KILN_TRY(write_value(folder / limit, std::to_string(bytes)));
    if (unified) (void)write_value(folder / "memory.swap.max", "0");
    return group;
  }
  JobGroup(JobGroup&& other) noexcept : folder_(std::exchange(other.folder_, {})) {}
  JobGroup& operator=(JobGroup&&) = delete;
  ~JobGroup() {
    if (!folder_.empty()) ::rmdir(folder_.c_str());
  }
  [[nodiscard]] const os::Path& folder() const { return folder_; }
  [[nodiscard]] bool ran_out() const {
    for (const char* name : {"memory.events", "memory.oom_control"}) {
      const auto text = os::read_file(folder_ / name, 4096);
      if (!text) continue;
      for (const std::string& line : split_lines(*text))
        if (line.starts_with("oom_kill ") && line != "oom_kill 0") return true;
    }
    return false;
  }

 private:
  explicit JobGroup(os::Path folder) : folder_(std::move(folder)) {}
  os::Path folder_;
};

/// Those of processes that are gone: a living one's may be empty for a moment, too.
void remove_old_groups(const os::Path& parent) {
  std::error_code error;
  for (fs::directory_iterator it(parent, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (!name.starts_with("kiln-")) continue;
    const pid_t owner = std::atoi(name.c_str() + 5);
    if (owner <= 0 || (::kill(owner, 0) != 0 && errno == ESRCH)) ::rmdir(it->path().c_str());
  }
}

}  // namespace

std::vector<std::string> Sandbox::command(const SandboxJob& job) const {
  std::vector<std::string> argv;
  if (chroot_)
    argv = {"unshare",
            "--mount",
            "--propagation",
            "unchanged",
            "sh",
            "-c",
            "mkdir -p /run/kiln-root && mount --rbind / /run/kiln-root && "
            "mount --make-rslave /run/kiln-root && exec chroot /run/kiln-root \"$@\"",
            "sh"};
  argv.insert(argv.end(), {"prlimit", "--core=0:0"});
  if (memory_ == Memory::kRlimit) argv.push_back(fmt::format("--as={0}:{0}", job.memory_bytes));
  argv.emplace_back("bwrap");
  const auto add = [&argv](std::initializer_list<std::string> words) {
    argv.insert(argv.end(), words);
  };
  add({"--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
       "--die-with-parent"});
  if (!root_) add({"--unshare-user"});
  add({"--ro-bind",
       "/usr",
       "/usr",
       "--symlink",
       "usr/bin",
       "/bin",
       "--symlink",
       "usr/lib",
       "/lib",
       "--symlink",
       "usr/lib64",
       "/lib64",
       "--symlink",
       "usr/lib32",
       "/lib32",
       "--symlink",
       "usr/sbin",
       "/sbin",
       "--dir",
       "/etc",
       "--ro-bind-try",
       "/etc/alternatives",
       "/etc/alternatives",
       "--proc",
       "/proc",
       "--dev",
       "/dev",
       "--perms",
       "1777",
       "--size",
       std::to_string(1ULL << 30),
       "--tmpfs",
       "/tmp",
       "--dir",
       "/kiln"});
  for (const Mount& mount : job.mounts)
    add({mount.writable ? "--bind" : "--ro-bind", mount.host.string(), mount.inside});
  add({"--chdir", job.cwd, "--clearenv", "--setenv", "PATH", "/usr/bin:/bin", "--setenv", "HOME",
       "/tmp", "--setenv", "LC_ALL", "C"});
  for (const auto& [name, value] : job.env) add({"--setenv", name, value});
  add({"--"});
  if (root_) {
    const std::string id = std::to_string(kBuildUid);
    add({"setpriv", "--reuid=" + id, "--regid=" + id, "--clear-groups", "--inh-caps=-all",
         "--bounding-set=-all"});
  }
  add({"sh", "-c", "exec \"$@\" 2>&1", "sh"});
  argv.insert(argv.end(), job.argv.begin(), job.argv.end());
  return argv;
}

Result<os::Exit> Sandbox::run_plain(const SandboxJob& job, std::stop_token stop,
                                    const os::Path& cgroup) const {
  os::Command command;
  command.argv = this->command(job);
  if (memory_ == Memory::kSystemd) {
    const std::vector<std::string> scope{"systemd-run",
                                         "--quiet",
                                         "--scope",
                                         "--collect",
                                         fmt::format("--property=MemoryMax={}", job.memory_bytes),
                                         "--property=MemorySwapMax=0",
                                         "--"};
    command.argv.insert(command.argv.begin(), scope.begin(), scope.end());
  } else if (!cgroup.empty()) {
    const std::vector<std::string> enter{"sh", "-c", "echo $$ >\"$0\" && exec \"$@\"",
                                         (cgroup / "cgroup.procs").string()};
    command.argv.insert(command.argv.begin(), enter.begin(), enter.end());
  }
  command.timeout = job.timeout;
  command.on_line = job.on_line;
  command.max_capture = 64 << 10;
  KILN_ASSIGN(os::Exit exit, os::run(command, stop));
  if (exit.timed_out)
    return fail(ErrorKind::kTimeout, fmt::format("`{}` did not end within {}", job.argv.front(),
                                                 human_duration(job.timeout)));
  for (const char* tool :
       {"bwrap: ", "setpriv: ", "prlimit: ", "sh: ", "unshare: ", "mount: ", "chroot: "})
    if (exit.code != 0 && exit.err.starts_with(tool))
      return fail(ErrorKind::kInfrastructure,
                  fmt::format("the build sandbox does not start: {}",
                              to_valid_utf8(trim(exit.err.substr(0, 500)))));
  return exit;
}

Result<os::Exit> Sandbox::run(const SandboxJob& job, std::stop_token stop) const {
  if (memory_ != Memory::kCgroup1 && memory_ != Memory::kCgroup2) return run_plain(job, stop, {});
  KILN_ASSIGN(const JobGroup group,
              JobGroup::make(cgroup_, memory_ == Memory::kCgroup2, job.memory_bytes));
  KILN_ASSIGN(os::Exit exit, run_plain(job, stop, group.folder()));
  if (exit.code != 0 && group.ran_out())
    return fail(
        Error(ErrorKind::kInfrastructure,
              fmt::format("the build needed more than {} of memory", human_bytes(job.memory_bytes)))
            .with_hint("raise the job's `build_memory`, or use fewer parallel jobs"));
  return exit;
}

Result<Sandbox> Sandbox::probe() {
  if (os::find_program("bwrap").empty())
    return fail(Error(ErrorKind::kInfrastructure, "bubblewrap is not installed: builds run in it")
                    .with_hint("run: apt-get install bubblewrap"));
  Sandbox sandbox;
  SandboxJob job;
  job.argv = {"true"};
  job.timeout = kProbeTimeout;
  job.memory_bytes = 1ULL << 30;
  std::string failure;
  bool works = false;
  struct Way {
    bool root, chroot;
  };
  for (const Way way : {Way{true, false}, Way{true, true}, Way{false, false}}) {
    if (way.root && ::geteuid() != 0) continue;
    sandbox.root_ = way.root;
    sandbox.chroot_ = way.chroot;
    const auto exit = sandbox.run_plain(job, {}, {});
    works = exit && exit->ok();
    if (works) break;
    failure = exit ? fmt::format("exit code {}", exit->code) : exit.error().message;
  }
  if (!works)
    return fail(
        Error(ErrorKind::kInfrastructure,
              fmt::format("bubblewrap does not work on this computer: {}", failure))
            .with_hint("allow user namespaces: sudo sysctl kernel.unprivileged_userns_clone=1 (a "
                       "chroot has none), or run as root"));
  std::string memory = "memory limited per process only";
  const auto try_level = [&](Memory level, const os::Path& parent, const char* words) {
    if (sandbox.memory_ != Memory::kRlimit) return;
    sandbox.memory_ = level;
    sandbox.cgroup_ = parent;
    if (!parent.empty()) remove_old_groups(parent);
    const auto exit = sandbox.run(job);
    if (exit && exit->ok())
      memory = words;
    else
      sandbox.memory_ = Memory::kRlimit;
  };
  if (::geteuid() == 0 && fs::exists("/run/systemd/system"))
    try_level(Memory::kSystemd, {}, "memory limited by systemd");
  if (const os::Path v2 = own_cgroup(""); !v2.empty() && fs::exists(v2 / "cgroup.controllers"))
    try_level(Memory::kCgroup2, v2, "memory limited by cgroup v2");
  if (const os::Path v1 = own_cgroup("memory"); !v1.empty() && fs::exists(v1))
    try_level(Memory::kCgroup1, v1, "memory limited by cgroup v1");
  sandbox.level_ = fmt::format(
      "bubblewrap, {}, no network, {}",
      sandbox.root_ ? fmt::format("uid {}", kBuildUid) : std::string("a user namespace"), memory);
  return sandbox;
}

Status Sandbox::give(const os::Path& folder) const {
  if (!root_) return {};
  std::error_code error;
  const auto change = [](const os::Path& path) {
    return ::lchown(path.c_str(), kBuildUid, kBuildUid) == 0 || errno == ENOENT;
  };
  if (!change(folder)) return fail(os::errno_error("change the owner of", folder, errno));
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error))
    if (!change(it->path())) return fail(os::errno_error("change the owner of", it->path(), errno));
  if (error) return fail(os::errno_error("read", folder, error.value()));
  return {};
}

}  // namespace kiln::builder
