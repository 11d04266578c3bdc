#include <array>
#include <cmath>

#include "lib/stats/multiple.h"
#include "lib/verdict/performance.h"

namespace kiln::verdict {
namespace {

struct TimeUnit {
  std::string_view name;
  double nanoseconds;
};
constexpr std::array<TimeUnit, 4> kTimeUnits = {TimeUnit{"ns", 1}, TimeUnit{"us", 1e3},
                                                TimeUnit{"ms", 1e6}, TimeUnit{"s", 1e9}};

/// The time unit in front and the rest ("/page"), or nullptr.
const TimeUnit* time_unit(std::string_view unit, std::string_view* rest) {
  for (const TimeUnit& candidate : kTimeUnits) {
    if (!unit.starts_with(candidate.name)) continue;
    *rest = unit.substr(candidate.name.size());
    if (rest->empty() || rest->front() == '/') return &candidate;
  }
  return nullptr;
}

}  // namespace

bool is_time_unit(std::string_view unit) {
  std::string_view rest;
  return time_unit(unit, &rest) != nullptr;
}

std::optional<MetricValue> value_of(const SessionRow& session, const std::string& metric) {
  std::vector<double> values;
  std::string unit;
  for (const MeasurementRow& row : session.measurements) {
    if (row.metric != metric || !std::isfinite(row.value)) continue;
    values.push_back(row.value);
    unit = row.unit;
  }
  if (values.empty()) return std::nullopt;
  MetricValue out{stats::median(values), unit};
  std::string_view rest;
  if (session.purpose == "instructions") {
    if (const TimeUnit* time = time_unit(unit, &rest); time != nullptr) {
      out.value *= time->nanoseconds / kNanosecondsPerInstruction;
      out.unit = "instructions" + std::string(rest);
    }
  }
  return out;
}

}  // namespace kiln::verdict
