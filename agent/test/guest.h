#pragma once
/// What the agent says to the machine's shell around igt_runner, and how it reads the answers.
/// Pure.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::agent {

/// Folder of one phase on the machine.
std::string phase_folder(size_t phase);

/// Runs `command` unless it has run to a good end for that token, which is another in each boot:
/// for one that may be asked for again because its connection broke, and was under way all the
/// same. Its words come only when it fails, on stderr.
std::string once_script(const std::string& token, const std::string& command);

/// Stores its stdin as the phase's test list, in an empty folder. Fails when not all of it came.
std::string list_script(const std::string& folder, size_t size);

/// Starts `argv` in a session of its own, so that it outlives the connection; output goes to
/// FOLDER/out.ATTEMPT, the exit code to FOLDER/exit.ATTEMPT. Prints the process id.
std::string start_script(const std::string& folder, int attempt,
                         const std::vector<std::string>& argv);

/// On stderr, after the exit code, when igt_runner stopped on a monitored error.
inline constexpr std::string_view kAbortedWord = "kiln-aborted";

/// Prints the runner's output from byte `offset` on, until it ends; then its exit code on stderr.
std::string follow_script(const std::string& folder, int attempt, uint64_t offset);

/// Ends the runner and its tests.
std::string kill_script(const std::string& folder, int attempt);

/// Kills the test that the runner could not end, with its whole group; the runner goes on.
std::string kill_test_script(const std::string& folder, int attempt);

/// Shortens what is too long in the results (a test may have printed a gigabyte), telling each as
/// "kiln-cut SIZE NAME" on stderr, and prints a tar of the results, compressed where the machine
/// has zstd.
std::string fetch_script(const std::string& folder, uint64_t max_file_bytes,
                         uint64_t max_total_bytes);
struct Cut {
  unsigned long long bytes = 0;
  std::string file;  ///< relative to the results folder
};
std::vector<Cut> read_cuts(std::string_view text);

/// igt_runner's "[0123.456] [04/20] i915_selftest (mock)".
struct TestStart {
  int index = 0;
  int total = 0;
  std::string test;  ///< igt@i915_selftest@mock; igt@BINARY when several subtests run in one go
};
std::optional<TestStart> read_test_start(std::string_view line);

}  // namespace kiln::agent
