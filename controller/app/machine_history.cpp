#include "controller/app/machine_history.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "controller/results/timestamps.h"
#include "lib/base/text.h"
#include "lib/db/machine_history.h"
#include "lib/db/machine_table.h"
#include "lib/db/session_table.h"
#include "lib/verdict/canaries.h"

namespace kiln::controller {
namespace {

constexpr int kUsual = 100;
constexpr int kMost = 500;
constexpr int kDays = 14;
constexpr int kCanaryBoots = 20;  // whose metrics are looked at
constexpr int64_t kAnyRun = std::numeric_limits<int64_t>::max();
constexpr int kPairs = 6;  // a run's, where its job says nothing else

/// Newest first: the machine waits from a session's end to the start of the one before in the list.
void add_sessions(const std::vector<db::MachineSession>& rows, v1::MachineHistoryReply* reply) {
  const db::MachineSession* next = nullptr;
  for (const db::MachineSession& row : rows) {
    v1::MachineSession* out = reply->add_sessions();
    out->set_id(row.id);
    out->set_run_id(row.run_id);
    out->set_job_name(to_valid_utf8(row.job_name));
    out->set_purpose(to_valid_utf8(row.purpose));
    out->set_variant(to_valid_utf8(row.variant));
    out->set_config(to_valid_utf8(row.config));
    out->set_ending(row.ending);
    out->set_error_class(row.error_class);
    out->set_error(to_valid_utf8(row.error));
    if (row.started) results::set_timestamp(*row.started, out->mutable_started());
    out->set_seconds(row.seconds);
    out->set_restarts(row.restarts);
    out->set_idle_seconds(-1);
    if (next != nullptr && next->started && row.started && row.state == "done") {
      const std::chrono::duration<double> between = *next->started - *row.started;
      out->set_idle_seconds(std::max(0.0, between.count() - row.seconds));
    }
    next = &row;
  }
}

double percent(double log_ratio) {
  return 100 * std::expm1(log_ratio);
}

/// How the machine is set as a rule: the same for all of its metrics.
Result<hygiene::Settings> usual_of(db::Database& database, const std::string& machine) {
  KILN_ASSIGN(const auto settings, db::SessionTable(database).settings_before(kAnyRun, machine));
  return hygiene::usual_of(settings);
}

Result<std::optional<stats::NoiseFloor>> noise_of(db::Database& database,
                                                  const std::string& machine,
                                                  const hygiene::Settings& usual,
                                                  const std::string& metric) {
  verdict::CanaryHistory history{metric, {}};
  KILN_TRY(db::SessionTable(database).look_up_canaries(kAnyRun, machine, &history));
  const std::vector<double> ratios = verdict::canary_ratios(history.boots, usual);
  if (ratios.size() < 2) return std::nullopt;
  return stats::noise_floor(ratios, kPairs);
}

Status add_noise(db::Database& database, const std::string& machine,
                 v1::MachineHistoryReply* reply) {
  KILN_ASSIGN(const auto metrics,
              db::MachineHistoryTable(database).canary_metrics(machine, kCanaryBoots));
  KILN_ASSIGN(const hygiene::Settings usual, usual_of(database, machine));
  for (const std::string& metric : metrics) {
    KILN_ASSIGN(const auto floor, noise_of(database, machine, usual, metric));
    if (!floor) continue;
    v1::MachineNoise* out = reply->add_noise();
    out->set_metric(to_valid_utf8(metric));
    out->set_pairs(floor->pairs);
    out->set_sd_percent(percent(floor->sd));
    if (const double least = stats::detectable_percent(*floor, kPairs); std::isfinite(least))
      out->set_detectable_percent(least);
    out->set_experiments(floor->experiments);
    out->set_alarms(floor->alarms);
    out->set_believed(floor->as_nominal);
  }
  return {};
}

/// One that is new has no past yet.
Result<bool> is_known(db::Database& database, const std::string& machine) {
  KILN_ASSIGN(const auto machines, db::MachineTable(database).all());
  return std::any_of(machines.begin(), machines.end(),
                     [&](const db::MachineRow& row) { return row.name == machine; });
}

}  // namespace

Result<std::optional<stats::NoiseFloor>> noise_of(db::Database& database,
                                                  const std::string& machine,
                                                  const std::string& metric) {
  KILN_ASSIGN(const hygiene::Settings usual, usual_of(database, machine));
  return noise_of(database, machine, usual, metric);
}

Result<v1::MachineHistoryReply> machine_history(db::Database& database,
                                                const v1::MachineHistoryRequest& request,
                                                WallTime now) {
  const db::MachineHistoryTable table(database);
  const int limit = request.limit() <= 0 ? kUsual : std::min(request.limit(), kMost);
  KILN_ASSIGN(const auto rows, table.sessions(request.machine(), request.before_session(), limit));
  KILN_ASSIGN(const bool known, rows.empty() ? is_known(database, request.machine()) : true);
  if (!known)
    return fail(Error(ErrorKind::kNotFound, "nothing ever ran on a machine `" +
                                                to_valid_utf8(request.machine().substr(0, 200)) +
                                                "`")
                    .with_hint("kiln machines lists them"));
  v1::MachineHistoryReply reply;
  add_sessions(rows, &reply);
  if (request.before_session() != 0) return reply;  // the figures came with the first page
  reply.set_days(kDays);
  KILN_ASSIGN(const auto endings,
              table.endings(request.machine(), now - std::chrono::hours(24 * kDays)));
  for (const db::MachineEndings& row : endings) {
    v1::MachineEndings* out = reply.add_endings();
    out->set_ending(row.ending);
    out->set_error_class(row.error_class);
    out->set_sessions(row.sessions);
    out->set_seconds(row.seconds);
  }
  KILN_TRY(add_noise(database, request.machine(), &reply));
  return reply;
}

}  // namespace kiln::controller
