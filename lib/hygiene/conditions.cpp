#include "lib/hygiene/conditions.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "lib/base/text.h"

namespace kiln::hygiene {
namespace {

constexpr std::string_view kWord = "hygiene:";
constexpr size_t kMaxSetting = 40;
constexpr double kTicksPerSecond = 100;  // USER_HZ, whatever the kernel's own
constexpr double kHottest = 200;

/// Only the shell's own words: a program's start is other load itself, and slow when emulated.
constexpr std::string_view kFacts = R"(cpu=/sys/devices/system/cpu
say() { [ ! -r "$2" ] || { read -r x <"$2" && echo "hygiene:$1=$x"; } 2>/dev/null; }
say clocksource /sys/devices/system/clocksource/clocksource0/current_clocksource
say no_turbo $cpu/intel_pstate/no_turbo
say boost $cpu/cpufreq/boost
for f in $cpu/cpu[0-9]*/cpufreq/scaling_governor; do say governor "$f"; done
for f in $cpu/cpu[0-9]*/thermal_throttle/*_throttle_count; do say throttled "$f"; done
for d in /sys/class/hwmon/hwmon*; do
  [ -r "$d/name" ] && read -r x <"$d/name" || continue
  case $x in coretemp|k10temp|cpu*) for f in "$d"/temp*_input; do say heat "$f"; done;; esac
done
for d in /sys/class/thermal/thermal_zone*; do
  [ -r "$d/type" ] && read -r x <"$d/type" || continue
  case $x in x86_pkg_temp|cpu*) say heat "$d/temp";; esac
done
say stat /proc/stat
)";

constexpr std::string_view kLoad = R"(say uptime /proc/uptime
say stat /proc/stat
sleep {:g}
say uptime /proc/uptime
say stat /proc/stat
)";

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

/// The first line of /proc/stat.
struct Ticks {
  int64_t busy = 0, stolen = 0, all = 0;
};

std::optional<Ticks> read_ticks(std::string_view line) {
  // cpu user nice system idle iowait irq softirq steal; guests' time is in user's already.
  std::vector<int64_t> values;
  for (const std::string& word : split(line, ' ')) {
    if (word.empty() || word == "cpu") continue;
    const auto value = number(word);
    if (!value || *value < 0 || *value > 1e15) return std::nullopt;
    if (values.size() < 8) values.push_back(static_cast<int64_t>(*value));
  }
  if (values.size() < 8) return std::nullopt;
  Ticks out;
  for (const int64_t value : values) out.all += value;
  out.stolen = values[7];
  out.busy = out.all - values[3] - values[4];
  return out;
}

/// What a machine says is shown to people: short, one word.
std::string setting(std::string_view text) {
  std::string out = to_valid_utf8(trim(text.substr(0, kMaxSetting)));
  std::erase_if(out, [](unsigned char c) { return c <= ' '; });
  return out;
}

std::string all_of(const std::set<std::string>& values) {
  return fmt::format("{}", fmt::join(values, ","));
}

void add_setting(const std::string& value, std::set<std::string>* to) {
  for (const std::string& one : split(value, ','))
    if (!one.empty()) to->insert(one);
}

struct Sample {
  std::optional<double> uptime;
  std::optional<Ticks> ticks;
};

std::optional<double> load_between(const std::vector<Sample>& samples) {
  if (samples.size() < 2) return std::nullopt;
  const Sample& from = samples[samples.size() - 2];
  const Sample& to = samples.back();
  if (!from.uptime || !to.uptime || !from.ticks || !to.ticks) return std::nullopt;
  const double seconds = *to.uptime - *from.uptime;
  // Shorter than that no sleep took place.
  if (!(seconds >= kLoadWindowSeconds / 2) || to.ticks->busy < from.ticks->busy)
    return std::nullopt;
  return static_cast<double>(to.ticks->busy - from.ticks->busy) / kTicksPerSecond / seconds;
}

void keep_highest(const std::optional<double>& value, std::optional<double>* highest) {
  if (value) *highest = std::max(highest->value_or(*value), *value);
}

}  // namespace

std::string reading_script(bool look_for_load) {
  std::string out(kFacts);
  if (look_for_load) out += fmt::format(fmt::runtime(kLoad), kLoadWindowSeconds);
  return out + "true\n";
}

Reading read_reading(std::string_view output, When when) {
  Reading out;
  out.when = when;
  std::set<std::string> governors;
  std::vector<Sample> samples;
  for (const std::string& line : split_lines(output)) {
    const size_t equal = line.find('=');
    if (!line.starts_with(kWord) || equal == std::string::npos) continue;
    const std::string name = line.substr(kWord.size(), equal - kWord.size());
    const std::string_view text = std::string_view(line).substr(equal + 1);
    const auto value = number(text);
    if (name == "clocksource") out.settings.clocksource = setting(text);
    if (name == "governor") governors.insert(setting(text));
    if (name == "no_turbo" && value) out.settings.turbo = *value == 0 ? "on" : "off";
    if (name == "boost" && value) out.settings.turbo = *value == 0 ? "off" : "on";
    if (name == "throttled" && value && *value >= 0 && *value < 1e12)
      out.throttled = out.throttled.value_or(0) + static_cast<int64_t>(*value);
    if (name == "heat" && value && *value > 0 && *value < kHottest * 1000)
      keep_highest(*value / 1000, &out.celsius);
    if (name == "uptime") samples.push_back({value, {}});
    if (name != "stat") continue;
    const auto ticks = read_ticks(text);
    if (!samples.empty()) samples.back().ticks = ticks;
    if (!ticks) continue;
    out.stolen_ticks = ticks->stolen;
    out.all_ticks = ticks->all;
  }
  governors.erase("");
  out.settings.governor = all_of(governors);
  out.other_load = load_between(samples);
  return out;
}

Conditions sum_up(const std::vector<Reading>& readings) {
  Conditions out;
  std::set<std::string> governors;
  std::set<std::string> turbos;
  std::set<std::string> clocks;
  int64_t stolen = 0;
  int64_t all = 0;
  for (size_t i = 0; i < readings.size(); ++i) {
    const Reading& now = readings[i];
    add_setting(now.settings.governor, &governors);
    add_setting(now.settings.turbo, &turbos);
    add_setting(now.settings.clocksource, &clocks);
    keep_highest(now.celsius, &out.celsius);
    keep_highest(now.other_load, &out.other_load);
    if (i == 0 || now.when == When::kBoot) continue;
    const Reading& last = readings[i - 1];
    if (now.throttled && last.throttled)
      out.throttled =
          out.throttled.value_or(0) + std::max<int64_t>(0, *now.throttled - *last.throttled);
    if (now.when != When::kAfter || last.when != When::kBefore) continue;
    if (!now.all_ticks || !last.all_ticks || *now.all_ticks <= *last.all_ticks) continue;
    all += *now.all_ticks - *last.all_ticks;
    stolen += std::max<int64_t>(0, *now.stolen_ticks - *last.stolen_ticks);
  }
  out.settings = {all_of(governors), all_of(turbos), all_of(clocks)};
  if (all > 0) out.stolen_percent = 100.0 * static_cast<double>(stolen) / static_cast<double>(all);
  return out;
}

std::string words_of(const Settings& settings) {
  std::vector<std::string> parts;
  if (!settings.governor.empty()) parts.push_back("governor " + settings.governor);
  if (!settings.turbo.empty()) parts.push_back("turbo " + settings.turbo);
  if (!settings.clocksource.empty()) parts.push_back("clocksource " + settings.clocksource);
  return join(parts, ", ");
}

}  // namespace kiln::hygiene
