#include "controller/nights/rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lib/base/text.h"

namespace kiln::controller::nights_rows {
namespace {

constexpr size_t kMaxName = 64;
constexpr size_t kMaxWords = 4096;
constexpr Millis kMaxJitter = std::chrono::hours(24);
constexpr Millis kMaxLate = std::chrono::hours(24 * 31);

bool is_name(const std::string& name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= kMaxName && name[0] != '.' && name[0] != '-' &&
         std::all_of(name.begin(), name.end(), fits);
}

/// One of the words; the first of them when nothing was asked.
Result<std::string> word_of(const char* field, const std::string& asked,
                            const std::vector<std::string>& words) {
  if (asked.empty()) return words.front();
  if (std::find(words.begin(), words.end(), asked) != words.end()) return asked;
  return fail(Error(ErrorKind::kBadInput, fmt::format("{}: `{}` is no choice", field,
                                                      to_valid_utf8(asked.substr(0, kMaxName))))
                  .with_hint("expected " + join(words, " or ")));
}

Result<Millis> span_of(const char* field, double seconds, Millis most) {
  if (!std::isfinite(seconds) || seconds < 0 || seconds * 1000 > static_cast<double>(most.count()))
    return fail(Error(ErrorKind::kBadInput, fmt::format("{} is out of range", field))
                    .with_hint(fmt::format("expected 0 to {}", human_duration(most))));
  return Millis(static_cast<int64_t>(seconds * 1000));
}

void set_timestamp(WallTime time, google::protobuf::Timestamp* out) {
  const auto ms = time.time_since_epoch().count();
  out->set_seconds(ms / 1000);
  out->set_nanos(static_cast<int32_t>(ms % 1000 * 1'000'000));
}

}  // namespace

Result<nights::Timetable> timetable_of(const db::ScheduleRow& row) {
  nights::Timetable out;
  out.name = row.name;
  KILN_ASSIGN(out.when, cron::parse(row.cron));
  KILN_ASSIGN(out.zone, cron::Zone::find(row.zone));
  out.jitter = row.jitter;
  out.missed = row.missed == "skip" ? nights::Missed::kSkip : nights::Missed::kRunOnce;
  out.max_late = row.max_late;
  out.overlap = row.overlap == "queue" ? nights::Overlap::kQueue : nights::Overlap::kSkip;
  out.paused = row.paused.has_value();
  out.since = row.since;
  return out;
}

Result<db::ScheduleRow> row_of(const v1::AddScheduleRequest& request, WallTime now) {
  const v1::Schedule& asked = request.schedule();
  db::ScheduleRow row;
  if (!is_name(asked.name()))
    return fail(
        Error(ErrorKind::kBadInput, fmt::format("`{}` is no name of a schedule",
                                                to_valid_utf8(asked.name().substr(0, kMaxName))))
            .with_hint(
                fmt::format("expected a-z, 0-9, `.`, `_` and `-`, at most {} of them", kMaxName)));
  if (request.who().empty())
    return fail(ErrorKind::kBadInput, "a change of the schedules says who makes it");
  for (const std::string* words : {&request.who(), &asked.job_file()})
    if (words->size() > kMaxWords || words->find('\0') != std::string::npos)
      return fail(ErrorKind::kBadInput, "a name or a path is too long");
  if (!asked.job_file().starts_with('/'))
    return fail(ErrorKind::kBadInput, "the job file is named by its whole path");
  row.name = asked.name();
  KILN_ASSIGN(const cron::Expression when, cron::parse(asked.cron()));
  row.cron = when.text;
  KILN_ASSIGN(const cron::Zone zone, cron::Zone::find(asked.zone().empty() ? "UTC" : asked.zone()));
  row.zone = zone.name();
  row.job_file = asked.job_file();
  KILN_ASSIGN(row.jitter, span_of("jitter", asked.jitter_seconds(), kMaxJitter));
  KILN_ASSIGN(row.max_late, span_of("max late", asked.max_late_seconds(), kMaxLate));
  if (row.max_late == Millis(0)) row.max_late = nights::Timetable().max_late;
  KILN_ASSIGN(row.missed, word_of("missed", asked.missed(), {"run-once", "skip"}));
  KILN_ASSIGN(row.overlap, word_of("overlap", asked.overlap(), {"skip", "queue"}));
  KILN_ASSIGN(row.unchanged, word_of("unchanged", asked.unchanged(), {"skip", "run"}));
  row.since = row.added = now;
  row.added_by = request.who();
  return row;
}

nights::Night night_of(const db::NightRow& row) {
  nights::Night night;
  night.run_id = row.run_id;
  night.print = {row.source_tree, row.job_digest};
  night.ended = row.run_state == "done";
  night.result = row.result;
  night.planned = row.results_planned;
  night.got = row.results_got;
  return night;
}

cron::Zone zone_of(const db::ScheduleRow& row) {
  return cron::Zone::find(row.zone).value_or(cron::Zone::utc());
}

void to_proto(const db::ScheduleRow& row, v1::Schedule* out) {
  out->set_name(row.name);
  out->set_cron(row.cron);
  out->set_zone(row.zone);
  out->set_job_file(to_valid_utf8(row.job_file));
  out->set_jitter_seconds(static_cast<double>(row.jitter.count()) / 1000);
  out->set_missed(row.missed);
  out->set_max_late_seconds(static_cast<double>(row.max_late.count()) / 1000);
  out->set_overlap(row.overlap);
  out->set_unchanged(row.unchanged);
  if (row.paused) set_timestamp(*row.paused, out->mutable_paused());
  set_timestamp(row.added, out->mutable_added());
  out->set_added_by(to_valid_utf8(row.added_by));
  if (row.removed) set_timestamp(*row.removed, out->mutable_removed());
}

void to_proto(const db::FiringRow& row, const cron::Zone& zone, v1::Firing* out) {
  out->set_key(row.key);
  out->set_planned(zone.format(row.planned));
  out->set_decided(zone.format(row.decided));
  out->set_by_hand(row.by_hand);
  out->set_state(row.state);
  out->set_run_id(row.run_id);
  out->set_count(row.count);
  out->set_reason(to_valid_utf8(row.reason));
}

std::string key_of(WallTime planned) {
  return to_rfc3339(planned);
}

}  // namespace kiln::controller::nights_rows
