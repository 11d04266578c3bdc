/// kiln schedule: jobs that start by themselves.
#include "cli/schedule.h"

#include <fmt/format.h>

#include <filesystem>
#include <random>

#include "cli/calls.h"
#include "cli/embedded.h"
#include "lib/base/text.h"
#include "lib/conf/units.h"

namespace kiln::cli {
namespace {

using Stub = v1::Schedules::StubInterface;

/// Repeated by the wire it is the same request; typed again it is another.
std::string new_request_id() {
  std::random_device device;
  return fmt::format("{:08x}{:08x}", device(), device());
}

Result<double> seconds_of(const char* option, const std::string& text) {
  if (text.empty()) return 0.0;
  const auto span = conf::parse_duration(text);
  if (!span)
    return fail(Error(ErrorKind::kBadInput, fmt::format("{}: `{}` is no duration", option, text))
                    .with_hint("10m, 1h30m, 90s"));
  return static_cast<double>(span->count()) / 1000;
}

Result<int> add(Stub& schedules, const Options& options) {
  KILN_ASSIGN(const auto request, add_request(options.schedule));
  KILN_ASSIGN(const auto reply,
              ask<v1::Schedule>(schedules, &Stub::AddSchedule, request, "adding the schedule"));
  return print_reply(options, reply, report::schedule_to_text(reply));
}

Result<int> list(Stub& schedules, const Options& options) {
  v1::ListSchedulesRequest request;
  request.set_name(options.schedule.name);
  request.set_with_removed(options.schedule.with_removed);
  request.set_times(options.schedule.times);
  KILN_ASSIGN(const auto reply, ask<v1::ListSchedulesReply>(schedules, &Stub::ListSchedules,
                                                            request, "listing the schedules"));
  return print_reply(options, reply, report::schedules_to_text(reply));
}

template <typename Call>
Result<int> change(Stub& schedules, Call call, const char* doing, const Options& options) {
  v1::ScheduleRequest request;
  request.set_name(options.schedule.name);
  KILN_ASSIGN(const auto reply, ask<v1::Schedule>(schedules, call, request, doing));
  return print_reply(options, reply, report::schedule_to_text(reply));
}

Result<int> run_now(Stub& schedules, const Options& options) {
  v1::RunNowRequest request;
  request.set_name(options.schedule.name);
  request.set_who(who_asks());
  request.set_request_id(new_request_id());
  KILN_ASSIGN(const auto reply,
              ask<v1::Firing>(schedules, &Stub::RunNow, request, "starting the schedule"));
  return print_reply(options, reply, report::firing_to_text(reply));
}

Result<int> history(Stub& schedules, const Options& options) {
  v1::ListFiringsRequest request;
  request.set_name(options.schedule.name);
  request.set_limit(options.limit);
  KILN_ASSIGN(const auto reply, ask<v1::ListFiringsReply>(schedules, &Stub::ListFirings, request,
                                                          "reading the history"));
  return print_reply(options, reply, report::firings_to_text(reply));
}

bool only_looks(ScheduleVerb verb) {
  return verb == ScheduleVerb::kList || verb == ScheduleVerb::kHistory;
}

int embedded(ScheduleVerb verb, const Options& options) {
  const auto checked = [&]() -> Result<int> {
    KILN_ASSIGN(const auto host, EmbeddedLab::start(options, only_looks(verb) ? HostMode::kReadOnly
                                                                              : HostMode::kReview));
    return schedule_with(host->schedules(), verb, options);
  };
  return finish(options, checked());
}

}  // namespace

Result<v1::AddScheduleRequest> add_request(const ScheduleOptions& options) {
  v1::AddScheduleRequest request;
  request.set_who(who_asks());
  v1::Schedule* schedule = request.mutable_schedule();
  std::error_code code;
  const auto job = std::filesystem::absolute(options.job, code).lexically_normal();
  for (const std::string* word : {&options.name, &options.cron, &options.zone, &options.missed,
                                  &options.overlap, &options.unchanged})
    if (to_valid_utf8(*word) != *word)
      return fail(ErrorKind::kBadInput, "a schedule is written in UTF-8");
  if (code || to_valid_utf8(job.string()) != job.string())
    return fail(ErrorKind::kBadInput, "the job file's path cannot be used");
  schedule->set_name(options.name);
  schedule->set_cron(options.cron);
  schedule->set_zone(options.zone);
  schedule->set_job_file(job.string());
  schedule->set_missed(options.missed);
  schedule->set_overlap(options.overlap);
  schedule->set_unchanged(options.unchanged);
  KILN_ASSIGN(const double jitter, seconds_of("--jitter", options.jitter));
  KILN_ASSIGN(const double late, seconds_of("--max-late", options.max_late));
  schedule->set_jitter_seconds(jitter);
  schedule->set_max_late_seconds(late);
  return request;
}

Result<int> schedule_with(Stub& schedules, ScheduleVerb verb, const Options& options) {
  switch (verb) {
    case ScheduleVerb::kAdd:
      return add(schedules, options);
    case ScheduleVerb::kList:
      return list(schedules, options);
    case ScheduleVerb::kPause:
      return change(schedules, &Stub::PauseSchedule, "pausing the schedule", options);
    case ScheduleVerb::kResume:
      return change(schedules, &Stub::ResumeSchedule, "resuming the schedule", options);
    case ScheduleVerb::kRemove:
      return change(schedules, &Stub::RemoveSchedule, "removing the schedule", options);
    case ScheduleVerb::kRunNow:
      return run_now(schedules, options);
    case ScheduleVerb::kHistory:
      return history(schedules, options);
  }
  return fail(ErrorKind::kInternal, "no such command");
}

int schedule_add_command(const Options& options) {
  return embedded(ScheduleVerb::kAdd, options);
}
int schedule_list_command(const Options& options) {
  return embedded(ScheduleVerb::kList, options);
}
int schedule_pause_command(const Options& options) {
  return embedded(ScheduleVerb::kPause, options);
}
int schedule_resume_command(const Options& options) {
  return embedded(ScheduleVerb::kResume, options);
}
int schedule_remove_command(const Options& options) {
  return embedded(ScheduleVerb::kRemove, options);
}
int schedule_run_now_command(const Options& options) {
  return embedded(ScheduleVerb::kRunNow, options);
}
int schedule_history_command(const Options& options) {
  return embedded(ScheduleVerb::kHistory, options);
}

}  // namespace kiln::cli
