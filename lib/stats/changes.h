#pragma once
/// When did a metric change over the nights, by how much, and was it the code or the machine?
/// E-divisive with permutation significance, a merge step, and the machine's A/A history beside it.
/// Pure; safe for concurrent use. Formulas and how often it errs: docs/statistics.md, "Nights".
#include <cstdint>
#include <span>
#include <vector>

#include "lib/stats/student.h"

namespace kiln::stats {

/// One night's value of a metric (the median of that boot). Nights ascend and need not be all
/// there.
struct Night {
  int64_t night = 0;
  double value = 0;
};

struct ChangeRules {
  double smallest_percent = 2;  ///< smaller changes are merged away
  double alpha = 0.01;          ///< of each split
  int permutations = 499;
  int least_nights = 5;      ///< on each side; a change younger than that is not seen yet
  double confidence = 0.95;  ///< of the interval of nights
  uint64_t seed = 0;
};

struct Change {
  size_t first_new = 0;  ///< likeliest first value of the new level, an index into the series
  /// With the wanted confidence the change came after value `after` and not after value `until`: it
  /// is one of the commits that came between those two nights.
  size_t after = 0;
  size_t until = 0;
  double location_confidence = 0;  ///< achieved for after ... until
  double p = 1;                    ///< of the split
  double level_before = 0;         ///< geometric means (arithmetic when a value is not above 0)
  double level_after = 0;
  double change_percent = 0;
  Interval ci95_percent;  ///< Welch, on logs
};

struct History {
  /// In the metric, with the machine's movements taken out where its A/A history allows: the code.
  std::vector<Change> code;
  /// In the machine's own series; indices into that.
  std::vector<Change> machine;
  /// False: the A/A history is too short (less than kLeastReference nights) or not comparable, so
  /// that `code` may hold changes of the machine.
  bool machine_told_apart = false;
};
inline constexpr size_t kLeastReference = 14;

/// `machine` is the same metric of a kernel that stays the same, measured on that machine in its
/// A/A pairs. Values that are no finite number are skipped; indices are into the spans given.
History find_changes(std::span<const Night> metric, std::span<const Night> machine,
                     const ChangeRules& rules);

}  // namespace kiln::stats
