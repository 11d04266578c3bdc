#include "controller/builder/build_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "lib/base/text.h"
#include "lib/kernel/elf.h"

namespace kiln::builder {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxLog = 48u << 20;
constexpr uint64_t kMaxConfig = 4 << 20;

std::string image_path(const std::string& arch) {
  if (arch == "i386" || arch == "x86_64" || arch == "x86") return "arch/x86/boot/bzImage";
  return "arch/" + arch + "/boot/Image";
}

bool says_no_space(std::string_view line) {
  return line.find("No space left on device") != std::string_view::npos ||
         line.find("Disk quota exceeded") != std::string_view::npos;
}

/// The compiler was killed: memory, or somebody.
bool says_killed(std::string_view line) {
  return line.find("fatal error: Killed signal terminated program") != std::string_view::npos ||
         line.find("out of memory allocating") != std::string_view::npos ||
         line.find("virtual memory exhausted") != std::string_view::npos ||
         line.find("Cannot allocate memory") != std::string_view::npos;
}

/// Headers that out-of-tree modules may include.
bool is_public_header(std::string_view path) {
  return path.starts_with("include/") || path.find("/include/") != std::string_view::npos ||
         path.starts_with("scripts/") || path == "Makefile";
}

}  // namespace

BuildRun::BuildRun(const BuildRequest& request, const KernelMake& make, const TreeStore& trees,
                   const ObjectStore& objects, ArtifactSink& sink, std::stop_token stop,
                   const OnProgress& progress)
    : request_(request),
      make_(make),
      trees_(trees),
      objects_(objects),
      sink_(sink),
      stop_(std::move(stop)),
      progress_(progress),
      started_(std::chrono::steady_clock::now()),
      parser_(kSourceInside, kObjectsInside) {}

BuildRun::~BuildRun() {
  if (!committed_ && !temp_.empty()) objects_.abandon(temp_);
}

void BuildRun::show(const std::string& phase) {
  if (progress_) progress_({phase, parser_.compilations(), expected_, parser_.last_step()});
}

Result<Millis> BuildRun::time_left() const {
  const auto spent =
      std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - started_);
  if (spent >= request_.timeout)
    return fail(ErrorKind::kTimeout,
                fmt::format("the build did not end within {}", human_duration(request_.timeout)));
  return request_.timeout - spent;
}

Result<kernel::BuildRecord> BuildRun::run() {
  record_.key = kernel::build_key(request_.input);
  record_.state = "built";
  record_.config_digest = os::sha256_hex(request_.input.config_text);
  KILN_TRY(prepare_objects());
  KILN_TRY(make_kernel());
  if (!failed()) KILN_TRY(install_modules());
  if (!failed()) KILN_TRY(build_bench());
  if (!failed()) KILN_TRY(store_kernel());
  KILN_TRY(store_log());
  if (!failed()) KILN_TRY(finish());
  record_.elapsed = std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - started_);
  return record_;
}

Status BuildRun::prepare_objects() {
  const kernel::BuildInput& input = request_.input;
  base_ = objects_.find(request_.base_key);
  if (base_ && (base_->arch != input.arch || base_->config_digest != record_.config_digest ||
                base_->toolchain != input.toolchain))
    base_.reset();  // another kernel altogether
  expected_ = base_ ? 0 : objects_.expected_compilations(record_.config_digest);
  show("source");
  // The files that differ are given a time of now, after the objects' times.
  KILN_ASSIGN(source_,
              trees_.view(input.tree_id, base_ ? base_->tree_id : request_.base_tree_id, stop_));
  show("objects");
  KILN_ASSIGN(temp_, objects_.begin(record_.key));
  if (base_) {
    KILN_TRY(objects_.clone(request_.base_key, temp_, stop_));
    record_.incremental = true;
  } else {
    KILN_TRY(os::make_dirs(temp_ / "obj"));
    KILN_TRY(os::write_atomic(temp_ / "obj" / ".config", input.config_text));
    KILN_TRY(make_.sandbox().give(temp_ / "obj"));
  }
  return {};
}

Result<os::Exit> BuildRun::call(MakeCall call, const std::string& phase) {
  call.source = source_;
  call.objects = temp_ / "obj";
  call.arch = request_.input.arch;
  KILN_ASSIGN(call.timeout, time_left());
  call.memory_bytes = request_.memory_bytes;
  call.on_line = [this, phase](std::string_view line) {
    if (log_.size() < kMaxLog) {
      log_.append(line);
      log_ += '\n';
    }
    no_space_ = no_space_ || says_no_space(line);
    killed_ = killed_ || says_killed(line);
    parser_.line(line);
    show(phase);
  };
  show(phase);
  return make_.run(call, stop_);
}

/// Tells a failed build from a failure of this computer.
Status BuildRun::judge(const Result<os::Exit>& result, const std::string& what) {
  if (!result) {
    Error error = result.error();
    return fail(std::move(error).while_doing("while " + what));
  }
  if (result->ok()) return {};
  const auto free = os::free_bytes(temp_);
  if (no_space_ || (free && *free < (1 << 20)))
    return fail(Error(os::errno_error("write", temp_, ENOSPC)).while_doing("while " + what));
  if (killed_ || result->signal != 0)
    return fail(Error(ErrorKind::kInfrastructure, "the compiler was killed, probably for memory")
                    .while_doing("while " + what));
  const auto error = parser_.first_error();
  record_.state = "failed";
  record_.error =
      error ? kernel::to_text(*error)
            : fmt::format("make ended with exit code {} and named no error", result->code);
  return {};
}

Status BuildRun::make_kernel() {
  if (!request_.input.profiled.empty()) return make_profiled();
  MakeCall make;
  // Output by target, so that warnings stand behind the unit they belong to.
  make.targets = {fmt::format("-j{}", make_.jobs()), "--output-sync=target"};
  KILN_TRY(judge(call(make, "compile"), "building the kernel"));
  carry_warnings();
  return {};
}

/// Units that were not compiled again keep the warnings of the build that this one started from.
void BuildRun::carry_warnings() {
  std::map<std::string, std::vector<kernel::Warning>> all = parser_.warnings();
  if (base_)
    for (const auto& [unit, list] : base_->warnings)
      if (!unit.empty() && !parser_.units().contains(unit)) all.emplace(unit, list);
  for (const auto& [unit, list] : all)
    for (const kernel::Warning& w : list)
      if (std::find(record_.warnings.begin(), record_.warnings.end(), w) == record_.warnings.end())
        record_.warnings.push_back(w);
  std::sort(record_.warnings.begin(), record_.warnings.end(),
            [](const kernel::Warning& a, const kernel::Warning& b) {
              return std::tie(a.file, a.line, a.text) < std::tie(b.file, b.line, b.text);
            });
  meta_.warnings = std::move(all);
}

Status BuildRun::install_modules() {
  const os::Path out = temp_ / "out";
  KILN_TRY(os::make_dirs(out));
  KILN_TRY(make_.sandbox().give(out));
  KILN_ASSIGN(const std::string release,
              os::read_file(temp_ / "obj" / "include/config/kernel.release", 1024));
  record_.release = trim(release);
  MakeCall make;
  make.out = out;
  make.targets = {"-s", fmt::format("-j{}", make_.jobs()), "modules_install",
                  std::string("INSTALL_MOD_PATH=") + kOutInside, "INSTALL_MOD_STRIP=1"};
  KILN_TRY(judge(call(make, "modules"), "installing the modules"));
  if (failed()) return {};
  const os::Path modules = out / "lib" / "modules" / record_.release;
  if (!fs::exists(modules)) return {};  // a kernel without modules
  KILN_ASSIGN(const std::vector<os::Path> files, os::list_files(modules));
  for (const os::Path& file : files) {
    if (file.extension() != ".ko") continue;
    std::string name = file.stem().string();
    std::replace(name.begin(), name.end(), '-', '_');
    auto id = kernel::elf_build_id(modules / file);
    if (id)
      record_.module_build_ids[name] = *id;
    else if (id.error().kind != ErrorKind::kNotFound)
      return fail(std::move(id.error()));
  }
  const os::Path packed = temp_ / "modules.tar.zst";
  KILN_TRY(pack_folder(out, packed, stop_));
  KILN_ASSIGN(record_.modules_digest, sink_.put_file(packed));
  return {};
}

bool BuildRun::bench_is_the_same() const {
  if (!base_ || base_->bench_source != request_.input.bench_digest || base_->symvers.empty() ||
      base_->symvers != meta_.symvers || base_->bench_digest.empty() ||
      !sink_.has(base_->bench_digest))
    return false;
  const auto list = trees_.changes(base_->tree_id, request_.input.tree_id);
  return list && std::none_of(list->begin(), list->end(), [](const TreeChange& change) {
           return is_public_header(change.path);
         });
}

Status BuildRun::build_bench() {
  if (auto digest = os::sha256_file(temp_ / "obj" / "Module.symvers")) meta_.symvers = *digest;
  if (request_.bench_dir.empty()) return {};
  if (bench_is_the_same()) {
    // Same sources, exported symbols and headers: the same bytes.
    record_.bench_digest = base_->bench_digest;
    return {};
  }
  const os::Path bench = temp_ / "bench";
  KILN_ASSIGN(const std::vector<os::Path> files, source_files(request_.bench_dir));
  for (const os::Path& file : files) {
    KILN_TRY(os::make_dirs((bench / file).parent_path()));
    std::error_code error;
    fs::copy_file(request_.bench_dir / file, bench / file, error);
    if (error) return fail(os::errno_error("copy", request_.bench_dir / file, error.value()));
  }
  KILN_TRY(make_.sandbox().give(bench));
  MakeCall make;
  make.bench = bench;
  make.targets = {fmt::format("-j{}", make_.jobs()), "--output-sync=target",
                  std::string("M=") + kBenchInside, "modules"};
  KILN_TRY(judge(call(make, "bench"), "building the bench module"));
  if (failed()) return {};
  MakeCall programs;
  programs.bench = bench;
  programs.cwd = kBenchInside;
  programs.argv = {"make", "programs", "ARCH=" + request_.input.arch};
  KILN_TRY(judge(call(programs, "bench"), "building the bench programs"));
  if (failed()) return {};
  const os::Path packed = temp_ / "bench.tar.zst";
  KILN_TRY(pack_folder(bench, packed, stop_));
  KILN_ASSIGN(record_.bench_digest, sink_.put_file(packed));
  return {};
}

Status BuildRun::store_kernel() {
  show("store");
  const os::Path objects = temp_ / "obj";
  KILN_ASSIGN(record_.kernel_build_id, kernel::elf_build_id(objects / "vmlinux"));
  KILN_ASSIGN(record_.image_digest, sink_.put_file(objects / image_path(request_.input.arch)));
  meta_.image_digest = record_.image_digest;
  KILN_ASSIGN(meta_.vmlinux_raw, os::sha256_file(objects / "vmlinux"));
  if (base_ && base_->vmlinux_raw == meta_.vmlinux_raw && sink_.has(base_->vmlinux_digest)) {
    record_.vmlinux_digest = base_->vmlinux_digest;
  } else {
    KILN_TRY(compress_file(objects / "vmlinux", temp_ / "vmlinux.zst"));
    KILN_ASSIGN(record_.vmlinux_digest, sink_.put_file(temp_ / "vmlinux.zst"));
  }
  if (base_ && base_->image_digest == meta_.image_digest)
    record_.notes.emplace_back(
        "the kernel image is the baseline's byte for byte: only modules differ");
  KILN_ASSIGN(const std::string config, os::read_file(objects / ".config", kMaxConfig));
  if (config != request_.input.config_text)
    record_.notes.emplace_back("make changed the resolved configuration while building");
  KILN_ASSIGN(const std::string kept, sink_.put(request_.input.config_text));
  if (kept != record_.config_digest)
    return fail(ErrorKind::kInternal, "the artifact store gave the configuration another digest");
  return {};
}

Status BuildRun::store_log() {
  KILN_ASSIGN(const std::string packed, compress(log_));
  KILN_ASSIGN(record_.log_digest, sink_.put(packed));
  return {};
}

Status BuildRun::finish() {
  // Nothing starts from a kernel that counts: its objects are not kept.
  if (!request_.input.profiled.empty()) return {};
  meta_.tree_id = request_.input.tree_id;
  meta_.arch = request_.input.arch;
  meta_.config_digest = record_.config_digest;
  meta_.toolchain = request_.input.toolchain;
  meta_.compilations = base_ ? base_->compilations : parser_.compilations();
  meta_.vmlinux_digest = record_.vmlinux_digest;
  meta_.bench_source = request_.input.bench_digest;
  meta_.bench_digest = record_.bench_digest;
  for (const char* name : {"out", "bench", "modules.tar.zst", "bench.tar.zst", "vmlinux.zst"})
    KILN_TRY(os::remove_tree(temp_ / name));
  KILN_TRY(objects_.commit(temp_, record_.key, meta_));
  committed_ = true;
  return {};
}

}  // namespace kiln::builder
