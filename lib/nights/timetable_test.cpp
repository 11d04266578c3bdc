#include "lib/nights/timetable.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <random>
#include <set>

namespace kiln::nights {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::sys_days;
using std::chrono::year;
using What = Decision::What;

WallTime utc(unsigned month, unsigned day, int hour = 0, int minute = 0) {
  return WallTime(sys_days{year{2026} / month / day}) + hours(hour) + minutes(minute);
}

Timetable nightly() {
  Timetable t;
  t.name = "drm-tip";
  t.when = cron::parse("30 2 * * *").value();
  t.since = utc(11, 1);
  return t;
}

Past decided(WallTime time) {
  return {time, std::nullopt, "", {}};
}

TEST(Decide, StartsWhatIsDueAndSaysWhenToLookAgain) {
  const Outlook before = decide(nightly(), decided(utc(11, 9, 2, 30)), utc(11, 10, 2, 29));
  EXPECT_THAT(before.decisions, testing::IsEmpty());
  EXPECT_EQ(before.wake, utc(11, 10, 2, 30));
  const Outlook due = decide(nightly(), decided(utc(11, 9, 2, 30)), utc(11, 10, 2, 30));
  EXPECT_THAT(due.decisions,
              testing::ElementsAre(Decision{What::kStart, utc(11, 10, 2, 30), 1, ""}));
  EXPECT_EQ(due.wake, utc(11, 11, 2, 30));
  const Outlook again = decide(nightly(), decided(utc(11, 10, 2, 30)), utc(11, 10, 2, 31));
  EXPECT_THAT(again.decisions, testing::IsEmpty());
}

TEST(Decide, NothingThatWasPlannedBeforeItWasAdded) {
  Timetable t = nightly();
  t.since = utc(11, 10, 2, 30);
  const Outlook look = decide(t, {}, utc(11, 10, 2, 31));
  EXPECT_THAT(look.decisions, testing::IsEmpty());
  EXPECT_EQ(look.wake, utc(11, 11, 2, 30));
}

TEST(Decide, JitterMovesTheStartNotThePlannedTime) {
  Timetable t = nightly();
  t.jitter = minutes(30);
  const Millis by = jitter_of(t.name, t.jitter);
  ASSERT_GT(by, minutes(0));
  ASSERT_LT(by, minutes(30));
  const Past past = decided(utc(11, 9, 2, 30));
  EXPECT_EQ(decide(t, past, utc(11, 10, 2, 30)).wake, utc(11, 10, 2, 30) + by);
  EXPECT_THAT(decide(t, past, utc(11, 10, 2, 30) + by - Millis(1)).decisions, testing::IsEmpty());
  EXPECT_THAT(decide(t, past, utc(11, 10, 2, 30) + by).decisions,
              testing::ElementsAre(Decision{What::kStart, utc(11, 10, 2, 30), 1, ""}));
  EXPECT_THAT(next_starts(t, utc(11, 10, 2, 30), 2),
              testing::ElementsAre(utc(11, 10, 2, 30) + by, utc(11, 11, 2, 30) + by));
}

TEST(Jitter, IsTheSameEverywhereAndSpreadsNames) {
  EXPECT_EQ(jitter_of("drm-tip", hours(1)), jitter_of("drm-tip", hours(1)));
  EXPECT_EQ(jitter_of("drm-tip", Millis(0)), Millis(0));
  EXPECT_EQ(jitter_of("drm-tip", Millis(-5)), Millis(0));
  // Kept: a new Kiln must not move the nights of an old one.
  EXPECT_EQ(jitter_of("drm-tip", minutes(10)), Millis(124'323));
  std::array<int, 6> tenths{};
  for (int i = 0; i < 600; ++i)
    ++tenths[static_cast<size_t>(jitter_of("night-" + std::to_string(i), hours(1)) / minutes(10))];
  for (const int count : tenths) EXPECT_NEAR(count, 100, 40);
}

TEST(Decide, OfSeveralMissedTimesTheNewestRunsOnce) {
  const Outlook look = decide(nightly(), decided(utc(11, 9, 2, 30)), utc(11, 13, 4, 0));
  EXPECT_THAT(
      look.decisions,
      testing::ElementsAre(Decision{What::kMissed, utc(11, 12, 2, 30), 3,
                                    "nobody was there to start it, and a later one was due"},
                           Decision{What::kStart, utc(11, 13, 2, 30), 1, "1 h 30 min late"}));
}

TEST(Decide, WhatIsTooLateIsMissed) {
  Timetable t = nightly();
  t.max_late = hours(1);
  EXPECT_THAT(
      decide(t, decided(utc(11, 9, 2, 30)), utc(11, 10, 4, 0)).decisions,
      testing::ElementsAre(Decision{What::kMissed, utc(11, 10, 2, 30), 1,
                                    "1 h 30 min late, and it may be 1 h 00 min late at most"}));
  t.missed = Missed::kSkip;
  EXPECT_THAT(decide(t, decided(utc(11, 9, 2, 30)), utc(11, 10, 2, 36)).decisions,
              testing::ElementsAre(Decision{What::kMissed, utc(11, 10, 2, 30), 1,
                                            "6 min 00 s late: nobody was there to start it"}));
  EXPECT_EQ(decide(t, decided(utc(11, 9, 2, 30)), utc(11, 10, 2, 35)).decisions.at(0).what,
            What::kStart);
}

TEST(Decide, WhatBecameDueWhileTheKeeperWasBusyIsOnTime) {
  Timetable t = nightly();
  t.missed = Missed::kSkip;
  Past past = decided(utc(11, 9, 2, 30));
  past.watched_since = utc(11, 10, 2, 20);
  EXPECT_THAT(decide(t, past, utc(11, 10, 2, 50)).decisions,
              testing::ElementsAre(Decision{What::kStart, utc(11, 10, 2, 30), 1, ""}));
  past.watched_since = utc(11, 10, 2, 40);
  EXPECT_EQ(decide(t, past, utc(11, 10, 2, 50)).decisions.at(0).what, What::kMissed);
}

TEST(Decide, YearsOfMissedMinutesAreOneDecision) {
  Timetable t = nightly();
  t.when = cron::parse("* * * * *").value();
  t.since = WallTime(sys_days{year{2016} / 1 / 1});
  const Outlook look = decide(t, {}, utc(11, 10));
  ASSERT_EQ(look.decisions.size(), 2U);
  EXPECT_EQ(look.decisions[0].planned, utc(11, 9, 23, 59));
  EXPECT_EQ(look.decisions[0].count, kMostCounted);
  EXPECT_EQ(look.decisions[1], (Decision{What::kStart, utc(11, 10), 1, ""}));
}

TEST(Decide, AnEarlierRunIsNotOvertaken) {
  Past past = decided(utc(11, 9, 2, 30));
  past.running = "run 412";
  Timetable t = nightly();
  EXPECT_THAT(decide(t, past, utc(11, 10, 2, 30)).decisions,
              testing::ElementsAre(
                  Decision{What::kSkip, utc(11, 10, 2, 30), 1, "run 412 was still under way"}));
  t.overlap = Overlap::kQueue;
  EXPECT_THAT(decide(t, past, utc(11, 10, 2, 30)).decisions,
              testing::ElementsAre(
                  Decision{What::kQueue, utc(11, 10, 2, 30), 1, "waits for the end of run 412"}));
}

TEST(Decide, OneWaitsAndALaterOneTakesItsPlace) {
  Timetable t = nightly();
  t.overlap = Overlap::kQueue;
  Past past{utc(11, 10, 2, 30), utc(11, 10, 2, 30), "run 412", {}};
  EXPECT_THAT(decide(t, past, utc(11, 10, 9)).decisions, testing::IsEmpty());
  EXPECT_THAT(decide(t, past, utc(11, 11, 2, 30)).decisions,
              testing::ElementsAre(
                  Decision{What::kSkip, utc(11, 10, 2, 30), 1, "a later one took its place"},
                  Decision{What::kQueue, utc(11, 11, 2, 30), 1, "waits for the end of run 412"}));
  past.running.clear();
  EXPECT_THAT(decide(t, past, utc(11, 10, 9)).decisions,
              testing::ElementsAre(
                  Decision{What::kStart, utc(11, 10, 2, 30), 1, "waited for the run before it"}));
  // Its run ends just as the next one is due: that one starts.
  EXPECT_THAT(decide(t, past, utc(11, 11, 2, 30)).decisions,
              testing::ElementsAre(
                  Decision{What::kSkip, utc(11, 10, 2, 30), 1, "a later one took its place"},
                  Decision{What::kStart, utc(11, 11, 2, 30), 1, ""}));
}

TEST(Decide, APausedOneRests) {
  Timetable t = nightly();
  t.paused = true;
  const Outlook look = decide(t, {utc(11, 9, 2, 30), utc(11, 9, 2, 30), "", {}}, utc(11, 13));
  EXPECT_THAT(look.decisions, testing::IsEmpty());
  EXPECT_EQ(look.wake, std::nullopt);
  EXPECT_THAT(next_starts(t, utc(11, 13), 5), testing::IsEmpty());
  // Resumed: what was planned meanwhile is not made up for, what waited is given up.
  t.paused = false;
  t.since = utc(11, 13);
  EXPECT_THAT(
      decide(t, {utc(11, 9, 2, 30), utc(11, 9, 2, 30), "", {}}, utc(11, 13, 1)).decisions,
      testing::ElementsAre(Decision{What::kSkip, utc(11, 9, 2, 30), 1, "paused while it waited"}));
}

TEST(Decide, AClockThatGoesBackStartsNothingAgain) {
  const Past past = decided(utc(11, 9, 2, 30));  // 10 November is after now
  const Outlook look = decide(nightly(), past, utc(11, 10, 2, 29));
  EXPECT_THAT(look.decisions, testing::IsEmpty());
  EXPECT_EQ(look.wake, utc(11, 10, 2, 30));
  EXPECT_THAT(decide(nightly(), decided(utc(11, 10, 2, 30)), utc(11, 10, 2, 30)).decisions,
              testing::IsEmpty());
}

/// A timetable lived through: its rows are all that survives a restart.
class Life {
 public:
  enum class State { kWaiting, kStarted, kSkipped, kMissed };

  Life(Timetable timetable, WallTime now) : t(std::move(timetable)), now_(now) {}

  /// One look at the clock. A crash keeps only the first `kept` decisions.
  void look(size_t kept = SIZE_MAX) {
    if (running_ && now_ >= run_ends_) running_ = false;
    const Outlook outlook = decide(t, past(), now_);
    EXPECT_EQ(decide(t, past(), now_).decisions, outlook.decisions);
    for (const Decision& decision : outlook.decisions)
      if (kept-- > 0)
        keep(decision);
      else
        return;
    wake = outlook.wake;
    if (kept > 0 && wake && !outlook.decisions.empty()) {
      // All is decided: nothing is left at this very instant.
      for (const Decision& more : decide(t, past(), now_).decisions)
        ADD_FAILURE() << "decided again: " << more.reason;
    }
  }
  void move_to(WallTime time) { now_ = time; }
  [[nodiscard]] WallTime now() const { return now_; }
  [[nodiscard]] std::optional<WallTime> run_end() const {
    return running_ ? std::optional(run_ends_) : std::nullopt;
  }

  Timetable t;
  Millis run_length{hours(3)};
  std::optional<WallTime> wake;
  std::map<WallTime, State> rows;
  std::vector<std::pair<WallTime, WallTime>> starts;  ///< planned, at
  int counted = 0;                                    ///< planned times with a decision

 private:
  [[nodiscard]] Past past() const {
    Past past;
    const auto later = rows.upper_bound(now_);
    if (later != rows.begin()) past.decided = std::prev(later)->first;
    past.waiting = waiting_;
    if (running_) past.running = "run 1";
    return past;
  }
  void keep(const Decision& decision) {
    const auto found = rows.find(decision.planned);
    const bool waited = found != rows.end() && found->second == State::kWaiting;
    EXPECT_TRUE(found == rows.end() || waited) << "decided twice";
    if (!waited) counted += decision.count;
    if (waited) waiting_.reset();
    if (decision.what == What::kQueue) waiting_ = decision.planned;
    if (decision.what != What::kStart) {
      rows[decision.planned] = decision.what == What::kQueue  ? State::kWaiting
                               : decision.what == What::kSkip ? State::kSkipped
                                                              : State::kMissed;
      return;
    }
    EXPECT_FALSE(running_) << "two at once";
    EXPECT_GE(now_, decision.planned + jitter_of(t.name, t.jitter));
    rows[decision.planned] = State::kStarted;
    starts.emplace_back(decision.planned, now_);
    running_ = true;
    run_ends_ = now_ + run_length;
  }

  WallTime now_;
  std::optional<WallTime> waiting_;
  bool running_ = false;
  WallTime run_ends_{};
};

Timetable helsinki(const char* expression) {
  Timetable t = nightly();
  t.when = cron::parse(expression).value();
  t.zone = cron::Zone::find("Europe/Helsinki").value();
  t.since = utc(1, 1);
  return t;
}

/// To the next instant at which something may happen.
void step(Life* life) {
  WallTime next = *life->wake;
  if (const auto end = life->run_end(); end && *end > life->now()) next = std::min(next, *end);
  life->move_to(std::max(next, life->now() + Millis(1)));
}

TEST(TwoYears, EveryNightStartsOnceAlsoWhenTheClockIsChanged) {
  Life life(helsinki("30 3 * * *"), utc(1, 1));
  life.t.jitter = minutes(20);
  const WallTime end = utc(1, 1) + hours(24 * 731);
  for (life.look(); life.now() < end; life.look()) step(&life);
  std::erase_if(life.starts, [&](const auto& start) { return start.first >= end; });
  EXPECT_EQ(life.starts.size(), 731U);
  std::set<std::chrono::local_days> nights;
  for (const auto& [planned, at] : life.starts) {
    nights.insert(std::chrono::floor<std::chrono::days>(life.t.zone.local(planned)));
    EXPECT_EQ(at, planned + jitter_of(life.t.name, life.t.jitter));
  }
  EXPECT_EQ(nights.size(), 731U);  // 25 October has one, 29 March has one
}

TEST(TwoYears, EveryPlannedTimeGetsOneDecision) {
  for (const Overlap overlap : {Overlap::kSkip, Overlap::kQueue}) {
    Life life(helsinki("0,30 1-6 * * mon-fri"), utc(1, 1));
    life.t.overlap = overlap;
    life.run_length = minutes(47);
    const WallTime end = utc(1, 1) + hours(24 * 731);
    for (life.look(); life.now() < end; life.look()) step(&life);
    int planned = 0;
    for (auto next = cron::next_after(life.t.when, life.t.zone, life.t.since); *next <= life.now();
         next = cron::next_after(life.t.when, life.t.zone, *next))
      ++planned;
    EXPECT_EQ(life.counted, planned);
    EXPECT_EQ(life.rows.size(), static_cast<size_t>(planned));
    EXPECT_GT(life.starts.size(), static_cast<size_t>(planned) / 3);
  }
}

/// Restarts at any moment, clocks that jump forwards and back by hours and days: nothing starts
/// twice (keep() looks), no two at once, and the nights go on afterwards.
TEST(TwoYears, NothingFiresTwiceWhateverHappens) {
  for (uint32_t seed = 1; seed <= 12; ++seed) {
    std::mt19937 rng(seed);
    const auto draw = [&](int most) {
      return static_cast<int>(rng() % static_cast<uint32_t>(most));
    };
    Life life(helsinki(seed % 2 == 0 ? "30 3 * * *" : "*/40 2-5 * * *"), utc(1, 1));
    life.t.overlap = seed % 3 == 0 ? Overlap::kQueue : Overlap::kSkip;
    life.t.missed = seed % 5 == 0 ? Missed::kSkip : Missed::kRunOnce;
    life.t.jitter = minutes(seed % 4 * 7);
    const WallTime end = utc(1, 1) + hours(24 * 731);
    life.look();
    while (life.now() < end) {
      life.run_length = minutes(1 + draw(400));
      switch (draw(12)) {
        case 0:  // the controller is away, or the clock is put forward
          life.move_to(life.now() + minutes(draw(5 * 24 * 60)));
          break;
        case 1:  // the clock is put back
          life.move_to(life.now() - minutes(draw(3 * 24 * 60)));
          break;
        case 2:  // it dies while it keeps what was decided
          step(&life);
          life.look(static_cast<size_t>(draw(3)));
          break;
        case 3:
          life.move_to(life.now() + minutes(draw(90)));
          break;
        default:
          step(&life);
      }
      life.look();
    }
    std::set<WallTime> planned;
    for (const auto& [time, at] : life.starts) EXPECT_TRUE(planned.insert(time).second);
    EXPECT_GT(planned.size(), 200U) << seed;
  }
}

TEST(TwoYears, AWrongClockDoesNotSilenceTheNightsAfterIt) {
  Life life(helsinki("30 3 * * *"), utc(3, 1));
  life.t.since = utc(3, 1);
  life.look();
  life.move_to(utc(3, 1) + hours(24 * 1500));  // years ahead, for one look
  life.look();
  EXPECT_EQ(life.rows.size(), 2U);  // started or missed there, and the older ones
  life.move_to(utc(3, 2));
  const size_t before = life.starts.size();
  for (life.look(); life.now() < utc(3, 12); life.look()) step(&life);
  EXPECT_GE(life.starts.size() - before, 9U);
}

}  // namespace
}  // namespace kiln::nights
