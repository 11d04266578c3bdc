#include "lib/igt/folder.h"

#include <fmt/format.h>

#include <algorithm>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/igt/collector.h"
#include "lib/igt/comms.h"
#include "lib/igt/kmsg.h"
#include "lib/igt/name.h"
#include "lib/igt/reason.h"
#include "lib/igt/text_log.h"

namespace kiln::igt {
namespace {

constexpr uint64_t kPortion = 1 << 20;

/// What comms told besides the tests.
struct CommsReading {
  bool used = false;
  std::string binary;
  std::string version;
};

CommsReading read_comms(const os::Path& path, Collector& into, const std::string& label,
                        const Limits& limits, std::vector<std::string>& notes) {
  CommsReading reading;
  if (!is_plain_file(path)) return reading;
  CommsReader reader(into);
  uint64_t offset = 0;
  while (offset < limits.comms_bytes) {
    const auto portion =
        os::read_range(path, offset, std::min(kPortion, limits.comms_bytes - offset));
    if (!portion) {
      notes.push_back(fmt::format("{}: {}", label, portion.error().message));
      break;
    }
    if (portion->empty()) break;
    reader.feed(*portion);
    offset += portion->size();
  }
  if (offset >= limits.comms_bytes)
    notes.push_back(fmt::format("{} is longer than {}; the rest is not read", label,
                                human_bytes(limits.comms_bytes)));
  if (const std::string flaw = reader.finish(); !flaw.empty())
    notes.push_back(fmt::format("{}: {}", label, flaw));
  reading.used = reader.used();
  reading.binary = reader.binary();
  reading.version = reader.version();
  return reading;
}

/// Puts the kernel's text beside each test.
void add_kernel_text(const KernelLog& log, const Told& told, TestResult& result) {
  const KernelText* text = nullptr;
  const auto key = std::pair(as_reported(told.subtest), as_reported(told.dynamic));
  if (const auto found = log.of_test.find(key); found != log.of_test.end())
    text = &found->second;
  else if (log.of_test.empty() && told.dynamic.empty())
    text = &log.unmarked;
  if (!text) return;
  result.dmesg = text->all.str();
  result.kernel_words = text->words.str();
}

TestResult make_result(const std::string& binary, const Told& told, const KernelLog& log) {
  TestResult result;
  result.test = test_name(binary, told.subtest, told.dynamic);
  result.outcome = told.outcome;
  result.seconds = told.seconds;
  result.out = told.out.str();
  result.err = told.err.str();
  add_kernel_text(log, told, result);
  if (result.outcome == "pass" && told.err_text) result.outcome = "warn";
  result.outcome = with_kernel_words(result.outcome, !result.kernel_words.empty());
  if (result.out.empty() && result.err.empty() && result.dmesg.empty())
    result.outcome = "incomplete";
  result.reason =
      reason_of({result.outcome, result.out, result.err, result.kernel_words, told.reason});
  return result;
}

}  // namespace

bool is_plain_file(const os::Path& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(std::filesystem::symlink_status(path, error));
}

std::string read_both_ends(const os::Path& path, uint64_t max_bytes, const std::string& label,
                           std::vector<std::string>& notes) {
  if (!is_plain_file(path)) return "";
  const auto size = os::file_size(path);
  if (!size) {
    notes.push_back(fmt::format("{}: {}", label, size.error().message));
    return "";
  }
  const uint64_t head_bytes = *size <= max_bytes ? *size : max_bytes / 4;
  auto head = os::read_range(path, 0, head_bytes);
  if (!head) {
    notes.push_back(fmt::format("{}: {}", label, head.error().message));
    return "";
  }
  if (*size <= max_bytes) return std::move(*head);
  const uint64_t tail_bytes = max_bytes - head_bytes;
  const auto tail = os::read_range(path, *size - tail_bytes, tail_bytes);
  notes.push_back(fmt::format("{} is {} long: only its beginning and its end are read", label,
                              human_bytes(*size)));
  if (!tail) return std::move(*head);
  return *head + fmt::format("\n[... {} bytes left out ...]\n", *size - max_bytes) + *tail;
}

FolderReading read_folder(const os::Path& dir, const JobEntry& entry, const std::string& label,
                          const Limits& limits, Budget& budget, std::vector<std::string>& notes) {
  FolderReading reading;
  const std::string requested = entry.subtests.empty() ? "" : entry.subtests.front();
  const auto read = [&](const char* name) {
    return read_both_ends(dir / name, limits.file_bytes, label + "/" + name, notes);
  };
  // A dynamic subtest is asked for as subtest@dynamic: the binary tells the subtest.
  const std::string requested_subtest = requested.substr(0, requested.find('@'));
  Collector collector(requested_subtest, limits.text_bytes, limits.max_tests, budget);
  const CommsReading comms = read_comms(dir / "comms", collector, label + "/comms", limits, notes);
  const std::string out = read("out.txt");
  const std::string err = read("err.txt");
  reading.igt_version = comms.version;
  if (!comms.used) {
    const std::string version = read_text_log(read("journal.txt"), out, collector);
    if (reading.igt_version.empty()) reading.igt_version = version;
  } else {
    // Past IGT's socket: the C library's last words, a script's output.
    collector.log(false, out);
  }
  if (collector.too_many())
    notes.push_back(fmt::format("{} tells of more than {} tests; the rest is left out", label,
                                limits.max_tests));
  std::vector<Told> told = collector.take();
  if (!comms.used) {
    add_err(err, told, budget);
  } else if (!told.empty()) {
    told.back().err.append(err, &budget);
  }
  const std::string dmesg = read("dmesg.txt");
  const KernelLog log = read_kmsg(dmesg, limits.text_bytes, limits.max_tests, budget);
  if (log.bad_lines > 0)
    notes.push_back(
        fmt::format("{}/dmesg.txt: {} lines are no kernel log records", label, log.bad_lines));
  const std::string binary = entry.binary.empty() ? comms.binary : entry.binary;
  for (const Told& test : told) reading.tests.push_back(make_result(binary, test, log));
  return reading;
}

}  // namespace kiln::igt
