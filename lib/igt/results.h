#pragma once
/// Reads igt_runner's result directory, complete or half written. Reading is bounded whatever the
/// directory holds: binary garbage, gigabyte files, cut JSON; what was unreadable is told in notes.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/os/files.h"

namespace kiln::igt {

/// One (sub)test. Texts are raw bytes; a long one keeps its beginning and its end around a line
/// `[... 123 bytes left out ...]`.
struct TestResult {
  std::string test;     ///< igt@binary[@subtest[@dynamic]], lower case as igt_runner reports
  std::string outcome;  ///< "pass" "fail" "skip" "crash" "timeout" "incomplete" "abort" "notrun"
                        ///< "warn" "dmesg-warn" "dmesg-fail"
  double seconds = 0;
  std::string reason;  ///< one line of valid UTF-8, "" for a pass
  std::string out;
  std::string err;
  std::string dmesg;         ///< `<level> [seconds] text` lines while it ran
  std::string kernel_words;  ///< those of level warning or worse, without IGT's own
};

struct Results {
  std::vector<TestResult> tests;     ///< in the order of the run; no name twice
  std::vector<std::string> planned;  ///< what igt_runner had on its list, as reported
  std::vector<std::string> notes;    ///< what was missing or unreadable, for people
  std::string igt_version;           ///< "2.5"
  std::string uname;
  std::string aborted;     ///< why igt_runner gave up, "" = it did not
  bool from_json = false;  ///< results.json was there and whole
  bool ended = false;      ///< igt_runner came to its end (endtime.txt)
};

struct Limits {
  size_t text_bytes = 64 << 10;          ///< of each out, err and dmesg
  size_t words_bytes = 16 << 10;         ///< of kernel_words
  size_t total_bytes = 128 << 20;        ///< of all texts together
  size_t max_tests = 20'000;             ///< results and list entries
  uint64_t file_bytes = 16ULL << 20;     ///< read of out.txt, err.txt, dmesg.txt: both ends
  uint64_t json_bytes = 64ULL << 20;     ///< a longer results.json is not read
  uint64_t comms_bytes = 1024ULL << 20;  ///< of one test's comms
};

/// kNotFound when there is no result directory at `dir`. A test that started and did not end is
/// "incomplete", one that was on the list and has no result is "notrun".
Result<Results> read_results(const os::Path& dir, const Limits& limits = {});

/// results.json's text alone (results_version 10). A cut or broken text gives what stands before
/// the damage, and a note.
Results parse_results_json(std::string_view text, const Limits& limits = {});

/// One line of joblist.txt, `binary subtest,subtest@dynamic`.
struct JobEntry {
  std::string binary;
  std::vector<std::string> subtests;  ///< empty = the whole binary

  /// What it asks for, as reported.
  [[nodiscard]] std::vector<std::string> names() const;
};
std::vector<JobEntry> parse_joblist(std::string_view text, size_t max_entries);

}  // namespace kiln::igt
