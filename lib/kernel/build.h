#pragma once
/// What a kernel build is and what came out of it. Plain data.
#include <map>
#include <string>
#include <vector>

#include "lib/base/clock.h"

namespace kiln::kernel {

struct Warning {
  std::string file;  ///< relative to the source's root
  int line = 0;
  std::string text;  ///< "unused variable 'x' [-Wunused-variable]"
  bool operator==(const Warning&) const = default;
};

/// All that decides a build's bytes.
struct BuildInput {
  std::string tree_id;       ///< git tree of source + helpers (+ series)
  std::string arch;          ///< "i386" or "x86_64"
  std::string config_text;   ///< resolved .config
  std::string toolchain;     ///< id: versions of gcc, binutils, ...
  std::string bench_digest;  ///< digest of the bench_files folder, "" = none
  /// Sources whose objects count their lines, sorted; empty = a kernel as it is judged.
  std::vector<std::string> profiled{};
};

/// sha256 over the input's fields, domain separated; 64 hex digits.
std::string build_key(const BuildInput& input);

/// A finished build. Digests are ids in the blob store.
struct BuildRecord {
  std::string key;
  std::string state;            ///< "built" | "failed"
  std::string release;          ///< uname -r
  std::string kernel_build_id;  ///< GNU build id of vmlinux, hex
  std::map<std::string, std::string> module_build_ids;
  std::string config_digest;   ///< sha256 of the resolved .config text
  std::string image_digest;    ///< bzImage
  std::string modules_digest;  ///< tar.zst of lib/modules/RELEASE
  std::string vmlinux_digest;  ///< zstd
  std::string bench_digest;    ///< tar.zst of built bench files, "" = none
  std::string log_digest;      ///< zstd of the build's output
  /// tar.zst of what reading its counters takes (docs/reach.md); "" = it does not count
  std::string coverage_digest;
  std::vector<Warning> warnings;
  std::string error;  ///< first error, "drivers/...c:12: ..." when failed
  bool incremental = false;
  Millis elapsed{0};
  std::vector<std::string> notes;  ///< "the kernel image is the baseline's byte for byte"
};

}  // namespace kiln::kernel
