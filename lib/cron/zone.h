#pragma once
/// Time zones of the system's tz database (/usr/share/zoneinfo), read by Howard Hinnant's library.
#include <chrono>
#include <string>

#include "lib/base/clock.h"
#include "lib/base/result.h"

namespace date {
class time_zone;
}

namespace kiln::cron {

/// What a clock on the wall shows.
using LocalTime = std::chrono::local_seconds;

/// One zone's clock. A plain value, safe for concurrent use; it lives as long as the program.
///
/// The files hold daylight-saving changes until 2037; the library does not read the rule for the
/// years after, and shows them in winter time.
class Zone {
 public:
  /// "Europe/Helsinki", "UTC". kBadInput with the nearest name for one that does not exist;
  /// kInfrastructure when this computer has no tz database.
  static Result<Zone> find(const std::string& name);
  static Zone utc();

  [[nodiscard]] const std::string& name() const { return name_; }
  /// What the wall shows then.
  [[nodiscard]] LocalTime local(WallTime time) const;
  /// When the wall shows that: the first time when it does twice; when it never does, because the
  /// clock is put forward over it, the first instant after that gap.
  [[nodiscard]] WallTime instant(LocalTime time) const;
  /// RFC 3339 with the zone's offset: 2026-11-29T02:30:00+02:00
  [[nodiscard]] std::string format(WallTime time) const;

 private:
  Zone(std::string name, const date::time_zone* zone) : name_(std::move(name)), zone_(zone) {}

  std::string name_;
  const date::time_zone* zone_;  ///< of the library's own list; null = UTC
};

}  // namespace kiln::cron
