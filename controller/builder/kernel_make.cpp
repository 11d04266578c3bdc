#include "controller/builder/kernel_make.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/text.h"

namespace kiln::builder {

Status KernelMake::prepare() const {
  KILN_TRY(os::make_dirs(ccache_dir_));
  if (::geteuid() != 0) return {};
  // Once: a folder that another user filled becomes the sandbox user's. The mark says it is done.
  const os::Path mark = ccache_dir_ / "kiln-owner";
  struct stat info {};
  if (::stat(mark.c_str(), &info) == 0 && info.st_uid != 0) return {};
  KILN_TRY(os::write_atomic(mark, "the build sandbox's user owns this folder\n"));
  return sandbox_.give(ccache_dir_);
}

Result<os::Exit> KernelMake::run(const MakeCall& call, std::stop_token stop) const {
  SandboxJob job;
  job.mounts = {{call.source.root, kSourceInside, false},
                {call.objects, kObjectsInside, call.objects_writable},
                {ccache_dir_, kCcacheInside, true}};
  for (const auto& [path, file] : call.source.overlays)
    job.mounts.push_back({file, std::string(kSourceInside) + "/" + path, false});
  if (!call.bench.empty()) job.mounts.push_back({call.bench, kBenchInside, true});
  if (!call.out.empty()) job.mounts.push_back({call.out, kOutInside, true});
  job.env = {{"CCACHE_DIR", kCcacheInside},
             {"CCACHE_MAXSIZE", fmt::format("{}M", ccache_limit_ >> 20)},
             {"KBUILD_BUILD_TIMESTAMP", "Thu Jan  1 00:00:00 UTC 1970"},
             {"KBUILD_BUILD_USER", "kiln"},
             {"KBUILD_BUILD_HOST", "kiln"},
             {"KBUILD_BUILD_VERSION", "1"}};
  job.argv = call.argv;
  if (job.argv.empty()) {
    job.argv = {"make",
                "-C",
                kSourceInside,
                std::string("O=") + kObjectsInside,
                "ARCH=" + call.arch,
                "CC=ccache gcc"};
    job.argv.insert(job.argv.end(), call.targets.begin(), call.targets.end());
  }
  if (call.background) job.argv.insert(job.argv.begin(), {"nice", "-n", "19"});
  job.cwd = call.cwd;
  job.timeout = call.timeout;
  job.memory_bytes = call.memory_bytes;
  job.on_line = call.on_line;
  return sandbox_.run(job, stop);
}

Result<std::string> KernelMake::toolchain() const {
  SandboxJob job;
  job.argv = {
      "sh", "-c",
      "for t in gcc ld as; do $t --version | head -n 1; done\n"
      "for b in 32 64; do\n"
      "  case $(gcc -m$b -print-file-name=libc.a) in libc.a) ;; *) echo links -m$b ;; esac\n"
      "done\n"
      "for t in ccache make bison flex bc; do\n"
      "  command -v $t >/dev/null || echo missing: $t\n"
      "done"};
  job.timeout = Millis(30'000);
  KILN_ASSIGN(const os::Exit exit, sandbox_.run(job));
  std::vector<std::string> lines = split_lines(to_valid_utf8(exit.out));
  for (const std::string& line : lines)
    if (line.starts_with("missing:") || line.find("not found") != std::string::npos)
      return fail(
          Error(ErrorKind::kInfrastructure, "the tools to build a kernel are not all here: " + line)
              .with_hint("run: apt-get install gcc binutils make ccache bison flex bc"));
  if (!exit.ok() || lines.size() < 3)
    return fail(ErrorKind::kInfrastructure, "cannot find out the compiler's version");
  return join(lines, "; ");
}

}  // namespace kiln::builder
