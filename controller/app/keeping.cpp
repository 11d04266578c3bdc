#include "controller/app/keeping.h"

#include <fmt/format.h>

#include "controller/keeping/clear.h"
#include "controller/results/timestamps.h"
#include "lib/base/text.h"
#include "lib/db/retention_table.h"
#include "lib/db/run_table.h"
#include "lib/log/log.h"

namespace kiln::controller {
namespace {

constexpr size_t kLongestWhy = 500;

v1::KeptRun to_proto(const db::KeptRow& row) {
  v1::KeptRun run;
  run.set_run_id(row.run_id);
  run.set_job_name(to_valid_utf8(row.job_name));
  run.set_title(to_valid_utf8(row.title));
  results::set_timestamp(row.since, run.mutable_since());
  run.set_by(to_valid_utf8(row.by));
  run.set_why(to_valid_utf8(row.why));
  return run;
}

}  // namespace

Keeping::Keeping(KeepingParts parts) : parts_(std::move(parts)), rules_(parts_.rules) {}

void Keeping::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { loop(stop); });
}

void Keeping::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  rules_.lock().notify_all();
  thread_.join();
}

void Keeping::set_rules(const KeepingRules& rules) {
  auto locked = rules_.lock();
  *locked = rules;
  locked.notify_all();
}

void Keeping::loop(const std::stop_token& stop) {
  auto last = std::chrono::steady_clock::now();
  while (!stop.stop_requested()) {
    {
      auto rules = rules_.lock();
      const KeepingRules before = *rules;
      rules.wait_until(last + before.every,
                       [&] { return stop.stop_requested() || !(*rules == before); });
      if (stop.stop_requested()) return;
      if (std::chrono::steady_clock::now() < last + rules->every) continue;  // other rules
      last = std::chrono::steady_clock::now();
      if (keep::keeps_everything(rules->rules)) continue;
    }
    const auto report = clear({});
    if (!report)
      log::line(log::Level::kWarning, "nothing was cleared away",
                {{"error", report.error().message}});
    else if (report->runs_size() > 0 || report->artifacts() > 0)
      log::line(log::Level::kInfo, "cleared away",
                {{"runs", std::to_string(report->runs_size())},
                 {"artifacts", std::to_string(report->artifacts())},
                 {"bytes", std::to_string(report->bytes())}});
  }
}

Result<int64_t> Keeping::resolve(int64_t run_id) {
  if (run_id != 0) return run_id;
  KILN_ASSIGN(const auto newest, db::RunTable(parts_.database).list(1));
  if (newest.empty()) return fail(ErrorKind::kNotFound, "there are no runs");
  return newest.front().run.id;
}

Result<v1::KeptRun> Keeping::keep(const v1::KeepRunRequest& request) {
  if (request.why().size() > kLongestWhy || request.who().size() > kLongestWhy)
    return fail(ErrorKind::kBadInput,
                fmt::format("a reason has at most {} characters", kLongestWhy));
  db::KeptRow row;
  KILN_ASSIGN(row.run_id, resolve(request.run_id()));
  KILN_ASSIGN(const db::RunRow run, db::RunTable(parts_.database).get(row.run_id));
  row.job_name = run.job_name;
  row.title = run.title;
  row.since = parts_.clock.now();
  row.by = request.who();
  row.why = request.why();
  KILN_TRY(db::RetentionTable(parts_.database).keep(row));
  return to_proto(row);
}

Result<v1::LetRunGoReply> Keeping::let_go(const v1::LetRunGoRequest& request) {
  v1::LetRunGoReply reply;
  KILN_ASSIGN(const int64_t id, resolve(request.run_id()));
  KILN_TRY(db::RetentionTable(parts_.database).let_go(id));
  reply.set_run_id(id);
  return reply;
}

Result<v1::ListKeptReply> Keeping::kept() {
  KILN_ASSIGN(const auto rows, db::RetentionTable(parts_.database).kept());
  v1::ListKeptReply reply;
  for (const db::KeptRow& row : rows) *reply.add_runs() = to_proto(row);
  return reply;
}

Result<v1::ClearReport> Keeping::clear(const v1::ClearAwayRequest& request) {
  if (!request.dry_run() && !parts_.may_clear)
    return fail(ErrorKind::kPermission, "this controller is read only");
  ClearOptions options;
  options.data_dir = parts_.data_dir;
  options.dry_run = request.dry_run();
  options.rules = rules_.lock()->rules;
  if (request.has_rules()) {
    const v1::KeepRules& rules = request.rules();
    if (rules.runs() < 0 || rules.days() < 0 || rules.days() > 36'500)
      return fail(ErrorKind::kBadInput, "rules count runs and days from 0, days up to 36500");
    options.rules = {rules.runs(), rules.days(), rules.open_findings()};
  }
  options.in_use = parts_.in_use;
  return clear_away(parts_.database, parts_.blobs, options, parts_.clock);
}

}  // namespace kiln::controller
