#include "controller/app/health_desk.h"

#include <fmt/format.h>

#include <algorithm>

#include "lib/db/job_table.h"

namespace kiln::controller {
namespace {

constexpr int kLookAt = 20;  // kernels of older boots are hardly still in store

}  // namespace

/// Of this very machine; nullopt = it has none whose kernel is still there.
Result<std::optional<scheduler::GoodBoot>> HealthDesk::good_boot_of(const std::string& machine) {
  const db::SessionTable sessions(database_);
  KILN_ASSIGN(const auto ids, sessions.good_boots(machine, kLookAt));
  for (const int64_t id : ids) {
    scheduler::GoodBoot good;
    KILN_ASSIGN(good.session, sessions.get(id));
    KILN_ASSIGN(const auto kernel, store_.find_build(good.session.build_key));
    const bool passed =
        std::any_of(good.session.results.begin(), good.session.results.end(),
                    [](const verdict::ResultRow& result) { return result.outcome == "pass"; });
    if (!kernel || !passed) continue;
    KILN_ASSIGN(const auto document, db::JobTable(database_).get(good.session.run_id));
    if (!document) continue;
    KILN_ASSIGN(good.job, job::stored_job(*document));
    KILN_ASSIGN(const v1::RunReport report, store_.report(good.session.run_id));
    good.run = report.run();
    return std::optional(std::move(good));
  }
  return std::optional<scheduler::GoodBoot>();
}

Result<scheduler::GoodBoot> HealthDesk::good_boot_for(const std::string& machine) {
  KILN_ASSIGN(auto own, good_boot_of(machine));
  if (own) return std::move(*own);
  const auto self = lab_.machine(machine);
  const std::string kind = self ? fleet::kind_of(self->info) : "";
  const fleet::MachineList machines = lab_.machines();
  for (const fleet::Machine& each : *machines) {
    if (kind.empty() || fleet::kind_of(each.info) != kind) continue;
    KILN_ASSIGN(auto good, good_boot_of(each.info.name()));
    if (good) return std::move(*good);
  }
  return fail(Error(ErrorKind::kNotFound,
                    fmt::format("{} has no boot that went well, with a kernel that is still in "
                                "store, to be repeated",
                                machine))
                  .with_hint("kiln resume " + machine + " puts it in service again"));
}

Result<int64_t> HealthDesk::start(const std::string& machine) {
  KILN_ASSIGN(const scheduler::GoodBoot good, good_boot_for(machine));
  RunAsk ask;
  KILN_ASSIGN(ask.prepared, scheduler::prepare_health_check(machine, good));
  ask.fresh = true;
  ask.user = "lab";
  ask.priority = lab::Priority::kCanary;
  ask.checks_machine = machine;
  ask.plan = [this](const scheduler::Prepared& of, uint64_t /*seed*/) -> Result<job::Plan> {
    return scheduler::plan_health_check(of, store_.history());
  };
  KILN_ASSIGN(const auto reply, runs_.start(std::move(ask)));
  return reply.run_id();
}

Result<std::optional<fleet::CheckOutcome>> HealthDesk::outcome(int64_t run) {
  KILN_ASSIGN(const v1::RunReport report, store_.report(run));
  if (report.run().state() == "running") return std::optional<fleet::CheckOutcome>();
  fleet::CheckOutcome outcome;
  outcome.passed = report.verdict().result() == "no-regression";
  outcome.words = report.verdict().headline();
  if (outcome.words.empty()) outcome.words = "it ended without an answer";
  return std::optional(std::move(outcome));
}

}  // namespace kiln::controller
