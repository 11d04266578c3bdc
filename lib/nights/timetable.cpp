#include "lib/nights/timetable.h"

#include <fmt/format.h>

#include <algorithm>

namespace kiln::nights {
namespace {

using What = Decision::What;

constexpr Millis kInstant{1};

/// FNV-1a, finished as murmur does: names that differ in one letter lie far apart.
uint64_t hash_of(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  hash = (hash ^ (hash >> 33U)) * 0xff51afd7ed558ccdULL;
  hash = (hash ^ (hash >> 33U)) * 0xc4ceb9fe1a85ec53ULL;
  return hash ^ (hash >> 33U);
}

/// How many planned times lie in (after, last].
int count_times(const Timetable& timetable, WallTime after, WallTime last) {
  int count = 0;
  while (count < kMostCounted) {
    const auto next = cron::next_after(timetable.when, timetable.zone, after);
    if (!next || *next > last) break;
    ++count;
    after = *next;
  }
  return count;
}

/// Planned times that were due before `newest` was: a later one took their place.
std::optional<Decision> older_ones(const Timetable& timetable, WallTime after, WallTime newest) {
  const auto last = cron::last_until(timetable.when, timetable.zone, after, newest - kInstant);
  if (!last) return std::nullopt;
  return Decision{What::kMissed, *last, count_times(timetable, after, *last),
                  "nobody was there to start it, and a later one was due"};
}

/// The newest due time by itself: is it on time?
Decision on_time(const Timetable& timetable, WallTime newest, Millis late, bool watched) {
  if (late <= kOnTime || watched) return {What::kStart, newest, 1, ""};
  const std::string words = human_duration(late) + " late";
  if (timetable.missed == Missed::kSkip)
    return {What::kMissed, newest, 1, words + ": nobody was there to start it"};
  if (late > timetable.max_late)
    return {What::kMissed, newest, 1,
            fmt::format("{}, and it may be {} late at most", words,
                        human_duration(timetable.max_late))};
  return {What::kStart, newest, 1, words};
}

/// A start that meets an earlier run of its own.
Decision overlapped(const Timetable& timetable, WallTime planned, const std::string& running) {
  if (timetable.overlap == Overlap::kSkip)
    return {What::kSkip, planned, 1, running + " was still under way"};
  return {What::kQueue, planned, 1, "waits for the end of " + running};
}

}  // namespace

Millis jitter_of(std::string_view name, Millis most) {
  if (most <= Millis(0)) return Millis(0);
  return Millis(hash_of(name) % static_cast<uint64_t>(most.count()));
}

Outlook decide(const Timetable& timetable, const Past& past, WallTime now) {
  Outlook out;
  if (timetable.paused) return out;
  std::optional<WallTime> waiting = past.waiting;
  if (waiting && *waiting <= timetable.since) {
    out.decisions.push_back({What::kSkip, *waiting, 1, "paused while it waited"});
    waiting.reset();
  }
  const Millis jitter = jitter_of(timetable.name, timetable.jitter);
  const WallTime after = std::max(timetable.since, past.decided.value_or(timetable.since));
  const auto newest = cron::last_until(timetable.when, timetable.zone, after, now - jitter);
  if (newest) {
    if (const auto older = older_ones(timetable, after, *newest)) out.decisions.push_back(*older);
    const bool watched = past.watched_since && *newest + jitter >= *past.watched_since;
    Decision decision = on_time(timetable, *newest, now - jitter - *newest, watched);
    if (decision.what == What::kStart && !past.running.empty())
      decision = overlapped(timetable, *newest, past.running);
    const bool takes_place = decision.what == What::kStart || decision.what == What::kQueue;
    if (waiting && takes_place) {
      out.decisions.push_back({What::kSkip, *waiting, 1, "a later one took its place"});
      waiting.reset();
    }
    out.decisions.push_back(std::move(decision));
  }
  const bool starts = std::any_of(out.decisions.begin(), out.decisions.end(),
                                  [](const Decision& d) { return d.what == What::kStart; });
  if (waiting && past.running.empty() && !starts)
    out.decisions.push_back({What::kStart, *waiting, 1, "waited for the run before it"});
  const auto next = cron::next_after(timetable.when, timetable.zone, std::max(after, now - jitter));
  if (next) out.wake = *next + jitter;
  return out;
}

std::vector<WallTime> next_starts(const Timetable& timetable, WallTime now, size_t count) {
  if (timetable.paused) return {};
  const Millis jitter = jitter_of(timetable.name, timetable.jitter);
  std::vector<WallTime> times = cron::next_times(timetable.when, timetable.zone,
                                                 std::max(timetable.since, now - jitter), count);
  for (WallTime& time : times) time += jitter;
  return times;
}

}  // namespace kiln::nights
