#include "lib/cron/zone.h"

#include <date/tz.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <stdexcept>
#include <vector>

#include "lib/base/text.h"

namespace kiln::cron {
namespace {

using std::chrono::seconds;

constexpr size_t kMaxName = 64;

date::sys_seconds to_sys(WallTime time) {
  return date::sys_seconds(std::chrono::floor<seconds>(time.time_since_epoch()));
}

WallTime to_wall(date::sys_seconds time) {
  return WallTime(time.time_since_epoch());
}

bool is_name(const std::string& name) {
  return !name.empty() && name.size() <= kMaxName &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '/' || c == '_' || c == '-' || c == '+';
         });
}

Error unknown(const std::string& name) {
  Error error(ErrorKind::kBadInput,
              fmt::format("there is no time zone `{}`", to_valid_utf8(name.substr(0, kMaxName))));
  std::vector<std::string> names;
  try {
    for (const date::time_zone& zone : date::get_tzdb().zones) names.push_back(zone.name());
  } catch (const std::exception&) {
    // Without the list there is no name to propose.
  }
  const std::string meant = is_name(name) ? nearest(name, names) : "";
  error.hint = meant.empty() ? "expected a name of the tz database: Europe/Helsinki, UTC"
                             : fmt::format("did you mean `{}`?", meant);
  return error;
}

}  // namespace

Result<Zone> Zone::find(const std::string& name) {
  if (name == "UTC") return utc();
  // The library takes names apart as paths: nothing else than a name may reach it.
  if (!is_name(name)) return fail(unknown(name));
  try {
    (void)date::get_tzdb();
  } catch (const std::exception& e) {
    return fail(Error(ErrorKind::kInfrastructure,
                      fmt::format("the time zones of this computer cannot be read: {}", e.what()))
                    .with_hint("apt-get install tzdata"));
  }
  try {
    const date::time_zone* zone = date::locate_zone(name);
    (void)zone->get_info(date::sys_seconds(seconds(0)));  // reads the file
    return Zone(name, zone);
  } catch (const std::exception&) {
    return fail(unknown(name));
  }
}

Zone Zone::utc() {
  return {"UTC", nullptr};
}

LocalTime Zone::local(WallTime time) const {
  const date::sys_seconds at = to_sys(time);
  const seconds offset = zone_ == nullptr ? seconds(0) : zone_->get_info(at).offset;
  return LocalTime(at.time_since_epoch() + offset);
}

WallTime Zone::instant(LocalTime time) const {
  if (zone_ == nullptr) return WallTime(time.time_since_epoch());
  const date::local_seconds at(time.time_since_epoch());
  const date::local_info info = zone_->get_info(at);
  if (info.result == date::local_info::nonexistent) return to_wall(info.second.begin);
  return to_wall(date::sys_seconds(at.time_since_epoch() - info.first.offset));
}

std::string Zone::format(WallTime time) const {
  const LocalTime at = local(time);
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date{day};
  const auto second = (at - day).count();
  const auto offset = at.time_since_epoch() - std::chrono::floor<seconds>(time.time_since_epoch());
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(offset).count();
  const std::string where = minutes == 0
                                ? "Z"
                                : fmt::format("{}{:02}:{:02}", minutes < 0 ? '-' : '+',
                                              std::abs(minutes) / 60, std::abs(minutes) % 60);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     second / 3600, second / 60 % 60, second % 60, where);
}

}  // namespace kiln::cron
