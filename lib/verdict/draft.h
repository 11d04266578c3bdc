#pragma once
/// A comparison on its way to its answer. Private to the library.
#include <cmath>
#include <vector>

#include "lib/stats/looks.h"
#include "lib/verdict/pairs.h"

namespace kiln::verdict {

struct Draft {
  const PairedMetric* metric = nullptr;
  stats::CompareRules rules;
  stats::Compared numbers;
  bool exact = false;    ///< decided without a test: counts that agree in every boot
  bool believed = true;  ///< the machine raises no more false alarms than is nominal
  stats::Looks looks;
  Comparison out;
};

inline double finite_or_zero(double value) {
  return std::isfinite(value) ? value : 0;
}

/// HIGHMEM x patch, for each metric of the drafts that a config with HIGHMEM and one without have.
std::vector<MetricInteraction> highmem_interactions(const Input& input,
                                                    const std::vector<Draft>& drafts);

}  // namespace kiln::verdict
