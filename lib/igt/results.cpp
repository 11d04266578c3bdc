#include "lib/igt/results.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/igt/bounded.h"
#include "lib/igt/folder.h"
#include "lib/igt/name.h"

namespace kiln::igt {
namespace {

constexpr size_t kMaxNotes = 200;

/// "IGT-Version: 2.5-NO-GIT (x86) (Linux: 6.1.192 i686)" -> "2.5-NO-GIT"
std::string short_version(std::string_view line) {
  constexpr std::string_view kMark = "IGT-Version: ";
  if (line.starts_with(kMark)) line.remove_prefix(kMark.size());
  line = line.substr(0, line.find_first_of(" \n"));
  return to_valid_utf8(line);
}

std::optional<size_t> as_index(std::string_view name) {
  size_t index = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), index);
  if (error != std::errc{} || end != name.data() + name.size()) return std::nullopt;
  return index;
}

/// The numbered folders, in order.
std::vector<size_t> numbered_folders(const os::Path& dir, size_t max,
                                     std::vector<std::string>& notes) {
  std::vector<size_t> indexes;
  std::error_code error;
  std::filesystem::directory_iterator entries(dir, error);
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    std::error_code status_error;
    if (!std::filesystem::is_directory(entries->symlink_status(status_error))) continue;
    if (const auto index = as_index(entries->path().filename().string())) indexes.push_back(*index);
    if (indexes.size() >= max) {
      notes.push_back(fmt::format("more than {} test folders; the rest is left out", max));
      break;
    }
  }
  std::sort(indexes.begin(), indexes.end());
  return indexes;
}

/// Adds `test` unless its name is there already: then the one that says more stays.
class Merger {
 public:
  explicit Merger(std::vector<TestResult>& tests) : tests_(&tests) {
    for (size_t i = 0; i < tests.size(); ++i) index_.emplace(tests[i].test, i);
  }

  void add(TestResult test) {
    const auto [found, is_new] = index_.emplace(test.test, tests_->size());
    if (is_new) {
      tests_->push_back(std::move(test));
      return;
    }
    TestResult& there = (*tests_)[found->second];
    if (there.outcome == "notrun" || there.outcome == "incomplete") there = std::move(test);
  }

  /// Every entry of the list without any result gets "notrun".
  void add_missing(const std::vector<std::string>& planned) {
    std::unordered_set<std::string> answered;
    for (const TestResult& test : *tests_) {
      // igt@a@b@c answers igt@a@b and igt@a, too.
      for (size_t at = test.test.size(); at != std::string::npos && at > 4;
           at = test.test.rfind('@', at - 1))
        answered.insert(test.test.substr(0, at));
    }
    for (const std::string& name : planned) {
      if (!answered.insert(name).second) continue;
      TestResult missing;
      missing.test = name;
      missing.outcome = "notrun";
      missing.reason = "did not run";
      add(std::move(missing));
    }
  }

 private:
  std::vector<TestResult>* tests_;
  std::unordered_map<std::string, size_t> index_;
};

void read_folders(const os::Path& dir, const std::vector<JobEntry>& jobs, const Limits& limits,
                  Results& results) {
  Budget budget{limits.total_bytes};
  Merger merger(results.tests);
  const std::vector<size_t> folders = numbered_folders(dir, limits.max_tests, results.notes);
  for (const size_t index : folders) {
    JobEntry entry;
    if (index < jobs.size()) entry = jobs[index];
    const std::string label = std::to_string(index);
    FolderReading reading = read_folder(dir / label, entry, label, limits, budget, results.notes);
    if (results.igt_version.empty()) results.igt_version = reading.igt_version;
    for (TestResult& test : reading.tests) {
      if (test.test == "igt@") {
        results.notes.push_back(fmt::format("folder {} does not tell which test ran there", label));
        continue;
      }
      if (results.tests.size() < limits.max_tests) merger.add(std::move(test));
    }
  }
  if (budget.left == 0)
    results.notes.push_back(fmt::format("the tests printed more than {}; later texts are cut",
                                        human_bytes(limits.total_bytes)));
}

/// What stands beside the tests in either case.
void read_surroundings(const os::Path& dir, Results& results) {
  const auto small = [&](const char* name) {
    return std::string(trim(read_both_ends(dir / name, 64 << 10, name, results.notes)));
  };
  if (results.uname.empty()) results.uname = to_valid_utf8(small("uname.txt")).substr(0, 256);
  if (results.aborted.empty()) results.aborted = to_valid_utf8(small("aborted.txt"));
  results.ended = is_plain_file(dir / "endtime.txt");
  // From 1.28 on the test that igt_runner blames for giving up tells it.
  const auto blamed = std::find_if(results.tests.begin(), results.tests.end(),
                                   [](const TestResult& test) { return test.outcome == "abort"; });
  if (results.aborted.empty() && blamed != results.tests.end())
    results.aborted = fmt::format("{}: {}", blamed->test, blamed->reason);
}

}  // namespace

std::vector<std::string> JobEntry::names() const {
  if (subtests.empty()) return {test_name(binary)};
  std::vector<std::string> out;
  for (const std::string& subtest : subtests) {
    const size_t at = subtest.find('@');
    out.push_back(at == std::string::npos
                      ? test_name(binary, subtest)
                      : test_name(binary, subtest.substr(0, at), subtest.substr(at + 1)));
  }
  return out;
}

std::vector<JobEntry> parse_joblist(std::string_view text, size_t max_entries) {
  std::vector<JobEntry> jobs;
  size_t begin = 0;
  while (begin < text.size() && jobs.size() < max_entries) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = trim(text.substr(begin, end - begin));
    begin = end + 1;
    if (line.empty()) continue;
    const size_t space = line.find(' ');
    JobEntry entry;
    entry.binary = std::string(line.substr(0, std::min<size_t>(space, kMaxNamePart)));
    if (space != std::string_view::npos) {
      for (const std::string& subtest : split(trim(line.substr(space)), ',')) {
        if (!trim(subtest).empty() && entry.subtests.size() < max_entries)
          entry.subtests.emplace_back(trim(subtest).substr(0, 2 * kMaxNamePart));
      }
    }
    jobs.push_back(std::move(entry));
  }
  return jobs;
}

Result<Results> read_results(const os::Path& dir, const Limits& limits) {
  std::error_code error;
  if (!std::filesystem::is_directory(dir, error))
    return fail(ErrorKind::kNotFound, fmt::format("there is no result directory {}", dir.string()));
  std::vector<std::string> notes;
  const bool has_list = is_plain_file(dir / "joblist.txt");
  const std::string list =
      read_both_ends(dir / "joblist.txt", limits.file_bytes, "joblist.txt", notes);
  const std::vector<JobEntry> jobs = parse_joblist(list, limits.max_tests);

  std::optional<Results> from_json;
  const os::Path json = dir / "results.json";
  if (is_plain_file(json)) {
    const auto text = os::read_file(json, limits.json_bytes);
    if (text) {
      from_json = parse_results_json(*text, limits);
      notes.insert(notes.end(), from_json->notes.begin(), from_json->notes.end());
    } else {
      notes.push_back(fmt::format("results.json: {}", text.error().message));
    }
  }
  Results results;
  if (from_json && from_json->from_json) {
    results = std::move(*from_json);
    results.notes.clear();
  } else {
    std::vector<std::string> unused;
    if (!has_list && !from_json && numbered_folders(dir, 1, unused).empty()) {
      Error nothing(ErrorKind::kNotFound,
                    fmt::format("{} is no result directory of igt_runner", dir.string()));
      nothing.hint = "it holds neither results.json nor joblist.txt nor a folder `0`";
      return fail(std::move(nothing));
    }
    if (!has_list) notes.emplace_back("joblist.txt is missing: what was planned is not known");
    read_folders(dir, jobs, limits, results);
    // A cut results.json may know tests whose folders are gone.
    if (from_json) {
      Merger merger(results.tests);
      for (TestResult& test : from_json->tests) merger.add(std::move(test));
    }
  }
  for (const JobEntry& job : jobs) {
    for (std::string& name : job.names()) results.planned.push_back(std::move(name));
  }
  Merger(results.tests).add_missing(results.planned);
  results.notes.insert(results.notes.begin(), notes.begin(), notes.end());
  read_surroundings(dir, results);
  results.igt_version = short_version(results.igt_version);
  if (results.notes.size() > kMaxNotes) {
    const size_t more = results.notes.size() - kMaxNotes;
    results.notes.resize(kMaxNotes);
    results.notes.push_back(fmt::format("and {} further notes", more));
  }
  return results;
}

}  // namespace kiln::igt
