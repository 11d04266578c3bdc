#include "lib/base/clock.h"

#include <fmt/format.h>

#include <ctime>

namespace kiln {

WallTime FakeClock::now() const {
  const std::lock_guard lock(mutex_);
  return WallTime(Millis(1'790'000'000'000) + offset_);
}

std::chrono::steady_clock::time_point FakeClock::steady() const {
  const std::lock_guard lock(mutex_);
  return std::chrono::steady_clock::time_point(offset_);
}

void FakeClock::advance(Millis by) {
  const std::lock_guard lock(mutex_);
  offset_ += by;
}

std::string to_rfc3339(WallTime time) {
  const auto total_ms = time.time_since_epoch().count();
  const std::time_t seconds = static_cast<std::time_t>(total_ms / 1000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                     total_ms % 1000);
}

std::string human_duration(Millis duration) {
  const auto seconds = (duration.count() + 500) / 1000;
  if (duration.count() < 1000)
    return fmt::format("{:.1f} s", static_cast<double>(duration.count()) / 1e3);
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3600) return fmt::format("{} min {:02} s", seconds / 60, seconds % 60);
  return fmt::format("{} h {:02} min", seconds / 3600, seconds / 60 % 60);
}

std::string human_bytes(unsigned long long bytes) {
  if (bytes < 1000) return fmt::format("{} B", bytes);
  const char* units[] = {"kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes) / 1000;
  int unit = 0;
  while (value >= 999.5 && unit < 3) {
    value /= 1000;
    ++unit;
  }
  return value < 10 ? fmt::format("{:.1f} {}", value, units[unit])
                    : fmt::format("{:.0f} {}", value, units[unit]);
}

}  // namespace kiln
