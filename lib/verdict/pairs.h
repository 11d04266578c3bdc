#pragma once
/// Which values of a run stand against which. Pure; points into the Input.
#include <string>
#include <vector>

#include "lib/verdict/performance.h"

namespace kiln::verdict {

/// One metric of one config with its pairs, before any arithmetic.
struct PairedMetric {
  std::string metric;
  std::string unit;
  std::string config;
  std::string kind;  ///< "counter" | "instructions" | "wall-clock"
  std::string left;
  std::string right;
  const job::MetricSpec* spec = nullptr;
  std::string purpose;     ///< of the boots: "performance" | "instructions"
  bool same_boot = false;  ///< two arms of one boot, not two variants
  bool two_sides = false;  ///< there is a series: each pair is two boots
  bool emulated = false;   ///< a session among the pairs ran on an emulated machine
  std::vector<PairValue> pairs;
};

/// Every metric that a spec of the job asks for and that was measured, in the order of configs,
/// specs, names. A pair with a missing side stays, excluded, with its reason.
std::vector<PairedMetric> pair_metrics(const Input& input);

}  // namespace kiln::verdict
