#include "controller/app/visits.h"

#include <fmt/format.h>

#include <algorithm>

#include "controller/scheduler/orders.h"
#include "controller/scheduler/stored_job.h"
#include "lib/base/text.h"
#include "lib/db/job_table.h"

namespace kiln::controller {
namespace {

constexpr size_t kMostAtOnce = 256 << 10;
constexpr Millis kGive{10'000};
constexpr const char* kSsh = "ssh";

/// The run's build of that cell; of none named, the first patched one, else the first.
const v1::Build* build_of(const v1::RunReport& report, const std::string& cell) {
  const v1::Build* first = nullptr;
  for (const v1::Build& build : report.builds()) {
    if (build.state() == "failed" || build.key().empty()) continue;
    if (build.cell() == cell) return &build;
    if (!cell.empty()) continue;
    if (build.cell().starts_with("patched/")) return &build;
    if (first == nullptr) first = &build;
  }
  return first;
}

}  // namespace

void fill(const fleet::Visit& visit, v1::Visit* out) {
  out->set_number(visit.number);
  out->set_kernel(visit.kernel);
  out->set_state(visit.state);
  out->set_why(to_valid_utf8(visit.why));
}

Result<kernel::BuildRecord> Visits::in_store(const std::string& key, const std::string& words) {
  KILN_ASSIGN(const auto build, store_.find_build(key));
  if (build) return *build;
  return fail(
      Error(ErrorKind::kNotFound, fmt::format("the kernel of {} is not in store any more", words))
          .with_hint("kiln retry RUN --fresh builds a run's kernels again"));
}

Result<Visits::Kernel> Visits::kernel_of_run(int64_t run, const std::string& cell) {
  KILN_ASSIGN(const v1::RunReport report, store_.report(run));
  const v1::Build* build = build_of(report, cell);
  if (build == nullptr) {
    std::vector<std::string> cells;
    for (const v1::Build& each : report.builds())
      if (each.state() != "failed") cells.push_back(each.cell());
    return fail(
        Error(ErrorKind::kNotFound, cell.empty()
                                        ? fmt::format("run {} has built no kernel", run)
                                        : fmt::format("run {} has no kernel of {}", run, cell))
            .with_hint(cells.empty() ? "kiln runs lists others" : "it has: " + join(cells, ", ")));
  }
  Kernel out;
  out.run = run;
  out.cell = build->cell();
  KILN_ASSIGN(out.build, in_store(build->key(), fmt::format("run {}, {}", run, build->cell())));
  KILN_ASSIGN(const auto document, db::JobTable(database_).get(run));
  if (!document)
    return fail(ErrorKind::kNotFound, fmt::format("run {} has kept no job to boot by", run));
  KILN_ASSIGN(out.job, job::stored_job(*document));
  return out;
}

Result<Visits::Kernel> Visits::kernel_of(const v1::BootMachineRequest& request) {
  if (request.run_id() != 0) return kernel_of_run(request.run_id(), request.cell());
  if (good_ == nullptr || !request.cell().empty())
    return fail(Error(ErrorKind::kBadInput, "which run's kernel?").with_hint("--run 12"));
  KILN_ASSIGN(const scheduler::GoodBoot good, good_->good_boot_for(request.machine()));
  Kernel out;
  out.run = good.run.id();
  out.cell = good.session.variant + "/" + good.session.config;
  out.job = good.job;
  KILN_ASSIGN(out.build,
              in_store(good.session.build_key, fmt::format("run {}, {}", out.run, out.cell)));
  return out;
}

Result<v1::BootMachineReply> Visits::boot(const v1::BootMachineRequest& request,
                                          const std::string& user) {
  KILN_TRY(holds(request.machine(), user));
  KILN_ASSIGN(const Kernel kernel, kernel_of(request));
  scheduler::Prepared prepared = scheduler::from_stored(kernel.job);
  prepared.spec.tests.clear();
  prepared.spec.benches.clear();
  job::PlannedSession session;
  const size_t slash = kernel.cell.find('/');
  session.variant = kernel.cell.substr(0, slash);
  session.config = slash == std::string::npos ? "" : kernel.cell.substr(slash + 1);
  v1::SessionOrder order = scheduler::make_order({&prepared, &session, &kernel.build, 0, 0, ""});
  KILN_ASSIGN(const fleet::Visit visit, lab_.visit(request.machine(), user, std::move(order),
                                                   fmt::format("run {}, {}: {}", kernel.run,
                                                               kernel.cell, kernel.build.release)));
  v1::BootMachineReply reply;
  fill(visit, reply.mutable_visit());
  return reply;
}

Status Visits::holds(const std::string& machine, const std::string& user) {
  KILN_ASSIGN(const fleet::Hold hold, lab_.hold_of(machine));
  if (hold.user == user) return {};
  return fail(ErrorKind::kPermission,
              fmt::format("{} is held by {}: {}", machine, hold.user, hold.reason));
}

Result<std::shared_ptr<fleet::Tunnel>> Visits::open(const std::string& machine,
                                                    const std::string& user,
                                                    const std::string& kind,
                                                    const std::string& ssh_key) {
  KILN_ASSIGN(auto tunnel, fleet_.tunnels().make(user, machine, kind == kSsh));
  if (const Status asked = fleet_.ask_for(*tunnel, kind, ssh_key); !asked) {
    close(*tunnel);
    return fail(asked.error());
  }
  return tunnel;
}

Result<std::shared_ptr<fleet::Tunnel>> Visits::open_console(const std::string& machine,
                                                            const std::string& user) {
  return open(machine, user, "console", "");
}

Result<std::shared_ptr<fleet::Tunnel>> Visits::open_ssh(const v1::OpenSshRequest& request,
                                                        const std::string& user) {
  KILN_TRY(holds(request.machine(), user));
  for (const fleet::MachineView& view : lab_.views())
    if (view.info.name() == request.machine() && (!view.visit || view.visit->state == "ended"))
      return fail(Error(ErrorKind::kConflict, request.machine() + " is off")
                      .with_hint(fmt::format("kiln boot {} --run RUN", request.machine())));
  return open(request.machine(), user, kSsh, request.ssh_key());
}

Result<v1::SendTunnelReply> Visits::send(const v1::SendTunnelRequest& request,
                                         const std::string& user) {
  if (request.data().size() > kMostAtOnce)
    return fail(ErrorKind::kBadInput, "at most 256 KiB at once");
  KILN_ASSIGN(const auto tunnel, fleet_.tunnels().find(request.tunnel_id()));
  if (tunnel->user() != user) return fail(ErrorKind::kNotFound, "no such tunnel is open");
  KILN_TRY(holds(tunnel->machine(), user));
  KILN_TRY(tunnel->give(request.data(), kGive));
  return v1::SendTunnelReply();
}

}  // namespace kiln::controller
