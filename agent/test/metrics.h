#pragma once
/// The lines in which a benchmark reports: `kiln-metric NAME VALUE UNIT`. Pure.
#include <string_view>
#include <vector>

#include "agent/test/order.h"

namespace kiln::agent {

struct Metrics {
  std::vector<MeasuredValue> values;
  std::vector<std::string>
      refused;  ///< lines that claim to be metrics and are not, with the reason
};

/// NAME and UNIT: 1 to 200 characters of [A-Za-z0-9_./%+-]; VALUE: a finite decimal number. Exactly
/// one blank between the words. A name that comes twice is refused the second time. At most 10,000.
Metrics read_metrics(std::string_view output, const std::string& bench);

}  // namespace kiln::agent
