#include "lib/cron/next.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "lib/base/text.h"

namespace kiln::cron {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::sys_days;
using std::chrono::year;

Zone zone(const std::string& name) {
  auto found = Zone::find(name);
  EXPECT_TRUE(found) << render(found.error());
  return found.value_or(Zone::utc());
}

Expression read(std::string_view text) {
  auto parsed = parse(text);
  EXPECT_TRUE(parsed) << render(parsed.error());
  return parsed.value_or(Expression{});
}

/// The next times as people of the zone read them.
std::vector<std::string> times(const char* text, const char* in, WallTime after, size_t count) {
  const Zone where = zone(in);
  std::vector<std::string> out;
  for (const WallTime time : next_times(read(text), where, after, count))
    out.push_back(where.format(time));
  return out;
}

WallTime utc(int y, unsigned month, unsigned day, int hour = 0, int minute = 0) {
  return WallTime(sys_days{year{y} / month / day}) + hours(hour) + minutes(minute);
}

TEST(NextTimes, AreLaterThanTheInstantGiven) {
  EXPECT_THAT(times("30 2 * * *", "UTC", utc(2026, 11, 28, 2, 29), 2),
              testing::ElementsAre("2026-11-28T02:30:00Z", "2026-11-29T02:30:00Z"));
  EXPECT_THAT(times("30 2 * * *", "UTC", utc(2026, 11, 28, 2, 30), 1),
              testing::ElementsAre("2026-11-29T02:30:00Z"));
  EXPECT_THAT(times("30 2 * * *", "UTC", utc(2026, 11, 28, 2, 30) - Millis(1), 1),
              testing::ElementsAre("2026-11-28T02:30:00Z"));
}

TEST(NextTimes, KnowLeapYears) {
  EXPECT_THAT(times("0 0 29 2 *", "UTC", utc(2026, 1, 1), 2),
              testing::ElementsAre("2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"));
  EXPECT_THAT(times("0 0 29 2 *", "UTC", utc(2097, 1, 1), 1),
              testing::ElementsAre("2104-02-29T00:00:00Z"));  // 2100 has none
  EXPECT_THAT(times("0 0 29 2 */7", "UTC", utc(2026, 1, 1), 2),
              testing::ElementsAre("2032-02-29T00:00:00Z", "2060-02-29T00:00:00Z"));
}

TEST(NextTimes, StandInTheZonesOwnTime) {
  EXPECT_THAT(times("30 2 * * *", "Europe/Helsinki", utc(2026, 11, 28), 2),
              testing::ElementsAre("2026-11-28T02:30:00+02:00", "2026-11-29T02:30:00+02:00"));
  EXPECT_THAT(times("30 2 * * *", "America/St_Johns", utc(2026, 7, 1), 1),
              testing::ElementsAre("2026-07-01T02:30:00-02:30"));
  EXPECT_THAT(times("0 0 * * *", "Asia/Kolkata", utc(2026, 7, 1), 1),
              testing::ElementsAre("2026-07-02T00:00:00+05:30"));
}

// Helsinki: on 2026-03-29 at 03:00 it is 04:00.
TEST(DaylightSaving, ATimeThatDoesNotExistIsTheFirstInstantAfterTheGap) {
  EXPECT_THAT(times("30 3 * * *", "Europe/Helsinki", utc(2026, 3, 28), 3),
              testing::ElementsAre("2026-03-28T03:30:00+02:00", "2026-03-29T04:00:00+03:00",
                                   "2026-03-30T03:30:00+03:00"));
}

TEST(DaylightSaving, SeveralTimesInTheGapCountOnce) {
  EXPECT_THAT(times("*/20 3 * * *", "Europe/Helsinki", utc(2026, 3, 29), 2),
              testing::ElementsAre("2026-03-29T04:00:00+03:00", "2026-03-30T03:00:00+03:00"));
  EXPECT_THAT(times("0,30 3,4 * * *", "Europe/Helsinki", utc(2026, 3, 29), 3),
              testing::ElementsAre("2026-03-29T04:00:00+03:00", "2026-03-29T04:30:00+03:00",
                                   "2026-03-30T03:00:00+03:00"));
}

// Helsinki: on 2026-10-25 at 04:00 it is 03:00 again.
TEST(DaylightSaving, ATimeThatComesTwiceCountsTheFirstTime) {
  EXPECT_THAT(times("30 3 * * *", "Europe/Helsinki", utc(2026, 10, 24, 12), 2),
              testing::ElementsAre("2026-10-25T03:30:00+03:00", "2026-10-26T03:30:00+02:00"));
  // From inside of the hour that came again.
  EXPECT_THAT(times("30 3 * * *", "Europe/Helsinki", utc(2026, 10, 25, 1, 10), 1),
              testing::ElementsAre("2026-10-26T03:30:00+02:00"));
  EXPECT_THAT(times("*/30 * * * *", "Europe/Helsinki", utc(2026, 10, 25), 3),
              testing::ElementsAre("2026-10-25T03:30:00+03:00", "2026-10-25T04:00:00+02:00",
                                   "2026-10-25T04:30:00+02:00"));
}

TEST(DaylightSaving, HalfAnHourAndAWholeDayArePossible) {
  // Lord Howe: 02:00 becomes 02:30, and 02:00 becomes 01:30.
  EXPECT_THAT(times("15 2 * * *", "Australia/Lord_Howe", utc(2026, 10, 3), 1),
              testing::ElementsAre("2026-10-04T02:30:00+11:00"));
  EXPECT_THAT(times("45 1 * * *", "Australia/Lord_Howe", utc(2026, 4, 4), 2),
              testing::ElementsAre("2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"));
  // Samoa had no 30 December 2011.
  EXPECT_THAT(times("0 12 * * *", "Pacific/Apia", utc(2011, 12, 29), 3),
              testing::ElementsAre("2011-12-29T12:00:00-10:00", "2011-12-31T00:00:00+14:00",
                                   "2011-12-31T12:00:00+14:00"));
}

/// What the rules say, minute by minute: a reading fires when the clock first shows it; readings
/// that the clock leaps over fire together at the instant of the leap.
std::vector<WallTime> walk(const Expression& e, const Zone& where, WallTime from, WallTime to) {
  const auto named = [&](LocalTime at) {
    const auto day = std::chrono::floor<days>(at);
    const auto minute = std::chrono::floor<minutes>(at - day).count();
    return e.names_day(day) && e.hours[static_cast<size_t>(minute / 60)] &&
           e.minutes[static_cast<size_t>(minute % 60)];
  };
  std::vector<WallTime> out;
  LocalTime shown = where.local(from);  // the latest reading so far
  for (WallTime now = from + minutes(1); now <= to; now += minutes(1)) {
    bool fires = false;
    for (const LocalTime reading = where.local(now); shown < reading;)
      fires = named(shown += minutes(1)) || fires;
    if (fires) out.push_back(now);
  }
  return out;
}

TEST(NextTimes, AreThoseOfAClockWalkedMinuteByMinute) {
  for (const char* where : {"Europe/Helsinki", "America/New_York", "Australia/Lord_Howe",
                            "America/St_Johns", "Africa/Casablanca", "UTC"}) {
    const Zone in = zone(where);
    for (const char* text : {"30 2 * * *", "*/25 1-4 * * *", "0 * * * *", "15,45 2,3 * 3,10,11 *",
                             "0 0 1,29 * sun", "59 23 */2 * 6,7"}) {
      const Expression e = read(text);
      // The weeks in which these zones change their clocks.
      for (const WallTime from : {utc(2026, 3, 6, 0, 7), utc(2026, 10, 2), utc(2026, 10, 24)}) {
        std::vector<WallTime> got;
        for (auto next = next_after(e, in, from); next && *next <= from + days(31);
             next = next_after(e, in, *next))
          got.push_back(*next);
        EXPECT_EQ(got, walk(e, in, from, from + days(31))) << text << " in " << where;
      }
    }
  }
}

TEST(LastUntil, IsTheLastOfTheNextTimes) {
  const Zone in = zone("Europe/Helsinki");
  for (const char* text : {"30 3 * * *", "* * * * *", "0 0 1 1 *", "0 4 * * sun"}) {
    const Expression e = read(text);
    for (int hour = 0; hour < 24 * 400; hour += 531) {
      const WallTime limit = utc(2026, 3, 28) + hours(hour) + minutes(hour % 60);
      const WallTime after = limit - hours(hour % 90);
      std::optional<WallTime> wanted;
      for (auto next = next_after(e, in, after); next && *next <= limit;
           next = next_after(e, in, *next))
        wanted = *next;
      EXPECT_EQ(last_until(e, in, after, limit), wanted) << text << " " << in.format(limit);
    }
  }
  EXPECT_EQ(last_until(read("* * * * *"), in, utc(1990, 1, 1), utc(2026, 1, 1, 0, 5)),
            utc(2026, 1, 1, 0, 5));
  EXPECT_EQ(last_until(read("0 0 29 2 */7"), in, WallTime::min(), utc(2031, 12, 31)),
            utc(2004, 2, 28, 22));
  EXPECT_EQ(last_until(read("* * * * *"), in, utc(2026, 1, 1), utc(2026, 1, 1)), std::nullopt);
}

TEST(NextTimes, EndWithTheCalendar) {
  const Expression e = read("* * * * *");
  for (const WallTime after : {WallTime::min(), WallTime::max(), utc(9500, 1, 1), utc(1800, 1, 1)})
    EXPECT_EQ(next_after(e, Zone::utc(), after), std::nullopt);
}

/// Lines of a file that make_oracle.py wrote.
void compare_with(const std::string& file) {
  std::ifstream in(std::string(KILN_SOURCE_DIR) + "/lib/cron/testdata/" + file);
  int count = 0;
  for (std::string line; std::getline(in, line); ++count) {
    const std::vector<std::string> parts = split(line, '|');
    ASSERT_EQ(parts.size(), 4U) << line;
    const Zone where = zone(std::string(trim(parts[1])));
    std::vector<std::string> got;
    for (const WallTime time : next_times(read(trim(parts[0])), where,
                                          WallTime(std::chrono::seconds(std::stoll(parts[2]))), 5))
      got.push_back(std::to_string(time.time_since_epoch().count() / 1000));
    EXPECT_EQ(join(got, " "), trim(parts[3])) << line;
  }
  EXPECT_GE(count, 150);
}

TEST(NextTimes, AreThoseOfCroniter) {
  compare_with("croniter.txt");
}

TEST(NextTimes, AreThoseOfSystemd) {
  compare_with("systemd.txt");
}

TEST(Zone, IsFoundByItsNameOnly) {
  EXPECT_EQ(zone("UTC").format(utc(2026, 11, 28, 6)), "2026-11-28T06:00:00Z");
  EXPECT_EQ(zone("Europe/London").format(utc(2026, 7, 1)), "2026-07-01T01:00:00+01:00");
  for (const std::string& name :
       {std::string(), std::string("../../etc/passwd"), std::string("/etc/localtime"),
        std::string("Europe"), std::string("Europe/"), std::string("Mars/Olympus"),
        std::string("Europe/Helsinki\0x", 17), std::string(100'000, 'A'), std::string("zone.tab"),
        std::string("\x1b[31m"), std::string("tzdata.zi"), std::string("europe/helsinki")})
    EXPECT_FALSE(Zone::find(name)) << name;
  const auto wrong = Zone::find("Europe/Helsinky");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(render(wrong.error()),
            "error: there is no time zone `Europe/Helsinky`\n  did you mean `Europe/Helsinki`?");
}

// What the header says of the years after 2037: when this fails, the sentence goes.
TEST(Zone, KnowsDaylightSavingUntil2037) {
  const Zone helsinki = zone("Europe/Helsinki");
  EXPECT_EQ(helsinki.format(utc(2037, 7, 1)), "2037-07-01T03:00:00+03:00");
  EXPECT_EQ(helsinki.format(utc(2038, 7, 1)), "2038-07-01T02:00:00+02:00");
}

}  // namespace
}  // namespace kiln::cron
