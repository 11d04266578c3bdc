#pragma once
/// Command lines of igt_runner and its companions, as data. Pure.
#include <string>
#include <vector>

#include "lib/base/clock.h"

namespace kiln::igt {

/// Where Debian's igt-gpu-tools-tests puts the test binaries.
inline constexpr const char* kTestRoot = "/usr/libexec/igt-gpu-tools";

struct RunnerOptions {
  std::string test_list;  ///< path on the machine
  std::string results;    ///< folder on the machine; what is there is deleted
  std::string test_root = kTestRoot;
  Millis per_test{60'000};  ///< of one subtest; rounded up to whole seconds
  Millis overall{0};        ///< no further test starts after it; 0 = none
  /// Kill a test whose output and kernel log grow beyond this; 0 = no limit.
  unsigned long long disk_limit_bytes = 64ULL << 20;
  /// Stop the run when the kernel is fatally tainted or lockdep gave up: "taint", "lockdep",
  /// "ping", "all". Empty = go on.
  std::vector<std::string> abort_on;
  std::vector<std::string> environment;  ///< KEY=VALUE for the tests
  std::vector<std::string> hooks;        ///< EVENTS:COMMAND, run by each test at its events
};

/// igt_runner with whole seconds, every result synced to disk before the next test.
std::vector<std::string> runner_argv(const RunnerOptions& options);
/// Goes on after the test that a crash or a kill interrupted.
std::vector<std::string> resume_argv(const std::string& results);
/// Writes results.json of a folder whose run did not end.
std::vector<std::string> results_argv(const std::string& results);

}  // namespace kiln::igt
