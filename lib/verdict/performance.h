#pragma once
/// Measurements in, comparisons out: values are paired by boot and held against each other by the
/// rules of the job's metrics. Pure.
#include <optional>
#include <string>
#include <vector>

#include "lib/verdict/verdict.h"

namespace kiln::verdict {

/// QEMU counts instructions with -icount shift=1: each takes 2 ns of the machine's own time.
inline constexpr double kNanosecondsPerInstruction = 2;
/// Instruction counts of the same work repeat within so much.
inline constexpr double kInstructionNoisePercent = 0.1;

struct MetricValue {
  double value = 0;
  std::string unit;
};

/// A metric's value in one session (the median when it came more than once); times become
/// instructions in a boot that counts them. nullopt: not measured there, or no finite number.
std::optional<MetricValue> value_of(const SessionRow& session, const std::string& metric);

/// ns, us, ms, s, also per something ("ns/page").
bool is_time_unit(std::string_view unit);

struct Performance {
  std::vector<Comparison> comparisons;
  std::vector<MetricInteraction> interactions;
};

/// All metrics of all specs in all configs, p-values adjusted over the run. `answer` speaks of
/// better and worse by the spec: "faster" is better, also for a counter.
Performance compare_metrics(const Input& input);

/// Baseline against patched (not one arm against another inside a boot)?
bool between_variants(const Comparison& comparison);

/// "-3.1 % [-4.6, -1.6]": the change and its 95 % interval; the values themselves when there is no
/// percentage; without the interval when there is one pair only.
std::string figure_of(const Comparison& comparison);
/// "-1.2 % without HIGHMEM: the effect differs by -14.9 % [-15.1, -14.7]"
std::string figure_of(const MetricInteraction& interaction);

}  // namespace kiln::verdict
