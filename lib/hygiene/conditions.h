#pragma once
/// Under what conditions a boot measured: what its machine says of its clock, its CPUs and other
/// work on them. Pure: scripts for the machine's shell, their output read, and a boot's sum.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::hygiene {

/// How the machine is set; "" = it does not say (a virtual machine has most of it not). Of CPUs
/// that differ, or a setting that changed: all of them, "performance,powersave".
struct Settings {
  std::string governor{};
  std::string turbo{};  ///< "on" | "off"
  std::string clocksource{};
  bool operator==(const Settings&) const = default;
};

/// At which moment of a boot a reading was taken.
enum class When {
  kBoot,    ///< the kernel was proved: counters start here
  kBefore,  ///< just before a bench: other work is looked for
  kAfter,   ///< just after it
  kEnd,     ///< nothing more runs
};

/// One look. Counters are of all CPUs, since the kernel's start.
struct Reading {
  When when = When::kBoot;
  Settings settings{};
  std::optional<int64_t> throttled{};  ///< times that heat slowed a CPU or its package
  std::optional<double> celsius{};     ///< of the hottest sensor
  std::optional<int64_t> stolen_ticks{};
  std::optional<int64_t> all_ticks{};
  std::optional<double> other_load{};  ///< CPUs that were busy while nothing of ours ran
};

/// A boot's readings in short. What was not there stays empty.
struct Conditions {
  Settings settings{};
  std::optional<int64_t> throttled{};      ///< from the proof of the kernel on
  std::optional<double> celsius{};         ///< the highest seen
  std::optional<double> other_load{};      ///< the most before any bench
  std::optional<double> stolen_percent{};  ///< of the CPUs' time, by the host, in benches
  bool operator==(const Conditions&) const = default;
};

/// Prints a reading's facts on standard output, in lines that read_reading() knows among others.
/// `look_for_load` takes kLoadWindowSeconds longer.
std::string reading_script(bool look_for_load);
inline constexpr double kLoadWindowSeconds = 0.25;

/// What the script said; whatever is missing or no sensible number is not there.
Reading read_reading(std::string_view output, When when);

/// `readings` in the order in which they were taken; a kBoot in between is a restart.
Conditions sum_up(const std::vector<Reading>& readings);

/// "governor performance, turbo off, clocksource tsc"; "" when nothing is known.
std::string words_of(const Settings& settings);

}  // namespace kiln::hygiene
