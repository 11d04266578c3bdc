#include "controller/nights/schedules.h"

#include <fmt/format.h>

#include <algorithm>

#include "controller/nights/rows.h"
#include "kiln/v1/report.pb.h"
#include "lib/base/text.h"
#include "lib/db/verdict_table.h"
#include "lib/job/load.h"

namespace kiln::controller {
namespace {

constexpr int kTimes = 5;
constexpr int kMostTimes = 100;
constexpr int kFirings = 20;
constexpr int kMostFirings = 10'000;
constexpr size_t kMostSchedules = 1000;
constexpr Millis kRunNowWait = std::chrono::seconds(30);

/// The caller's name for its request; else a new one.
Result<std::string> request_key(const std::string& asked, WallTime now) {
  if (asked.empty()) return fmt::format("now-{}", to_rfc3339(now));
  const bool fits = asked.size() <= 64 && std::all_of(asked.begin(), asked.end(), [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                             (c >= '0' && c <= '9') || c == '-';
                    });
  if (!fits) return fail(ErrorKind::kBadInput, "a request's id is made of letters, digits and `-`");
  return "now-" + asked;
}

}  // namespace

Result<v1::Firing> Schedules::describe(const db::FiringRow& row, const cron::Zone& zone) const {
  v1::Firing out;
  nights_rows::to_proto(row, zone, &out);
  if (row.run_id == 0) return out;
  KILN_ASSIGN(const auto verdict, db::VerdictTable(parts_.database).newest(row.run_id));
  if (!verdict) return out;
  out.set_result(verdict->result);
  out.set_headline(to_valid_utf8(verdict->headline));
  v1::RunReport report;
  if (report.ParseFromString(verdict->report)) {
    const v1::LastGoodNight& night = report.last_good_night();
    out.set_since_good(night.regressed_size() + night.worse_size() + night.lost_size());
  }
  return out;
}

Result<v1::Schedule> Schedules::describe(const db::ScheduleRow& row, int times) const {
  v1::Schedule out;
  nights_rows::to_proto(row, &out);
  const auto timetable = nights_rows::timetable_of(row);
  if (!timetable) {
    out.set_problem(timetable.error().message);
  } else if (!row.removed) {
    for (const WallTime time :
         nights::next_starts(*timetable, parts_.clock.now(), static_cast<size_t>(times)))
      out.add_next(timetable->zone.format(time));
  }
  const db::ScheduleTable table(parts_.database);
  KILN_ASSIGN(const auto newest, table.firings(row.id, 1));
  if (!newest.empty()) {
    KILN_ASSIGN(*out.mutable_last(), describe(newest.front(), nights_rows::zone_of(row)));
  }
  KILN_ASSIGN(const auto open, table.open());
  for (const db::FiringRow& firing : open)
    if (firing.schedule_id == row.id && firing.state == "started") out.set_running(firing.run_id);
  return out;
}

Result<v1::Schedule> Schedules::add(const v1::AddScheduleRequest& request) {
  KILN_ASSIGN(const db::ScheduleRow row, nights_rows::row_of(request, parts_.clock.now()));
  // What is wrong with the job is said now, to the one who can mend it.
  KILN_ASSIGN(const job::JobSpec job, job::load_job(row.job_file));
  db::ScheduleTable table(parts_.database);
  KILN_ASSIGN(const auto all, table.list());
  if (all.size() >= kMostSchedules)
    return fail(ErrorKind::kConflict, fmt::format("there are {} schedules already", all.size()));
  KILN_TRY(table.add(row));
  wake();
  KILN_ASSIGN(const db::ScheduleRow stored, table.get(row.name));
  return describe(stored, kTimes);
}

Result<v1::ListSchedulesReply> Schedules::list(const v1::ListSchedulesRequest& request) {
  KILN_ASSIGN(const auto rows, db::ScheduleTable(parts_.database).list(request.with_removed()));
  const int times = request.times() > 0 ? std::min(request.times(), kMostTimes) : kTimes;
  v1::ListSchedulesReply reply;
  for (const db::ScheduleRow& row : rows) {
    if (!request.name().empty() && request.name() != row.name) continue;
    KILN_ASSIGN(*reply.add_schedules(), describe(row, times));
  }
  return reply;
}

Result<v1::Schedule> Schedules::changed(const std::string& name, Status done) {
  if (!done) return fail(std::move(done).error());
  wake();
  KILN_ASSIGN(const db::ScheduleRow row, db::ScheduleTable(parts_.database).get(name, true));
  return describe(row, kTimes);
}

Result<v1::Schedule> Schedules::pause(const v1::ScheduleRequest& request) {
  return changed(request.name(),
                 db::ScheduleTable(parts_.database).pause(request.name(), parts_.clock.now()));
}

Result<v1::Schedule> Schedules::resume(const v1::ScheduleRequest& request) {
  return changed(request.name(),
                 db::ScheduleTable(parts_.database).resume(request.name(), parts_.clock.now()));
}

Result<v1::Schedule> Schedules::remove(const v1::ScheduleRequest& request) {
  return changed(request.name(),
                 db::ScheduleTable(parts_.database).remove(request.name(), parts_.clock.now()));
}

Result<v1::Firing> Schedules::run_now(const v1::RunNowRequest& request) {
  if (parts_.keeper == nullptr)
    return fail(Error(ErrorKind::kPermission, "this controller starts no runs")
                    .with_hint("kiln run JOB runs the job here"));
  if (request.who().empty() || request.who().size() > 256)
    return fail(ErrorKind::kBadInput, "a start by hand says who asks for it");
  db::ScheduleTable table(parts_.database);
  KILN_ASSIGN(const db::ScheduleRow row, table.get(request.name()));
  db::FiringRow firing;
  firing.schedule_id = row.id;
  firing.planned = firing.decided = parts_.clock.now();
  KILN_ASSIGN(firing.key, request_key(request.request_id(), firing.planned));
  firing.by_hand = true;
  firing.state = "starting";
  firing.reason = "asked for by " + to_valid_utf8(request.who());
  KILN_ASSIGN(const auto known, table.find(row.id, firing.key));
  if (!known) KILN_TRY(table.put(firing));
  // It may be busy with another one's source: then the answer is that it will be started.
  (void)parts_.keeper->wait_for_look(kRunNowWait);
  KILN_ASSIGN(const auto now, table.find(row.id, firing.key));
  if (!now) return fail(ErrorKind::kInternal, "the start that was asked for is not stored");
  if (now->state == "skipped" || now->state == "failed")
    return fail(ErrorKind::kConflict,
                fmt::format("`{}` was not started: {}", row.name, now->reason));
  return describe(*now, nights_rows::zone_of(row));
}

Result<v1::ListFiringsReply> Schedules::firings(const v1::ListFiringsRequest& request) {
  const db::ScheduleTable table(parts_.database);
  KILN_ASSIGN(const db::ScheduleRow row, table.get(request.name(), true));
  const int limit = request.limit() > 0 ? std::min(request.limit(), kMostFirings) : kFirings;
  KILN_ASSIGN(const auto rows, table.firings(row.id, limit));
  const cron::Zone zone = nights_rows::zone_of(row);
  v1::ListFiringsReply reply;
  for (const db::FiringRow& firing : rows) {
    KILN_ASSIGN(*reply.add_firings(), describe(firing, zone));
  }
  return reply;
}

}  // namespace kiln::controller
