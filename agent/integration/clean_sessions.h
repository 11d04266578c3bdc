#pragma once
/// Sessions on machines that are well, in a lab as it is: lines with garbage, slow answers,
/// connections that break. None of that may put a machine into quarantine. For tests and
/// benchmarks only.
#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace kiln::agent {

struct CleanPlan {
  int sessions = 10;  ///< in all
  int machines = 2;   ///< at a time
  uint64_t seed = 1;  ///< of the noise
};

struct CleanTally {
  int sessions = 0;
  int tested = 0;        ///< with the kernel proved and all results there
  int disconnected = 0;  ///< infrastructure's, to be run again: their connection was broken
  int quarantines = 0;
  std::map<std::string, int> noise{};       ///< what was done to the machines
  std::map<std::string, int> not_tested{};  ///< how sessions ended that were not
  std::map<std::string, int> recoveries{};  ///< steps that were taken to bring machines back
  double longest_seconds = 0;
};

/// Whether no machine was quarantined and no session ended otherwise than it should.
bool is_clean(const CleanTally& tally);

/// `tell` gets a line for each session that did not end as tested, and for each quarantine; it is
/// called by several threads, one at a time.
CleanTally run_clean_sessions(const CleanPlan& plan,
                              const std::function<void(const std::string&)>& tell);

}  // namespace kiln::agent
