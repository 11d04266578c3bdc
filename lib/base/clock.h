#pragma once
/// Time comes in only through Clock; tests move it by hand.
#include <algorithm>
#include <chrono>
#include <mutex>
#include <string>

namespace kiln {

using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;
using Millis = std::chrono::milliseconds;

/// Safe for concurrent use.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual WallTime now() const = 0;
  [[nodiscard]] virtual std::chrono::steady_clock::time_point steady() const = 0;
};

/// The computer's clocks.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] WallTime now() const override {
    return std::chrono::time_point_cast<Millis>(std::chrono::system_clock::now());
  }
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override {
    return std::chrono::steady_clock::now();
  }
};

/// A clock that stands still until advance() is called.
class FakeClock final : public Clock {
 public:
  [[nodiscard]] WallTime now() const override;
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override;
  void advance(Millis by);

 private:
  mutable std::mutex mutex_;
  Millis offset_{0};
};

/// Times that name things: no two alike, each later than the one before. Safe for concurrent use.
class DistinctTimes {
 public:
  explicit DistinctTimes(const Clock& clock) : clock_(clock) {}
  /// Now, or a little later.
  WallTime next() {
    const std::lock_guard lock(mutex_);
    last_ = std::max(clock_.now(), last_ + Millis(1));
    return last_;
  }

 private:
  const Clock& clock_;
  std::mutex mutex_;
  WallTime last_{};
};

/// RFC 3339 UTC with milliseconds: 2026-11-24T21:15:00.123Z
std::string to_rfc3339(WallTime time);
/// "41 s", "6 min 30 s", "2 h 05 min": for people.
std::string human_duration(Millis duration);
/// "212 MB", "1.4 GB": for people, powers of 1000.
std::string human_bytes(unsigned long long bytes);

}  // namespace kiln
