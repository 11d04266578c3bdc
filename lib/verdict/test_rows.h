#pragma once
/// Rows of an invented run for tests: two configs, three planned tests, all passing, then changed
/// by each test. Not part of the library.
#include <string>
#include <vector>

#include "lib/verdict/verdict.h"

namespace kiln::verdict::testing {

inline constexpr const char* kHigh = "i386-highmem";
inline constexpr const char* kLow = "i386-nohighmem";

struct Rows {
  Input input;
  int64_t next_id = 1;

  Rows() {
    input.job.series.kind = job::SeriesSpec::Kind::kFolder;
    input.job.configs = {kHigh, kLow};
    input.patch_subjects = {"first", "second", "third"};
    input.planned_tests = {"igt@gem_pread@basic", "igt@gem_pwrite@basic", "igt@i915_selftest@mock"};
  }

  /// A session in which every planned test passes; the mock selftest as two dynamic subtests.
  SessionRow& session(const std::string& purpose, const std::string& variant,
                      const std::string& config) {
    SessionRow row;
    row.id = next_id++;
    row.purpose = purpose;
    row.variant = variant;
    row.config = config;
    row.ending = "tested";
    for (const char* test : {"igt@gem_pread@basic", "igt@gem_pwrite@basic",
                             "igt@i915_selftest@mock@sanitycheck", "igt@i915_selftest@mock@shmem"})
      row.results.push_back({test, "gem", "pass", 1, "", ""});
    input.sessions.push_back(row);
    return input.sessions.back();
  }

  /// One functional session in each cell.
  Rows& functional() {
    for (const char* config : {kHigh, kLow})
      for (const char* variant : {"baseline", "patched"}) session("functional", variant, config);
    return *this;
  }

  Rows& confirm(const std::string& config, const std::string& test, const std::string& baseline,
                const std::string& patched) {
    return confirm(config, std::vector<std::string>{test}, baseline, patched);
  }

  /// Five confirming sessions on each side of a config, with only these tests: as many as a
  /// difference without exception needs.
  Rows& confirm(const std::string& config, const std::vector<std::string>& tests,
                const std::string& baseline, const std::string& patched) {
    for (int i = 0; i < 5; ++i)
      for (const auto& [variant, outcome] :
           {std::pair{"baseline", baseline}, std::pair{"patched", patched}}) {
        SessionRow& row = session("confirmation", variant, config);
        row.results.clear();
        for (const std::string& test : tests)
          for (const std::string& planned : input.planned_tests)
            if (test.starts_with(planned)) row.only_tests.push_back(planned);
        if (outcome == "missing") continue;
        for (const std::string& test : tests)
          row.results.push_back({test, "gem", outcome, 1, "", ""});
      }
    return *this;
  }

  SessionRow& find(const std::string& purpose, const std::string& variant,
                   const std::string& config) {
    for (SessionRow& row : input.sessions)
      if (row.purpose == purpose && row.variant == variant && row.config == config) return row;
    return input.sessions.front();
  }

  /// Sets an outcome in the functional session of a cell; "missing" takes the row away.
  Rows& set(const std::string& variant, const std::string& config, const std::string& test,
            const std::string& outcome, const std::string& reason = "") {
    SessionRow& row = find("functional", variant, config);
    if (outcome == "missing") {
      std::erase_if(row.results, [&](const ResultRow& r) { return r.test == test; });
      return *this;
    }
    for (ResultRow& result : row.results) {
      if (result.test != test) continue;
      result.outcome = outcome;
      result.reason = reason;
      return *this;
    }
    row.results.push_back({test, "gem", outcome, 1, reason, ""});
    return *this;
  }

  /// One boot that measured one value.
  Rows& measure(const std::string& purpose, const std::string& variant, const std::string& config,
                int pair, const std::string& metric, double value, const std::string& unit,
                bool emulated = true) {
    for (SessionRow& row : input.sessions) {
      if (row.purpose != purpose || row.variant != variant || row.config != config ||
          row.pair != pair)
        continue;
      row.measurements.push_back({"bench", metric, value, unit});
      return *this;
    }
    SessionRow& row = session(purpose, variant, config);
    row.results.clear();
    row.pair = pair;
    row.emulated = emulated;
    row.patched_first = pair % 2 == 0;
    row.measurements.push_back({"bench", metric, value, unit});
    return *this;
  }

  Rows& build(const std::string& variant, const std::string& config, const std::string& state,
              const std::string& error = "", std::vector<kernel::Warning> warnings = {}) {
    BuildRow row{variant, config, {}};
    row.record.state = state;
    row.record.error = error;
    row.record.key = variant + config;
    row.record.warnings = std::move(warnings);
    input.builds.push_back(std::move(row));
    return *this;
  }
};

}  // namespace kiln::verdict::testing
