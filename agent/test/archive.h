#pragma once
/// Tars and zstd on the host's side: what goes to a machine and what comes back. libarchive and
/// libzstd stay in this file pair. Everything read is hostile.
#include <map>
#include <set>
#include <string>

#include "lib/base/result.h"
#include "lib/os/files.h"

namespace kiln::agent {

/// Decompresses one zstd file; refuses more than max_bytes.
Status decompress_file(const os::Path& from, const os::Path& to, uint64_t max_bytes);
Status compress_file(const os::Path& from, const os::Path& to);
/// Whether a file begins as a zstd frame does.
bool is_compressed(const os::Path& file);

struct UnpackLimits {
  uint64_t max_bytes = 2ULL << 30;
  size_t max_entries = 200'000;
};
struct Unpacked {
  size_t files = 0;
  bool cut_off = false;  ///< the archive ended in the middle; what came before is there
};
/// Unpacks regular files and folders of a tar (also compressed) below `folder`. Links, devices,
/// absolute names and `..` are left out. An archive cut off in the middle is no error.
Result<Unpacked> unpack_tar(const os::Path& tar, const os::Path& folder, UnpackLimits limits = {});

/// GNU build ids of kernel modules (NAME.ko, 32 or 64 bit) in a tar, for the names asked.
Result<std::map<std::string, std::string>> module_build_ids(const os::Path& tar,
                                                            const std::set<std::string>& modules);
/// The build id in an ELF object's .note.gnu.build-id, or "".
std::string build_id_of_elf(std::string_view elf);

}  // namespace kiln::agent
