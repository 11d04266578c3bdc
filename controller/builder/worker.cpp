#include "controller/builder/worker.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <iostream>
#include <thread>

#include "lib/base/sync.h"
#include "lib/os/daemon.h"

namespace kiln::builder {
namespace {

namespace fs = std::filesystem;

constexpr int kSlots = 64;
constexpr Millis kSignalTick{200};
/// An engine ends all of a job's processes at once: a compiler that is killed may be seen before
/// the signal that says why.
constexpr Millis kAfterthought{1'000};

/// Keeps copies in the folder that goes back.
class FolderSink final : public ArtifactSink {
 public:
  FolderSink(os::Path folder, std::set<std::string> present)
      : folder_(std::move(folder)), present_(std::move(present)) {}
  Result<std::string> put_file(const os::Path& path) override {
    KILN_ASSIGN(std::string digest, os::sha256_file(path));
    std::error_code error;
    fs::copy_file(path, folder_ / digest, fs::copy_options::overwrite_existing, error);
    if (error) return fail(os::errno_error("write", folder_ / digest, error.value()));
    return digest;
  }
  Result<std::string> put(std::string_view bytes) override {
    std::string digest = os::sha256_hex(bytes);
    KILN_TRY(os::write_atomic(folder_ / digest, bytes));
    return digest;
  }
  [[nodiscard]] bool has(const std::string& digest) const override {
    return present_.contains(digest);
  }

 private:
  os::Path folder_;
  std::set<std::string> present_;
};

/// Says every few seconds that the job lives and how far it is.
class Pulse {
 public:
  Pulse(os::Path file, const WorkerPlace& place)
      : file_(std::move(file)), place_(place), thread_([this](const std::stop_token& stop) {
          while (!stop.stop_requested()) beat(stop);
        }) {}
  ~Pulse() {
    thread_.request_stop();
    now_.lock().notify_all();
  }
  Pulse(const Pulse&) = delete;
  Pulse& operator=(const Pulse&) = delete;
  void show(const BuildProgress& progress) { *now_.lock() = progress; }

 private:
  void beat(const std::stop_token& stop) {
    const BuildProgress shown = *now_.lock();
    // One that cannot be written is missed, no more.
    (void)os::write_atomic(file_, to_text(RemoteProgress{place_.node, shown, ++beats_}));
    now_.lock().wait_until(std::chrono::steady_clock::now() + place_.pulse,
                           [&stop] { return stop.stop_requested(); });
  }

  os::Path file_;
  const WorkerPlace& place_;
  Sync<BuildProgress> now_;
  int beats_ = 0;
  std::jthread thread_;  // last: it uses the others
};

/// Others may write where it lies (/var/tmp): one that somebody else made could hold anything.
Status make_own(const os::Path& folder) {
  KILN_TRY(os::make_dirs(folder));
  struct stat info {};
  if (::lstat(folder.c_str(), &info) != 0) return fail(os::errno_error("read", folder, errno));
  if (!S_ISDIR(info.st_mode) || info.st_uid != ::geteuid())
    return fail(Error(ErrorKind::kInfrastructure,
                      fmt::format("{} belongs to somebody else", folder.string()))
                    .with_hint("name another folder: `slurm: {scratch: ...}` in kilnd.yaml"));
  if (::chmod(folder.c_str(), 0700) != 0) return fail(os::errno_error("close", folder, errno));
  return {};
}

/// A folder of this computer that no other worker uses meanwhile; most computers ever need one.
class Slot {
 public:
  static Result<Slot> take(const os::Path& scratch) {
    KILN_TRY(os::make_dirs(scratch));
    for (int i = 0; i < kSlots; ++i) {
      const os::Path folder = scratch / fmt::format("slot-{}", i);
      KILN_TRY(os::make_dirs(folder));
      auto lock = os::FileLock::acquire(folder / "lock");
      if (lock) return Slot(folder, std::move(*lock));
      if (lock.error().kind != ErrorKind::kConflict) return fail(std::move(lock.error()));
    }
    return fail(ErrorKind::kInfrastructure,
                fmt::format("{} builds already run in {}", kSlots, scratch.string()));
  }
  [[nodiscard]] const os::Path& folder() const { return folder_; }

 private:
  Slot(os::Path folder, os::FileLock lock) : folder_(std::move(folder)), lock_(std::move(lock)) {}
  os::Path folder_;
  os::FileLock lock_;
};

/// One build of one request.
class Work {
 public:
  Work(RemoteRequest request, os::Path folder, const WorkerPlace& place, std::stop_token stop)
      : request_(std::move(request)), folder_(std::move(folder)), place_(place), stop_(stop) {}

  /// Fills out/ and says what is in it.
  Result<RemoteResult> run(const os::Path& out) {
    KILN_TRY(check_request());
    KILN_TRY(make_own(request_.scratch));
    const os::Path scratch = request_.scratch / place_.node;
    KILN_ASSIGN(const Slot slot, Slot::take(scratch));
    KILN_ASSIGN(const intake::Git git,
                intake::Git::attach(request_.sources, slot.folder() / "tmp" / "git"));
    BuilderOptions options;
    options.data_dir = slot.folder();
    options.ccache_dir = scratch / "ccache";
    options.jobs = request_.jobs;
    options.free_needed = request_.free_needed;
    FolderSink sink(out / kArtifactFolder, request_.present);
    KILN_ASSIGN(const auto builder, Builder::open(options, git, sink));
    KILN_TRY(check_tools(*builder));
    BuildRequest& build = request_.build;
    KILN_TRY(builder->collect({build.base_key}, {build.input.tree_id, build.base_tree_id}));
    Pulse pulse(folder_ / kProgressFile, place_);
    fetch_base(*builder, pulse);
    const auto progress = [&pulse](const BuildProgress& now) { pulse.show(now); };
    RemoteResult result;
    KILN_ASSIGN(result.record, builder->build(build, stop_, progress));
    pulse.show({"hand over", 0, 0, ""});
    if (builder->has_objects(result.record.key) && result.record.state == "built") {
      KILN_TRY(builder->export_objects(result.record.key, out / kObjectsFolder, stop_));
      result.objects = true;
    }
    return result;
  }

 private:
  Status check_request() {
    if (request_.version != place_.version)
      return fail(Error(ErrorKind::kInfrastructure,
                        fmt::format("{} has Kiln {}, the controller is {}", place_.node,
                                    place_.version, request_.version))
                      .with_hint("install the same Kiln on both"));
    if (place_.restarts > kMaxRestarts)
      return fail(ErrorKind::kInfrastructure,
                  fmt::format("the job was started again {} times", place_.restarts));
    if (request_.build.bench_dir.empty()) return {};
    request_.build.bench_dir = folder_ / kBenchFolder;
    KILN_ASSIGN(const std::string digest, folder_digest(request_.build.bench_dir));
    if (digest == request_.build.input.bench_digest) return {};
    return fail(ErrorKind::kInfrastructure, "the copy of the bench files is not what was asked");
  }

  /// The key says which tools make the kernel: others would make another one.
  Status check_tools(const Builder& builder) const {
    if (builder.toolchain() == request_.build.input.toolchain) return {};
    return fail(Error(ErrorKind::kInfrastructure,
                      fmt::format("{} would build with `{}`, the controller has `{}`", place_.node,
                                  builder.toolchain(), request_.build.input.toolchain))
                    .with_hint("install the same compiler and binutils on both, or keep builds "
                               "off that node (`extra` in kilnd.yaml)"));
  }

  /// Without them it is a full build of the same bytes.
  void fetch_base(const Builder& builder, Pulse& pulse) const {
    const std::string& key = request_.build.base_key;
    if (key.empty() || builder.has_objects(key)) return;
    pulse.show({"fetch objects", 0, 0, ""});
    const Status fetched = builder.import_objects(request_.objects, key, stop_);
    if (!fetched) std::cerr << "builds in full: " << render(fetched.error()) << "\n";
  }

  RemoteRequest request_;
  os::Path folder_;
  const WorkerPlace& place_;
  std::stop_token stop_;
};

/// Waits for the stop that may be on its way.
bool was_stopped(const std::stop_token& stop) {
  const auto until = std::chrono::steady_clock::now() + kAfterthought;
  while (!stop.stop_requested() && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(kSignalTick / 4);
  return stop.stop_requested();
}

std::string own_node() {
  if (const char* name = std::getenv("SLURMD_NODENAME"); name != nullptr) return name;
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "?";
}

}  // namespace

Status work(const os::Path& folder, const WorkerPlace& place, std::stop_token stop) {
  // Started again after it was done.
  if (const auto done = os::read_file(folder / kResultFile, kMaxBuildFile);
      done && parse_result(*done))
    return {};
  KILN_ASSIGN(const std::string text, os::read_file(folder / kRequestFile, kMaxBuildFile));
  KILN_ASSIGN(RemoteRequest request, parse_request(text));
  const std::string name = fmt::format("out-{}-{}-{}", place.node, place.restarts, ::getpid());
  const os::Path out = folder / name;
  KILN_TRY(os::make_dirs(out / kArtifactFolder));
  Work one(std::move(request), folder, place, stop);
  auto result = one.run(out);
  const bool built = result && result->record.state == "built";
  if (!built && was_stopped(stop)) {
    (void)os::remove_tree(out);
    return fail(ErrorKind::kCancelled, "the build was stopped");
  }
  RemoteResult written;
  if (result)
    written = std::move(*result);
  else
    written.error = std::move(result.error());
  written.node = place.node;
  written.folder = name;
  return os::write_atomic(folder / kResultFile, to_text(written));
}

int worker_main(const os::Path& folder, const char* version) {
  os::hold_signals();
  WorkerPlace place;
  place.node = own_node();
  place.version = version;
  if (const char* restarts = std::getenv("SLURM_RESTART_COUNT"); restarts != nullptr)
    place.restarts = std::atoi(restarts);
  std::stop_source stop;
  const std::jthread signals([&stop](const std::stop_token& end) {
    while (!end.stop_requested())
      if (os::wait_for_signal(kSignalTick) == os::Asked::kStop) stop.request_stop();
  });
  const Status done = work(folder, place, stop.get_token());
  if (!done) std::cerr << render(done.error()) << "\n";
  return done ? 0 : 1;
}

}  // namespace kiln::builder
