#pragma once
/// One numbered folder of a result directory: one execution of a test binary. Internal.
#include <string>
#include <string_view>
#include <vector>

#include "lib/igt/bounded.h"
#include "lib/igt/results.h"
#include "lib/os/files.h"

namespace kiln::igt {

/// The file if it is a regular one (a machine under test wrote this folder: links and pipes are
/// not followed); of a longer one both ends around a line `[... n bytes left out ...]`. "" and a
/// note when it cannot be read; "" alone when it is not there.
std::string read_both_ends(const os::Path& path, uint64_t max_bytes, const std::string& label,
                           std::vector<std::string>& notes);

/// Whether `path` is a regular file, no link.
bool is_plain_file(const os::Path& path);

/// The parts of a folder that the caller goes on with.
struct FolderReading {
  std::vector<TestResult> tests;
  std::string igt_version;
};

/// Reads folder `dir` of the list entry `entry` (its binary may be "": then what comms tells).
/// Unreadable pieces are told in `notes`, which name the folder `label`.
FolderReading read_folder(const os::Path& dir, const JobEntry& entry, const std::string& label,
                          const Limits& limits, Budget& budget, std::vector<std::string>& notes);

}  // namespace kiln::igt
