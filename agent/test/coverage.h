#pragma once
/// What the machine does to count, test by test, which lines of a kernel built for coverage run:
/// IGT's hooks call a collector that copies gcov's counters and sets them to 0. Pure.
#include <cstdint>
#include <string>

namespace kiln::agent {

/// Where the kernel shows its counters.
inline constexpr const char* kGcov = "/sys/kernel/debug/gcov";

/// Folder of one phase's counts on the machine. In it: N/name (whose counts they are) and
/// N/PATH.gcda below it, as the kernel names them.
std::string coverage_folder(size_t phase);

/// The collector; goes to the stdin of coverage_begin_script().
std::string collector(const std::string& gcov = kGcov);

/// Installs the collector and sets counters aside that are no test's: `label` is their name. Fails
/// with kNoGcov when the kernel does not count.
std::string coverage_begin_script(const std::string& folder, const std::string& label,
                                  const std::string& gcov = kGcov);
inline constexpr int kNoGcov = 92;

/// For igt_runner's --hook.
std::string coverage_hook(const std::string& folder);

/// Takes what is left, as `label`, and prints all of the folder as a tar, compressed where the
/// machine has zstd. More than `max_bytes` is not printed: exit code kTooMuchCoverage.
std::string coverage_end_script(const std::string& folder, const std::string& label,
                                uint64_t max_bytes);
inline constexpr int kTooMuchCoverage = 93;

}  // namespace kiln::agent
