#pragma once
/// Nights of one timetable against each other: has anything changed since the last one, and which
/// was the last good one? Pure.
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace kiln::nights {

/// What a night runs: equal prints, equal night.
struct Print {
  std::string tree;        ///< git tree of the source, with helpers
  std::string job_digest;  ///< of all that decides the run: job file, lists, kernels' keys
  bool operator==(const Print&) const = default;
};

/// One run that a timetable started.
struct Night {
  int64_t run_id = 0;
  Print print;
  bool ended = false;  ///< the run came to its end; interrupted and failed ones did not
  std::string result;  ///< Verdict.result
  int planned = 0;     ///< results
  int got = 0;
  int regressed = 0;  ///< tests that are worse than in the last good night before it
};

/// Its results can be relied on: the run came to its end and nothing of it was lost to machines or
/// tools.
bool is_complete(const Night& night);
/// Complete, no regression by its own series, and none against the last good night before it.
bool is_good(const Night& night);

/// `nights` newest first.
const Night* last_complete(std::span<const Night> nights);
const Night* last_good(std::span<const Night> nights);

/// Why a night with this print need not run: "nothing changed since run 412"; nullopt: it is to
/// run.
std::optional<std::string> unchanged(const Print& now, std::span<const Night> nights);

}  // namespace kiln::nights
