#include "controller/nights/keeper.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "controller/nights/rows.h"

namespace kiln::controller {
namespace {

using What = nights::Decision::What;

constexpr Millis kLongestWait = std::chrono::seconds(30);
constexpr Millis kFirstRetry = std::chrono::seconds(30);
constexpr Millis kLongestRetry = std::chrono::minutes(10);
/// A start that fails is given up after the schedule's `max_late`, but not before:
constexpr Millis kShortestPatience = std::chrono::hours(1);
/// Looking up a moving ref takes time, and others become due meanwhile.
constexpr Millis kLongestLook = std::chrono::hours(2);
constexpr Millis kOrdinaryDrift = std::chrono::minutes(1);
constexpr int kNightsBack = 60;  // that are looked at for one that came to its end

bool is_for_good(ErrorKind kind) {
  return kind == ErrorKind::kBadInput || kind == ErrorKind::kNotFound ||
         kind == ErrorKind::kPermission || kind == ErrorKind::kInternal;
}

/// "run 412", or the start that comes before its run; "" = nothing is under way.
std::string under_way(const std::vector<db::FiringRow>& open, const cron::Zone& zone,
                      const std::string& but = "") {
  for (const db::FiringRow& firing : open) {
    if (firing.key == but) continue;
    if (firing.state == "started") return fmt::format("run {}", firing.run_id);
    if (firing.state == "starting") return "the start of " + zone.format(firing.planned);
  }
  return "";
}

}  // namespace

void Keeper::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Keeper::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  wake();
  thread_.join();
}

void Keeper::wake() {
  auto signals = signals_.lock();
  signals->woken = true;
  signals.notify_all();
}

bool Keeper::wait_for_look(Millis timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  auto signals = signals_.lock();
  const uint64_t wanted = signals->begun + 1;
  signals->woken = true;
  signals.notify_all();
  return signals.wait_until(deadline, [&] { return signals->ended >= wanted; });
}

void Keeper::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      auto signals = signals_.lock();
      signals->woken = false;
      ++signals->begun;
    }
    const Millis wait = std::clamp(look(stop) - parts_.clock.now(), Millis(0), kLongestWait);
    const auto deadline = std::chrono::steady_clock::now() + wait;
    auto signals = signals_.lock();
    signals->ended = signals->begun;
    signals.notify_all();
    signals.wait_until(deadline, [&] { return signals->woken || stop.stop_requested(); });
  }
}

Result<std::map<int64_t, Keeper::Desk>> Keeper::read_desks() {
  const db::ScheduleTable table(parts_.database);
  KILN_ASSIGN(auto rows, table.list(true));
  KILN_ASSIGN(auto open, table.open());
  std::map<int64_t, Desk> desks;
  for (db::ScheduleRow& row : rows) {
    const int64_t id = row.id;
    desks[id].row = std::move(row);
  }
  for (db::FiringRow& firing : open) desks[firing.schedule_id].open.push_back(std::move(firing));
  return desks;
}

WallTime Keeper::watched_since() {
  const Moment now{parts_.clock.now(), parts_.clock.steady()};
  const std::optional<Moment> last = std::exchange(last_look_, now);
  if (!last) return now.wall;
  const auto passed = std::chrono::duration_cast<Millis>(now.steady - last->steady);
  const Millis changed = now.wall - last->wall - passed;
  const bool usual = passed <= kLongestLook && std::chrono::abs(changed) <= kOrdinaryDrift;
  return usual ? last->wall : now.wall;
}

WallTime Keeper::look(const std::stop_token& stop) {
  watched_since_ = watched_since();
  WallTime next = parts_.clock.now() + kLongestWait;
  auto desks = read_desks();
  if (!desks) {
    say("the schedules cannot be read: " + desks.error().message);
    return next;
  }
  for (auto& [id, desk] : *desks) {
    if (stop.stop_requested()) break;
    follow_runs(&desk);
    start_open(&desk, stop);
    if (desk.row.removed) continue;
    if (const auto wake = decide(&desk, stop)) next = std::min(next, *wake);
  }
  return next;
}

/// Runs that came to their end.
void Keeper::follow_runs(Desk* desk) {
  for (const db::FiringRow& firing : std::vector(desk->open)) {
    if (firing.state != "started") continue;
    const auto running = parts_.is_running(firing.run_id);
    if (running ? *running : running.error().kind != ErrorKind::kNotFound) continue;
    put(desk, firing, "ended",
        running ? tell_end(*desk, firing) : fmt::format("run {} is gone", firing.run_id));
  }
}

/// Before the end is kept, so that it is told at least once; what became of it is kept with the
/// end. What fails then is not tried again: the next night is another reason.
std::string Keeper::tell_end(const Desk& desk, const db::FiringRow& firing) const {
  if (!parts_.ended) return "";
  const auto words = parts_.ended({fmt::format("{}/{}", firing.schedule_id, firing.key),
                                   desk.row.name, desk.row.job_file, firing.run_id});
  std::string said = words ? *words : words.error().message;
  if (!said.empty())
    say(fmt::format("schedule {}: run {}: {}", desk.row.name, firing.run_id, said));
  return said;
}

/// Starts that were decided: by a keeper that died before it could, by people, or in vain so far.
void Keeper::start_open(Desk* desk, const std::stop_token& stop) {
  for (const db::FiringRow& firing : std::vector(desk->open)) {
    if (desk->row.removed && firing.state != "started") {
      put(desk, firing, "skipped", "the schedule was removed");
    } else if (firing.state == "starting") {
      const auto retry = retries_.find({firing.schedule_id, firing.key});
      if (retry == retries_.end() || retry->second.next <= parts_.clock.steady())
        launch(desk, firing, stop);
    }
  }
}

std::optional<WallTime> Keeper::decide(Desk* desk, const std::stop_token& stop) {
  const auto timetable = nights_rows::timetable_of(desk->row);
  const WallTime now = parts_.clock.now();
  const auto decided = db::ScheduleTable(parts_.database).decided(desk->row.id, now);
  if (!timetable || !decided) {
    say(fmt::format("schedule {}: {}", desk->row.name,
                    (timetable ? decided.error() : timetable.error()).message));
    return std::nullopt;
  }
  nights::Past past;
  past.decided = *decided;
  past.running = under_way(desk->open, timetable->zone);
  past.watched_since = watched_since_;
  for (const db::FiringRow& firing : desk->open)
    if (firing.state == "waiting") past.waiting = firing.planned;
  const nights::Outlook outlook = nights::decide(*timetable, past, now);
  for (const nights::Decision& decision : outlook.decisions) keep(desk, decision, stop);
  return outlook.wake;
}

void Keeper::keep(Desk* desk, const nights::Decision& decision, const std::stop_token& stop) {
  db::FiringRow firing;
  firing.schedule_id = desk->row.id;
  firing.key = nights_rows::key_of(decision.planned);
  firing.planned = decision.planned;
  firing.count = decision.count;
  switch (decision.what) {
    case What::kMissed:
      put(desk, firing, "missed", decision.reason);
      return;
    case What::kSkip:
      put(desk, firing, "skipped", decision.reason);
      return;
    case What::kQueue:
      put(desk, firing, "waiting", decision.reason);
      return;
    case What::kStart:
      break;
  }
  if (!put(desk, firing, "starting", decision.reason)) return;
  firing.state = "starting";
  firing.reason = decision.reason;
  firing.decided = parts_.clock.now();
  launch(desk, firing, stop);
}

Result<std::optional<std::string>> Keeper::why_not(const Desk& desk, const db::FiringRow& firing,
                                                   const std::stop_token& stop) {
  if (firing.by_hand) {
    const std::string other = under_way(desk.open, nights_rows::zone_of(desk.row), firing.key);
    if (!other.empty()) return other + " is under way";
    return std::optional<std::string>();
  }
  if (desk.row.unchanged != "skip" || !parts_.look) return std::optional<std::string>();
  KILN_ASSIGN(const nights::Print print, parts_.look(desk.row.job_file, stop));
  KILN_ASSIGN(const auto rows,
              db::ScheduleTable(parts_.database).nights(desk.row.id, 0, kNightsBack));
  std::vector<nights::Night> nights;
  for (const db::NightRow& row : rows) nights.push_back(nights_rows::night_of(row));
  return nights::unchanged(print, nights);
}

void Keeper::launch(Desk* desk, db::FiringRow firing, const std::stop_token& stop) {
  const auto reason = why_not(*desk, firing, stop);
  if (!reason) return put_off(desk, std::move(firing), reason.error());
  if (*reason) {
    put(desk, std::move(firing), "skipped", **reason);
    return;
  }
  const auto run = parts_.start({fmt::format("{}/{}", firing.schedule_id, firing.key),
                                 desk->row.job_file, desk->row.name, firing.planned});
  if (!run) return put_off(desk, std::move(firing), run.error());
  retries_.erase({firing.schedule_id, firing.key});
  firing.run_id = *run;
  const std::string words = firing.reason;
  if (put(desk, std::move(firing), "started", words))
    say(fmt::format("schedule {} started run {}", desk->row.name, *run));
}

/// A start that failed: for good, or until later.
void Keeper::put_off(Desk* desk, db::FiringRow firing, const Error& error) {
  const Key key{firing.schedule_id, firing.key};
  const Millis patience = std::max(desk->row.max_late, kShortestPatience);
  const bool too_long = parts_.clock.now() - firing.decided > patience;
  if (is_for_good(error.kind) || too_long) {
    retries_.erase(key);
    put(desk, std::move(firing), "failed", render(error));
    return;
  }
  Retry& retry = retries_[key];
  const Millis wait = std::min(kLongestRetry, kFirstRetry * (1 << std::min(retry.tries, 5)));
  ++retry.tries;
  retry.next = parts_.clock.steady() + wait;
  put(desk, std::move(firing), "starting", "not yet: " + error.message);
}

bool Keeper::put(Desk* desk, db::FiringRow firing, const std::string& state,
                 const std::string& reason) {
  if (firing.state != state) firing.decided = parts_.clock.now();
  firing.state = state;
  firing.reason = reason;
  const auto done = db::ScheduleTable(parts_.database).put(firing);
  if (!done) {
    say(fmt::format("schedule {}: {}", desk->row.name, done.error().message));
    return false;
  }
  std::erase_if(desk->open, [&](const db::FiringRow& one) { return one.key == firing.key; });
  const bool is_open = state == "waiting" || state == "starting" || state == "started";
  if (state == "skipped" || state == "missed" || state == "failed")
    say(fmt::format("schedule {}: {} {}: {}", desk->row.name, firing.key, state, reason));
  if (is_open) desk->open.push_back(std::move(firing));
  return *done;
}

}  // namespace kiln::controller
