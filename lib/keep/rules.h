#pragma once
/// Which runs keep what they have in the artifact store. Pure.
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lib/base/clock.h"

namespace kiln::keep {

/// What one rule keeps, no other takes away. With none of the first two all runs are kept.
struct Rules {
  int runs = 0;               ///< the newest so many of each job; 0 = no such rule
  int days = 0;               ///< whatever ended in the last so many days; 0 = no such rule
  bool open_findings = true;  ///< whatever has a regression or lost results that nobody knows of
  bool operator==(const Rules&) const = default;
};

inline bool keeps_everything(const Rules& rules) {
  return rules.runs == 0 && rules.days == 0;
}

struct RunFacts {
  int64_t id = 0;  ///< newer runs have higher ones
  std::string job;
  bool ended = false;   ///< "done" or "failed"
  WallTime finished{};  ///< or started, when it has no end
  bool open_findings = false;
  bool kept_by_hand = false;
};

struct Fate {
  int64_t id = 0;
  bool kept = true;
  std::string why;  ///< "it is not over", "kept by hand" ...; "" = no rule keeps it
};

/// One fate a run, in the order of `runs`.
std::vector<Fate> decide(std::span<const RunFacts> runs, const Rules& rules, WallTime now);

}  // namespace kiln::keep
