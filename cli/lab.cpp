/// kiln watch, cancel, retry, queue, machines, agents, hold, release, drain, resume.
#include <fmt/format.h>

#include <iostream>

#include "cli/calls.h"
#include "cli/embedded.h"
#include "cli/filtered.h"
#include "cli/follow.h"
#include "cli/terminal.h"
#include "lib/base/clock.h"
#include "lib/conf/units.h"
#include "lib/report/lab_lists.h"
#include "lib/report/report.h"
#include "lib/rpc/status.h"

namespace kiln::cli {
namespace {

constexpr auto kDeadline = std::chrono::seconds(30);

Result<int> watch_checked(const Options& options) {
  KILN_ASSIGN(int64_t run_id, parse_run_id(options.run_id));
  KILN_ASSIGN(const auto lab, EmbeddedLab::start(options, HostMode::kLab));
  if (run_id == 0) {
    KILN_ASSIGN(const v1::RunReport newest, get_report(lab->lab(), 0));
    run_id = newest.run().id();
  }
  return follow_run(options, *lab, run_id);
}

Result<int> cancel_checked(const Options& options) {
  KILN_ASSIGN(const int64_t run_id, parse_run_id(options.run_id));
  if (run_id == 0)
    return fail(ErrorKind::kBadInput, "which run is to be stopped? kiln queue lists them");
  KILN_ASSIGN(const auto lab, EmbeddedLab::start(options, HostMode::kLab));
  grpc::ClientContext context;
  rpc::set_deadline(context, kDeadline);
  v1::CancelRunRequest request;
  request.set_run_id(run_id);
  v1::CancelRunReply reply;
  if (const grpc::Status status = lab->lab().CancelRun(&context, request, &reply); !status.ok())
    return fail(rpc::from_grpc(status, fmt::format("stopping run {}", run_id)));
  std::cerr << fmt::format("run {0} is stopping; what it has is kept: kiln report {0}\n", run_id);
  return kOk;
}

Result<int> retry_checked(const Options& options) {
  KILN_ASSIGN(const int64_t run_id, parse_run_id(options.run_id));
  KILN_ASSIGN(const auto lab, EmbeddedLab::start(options, HostMode::kLab));
  v1::RetryRunRequest request;
  request.set_run_id(run_id);
  request.set_fresh(options.fresh);
  KILN_ASSIGN(const auto reply,
              ask<v1::StartRunReply>(lab->lab(), &v1::Lab::Stub::RetryRun, request,
                                     "running " + options.run_id + " again", kPrepareLimit));
  if (options.lab.wait) return follow_run(options, *lab, reply.run_id());
  return print_reply(
      options, reply,
      fmt::format("run {0} {1}\nnext: kiln watch {0} | kiln queue\n", reply.run_id(),
                  reply.resumed() ? "goes on with what it has"
                                  : fmt::format("is in the queue, run {} anew", options.run_id)));
}

Result<int> queue_checked(const Options& options) {
  KILN_ASSIGN(const auto lab, EmbeddedLab::start(options, HostMode::kLab));
  KILN_ASSIGN(const auto reply,
              ask<v1::ListQueueReply>(lab->machines(), &v1::Machines::Stub::ListQueue,
                                      v1::ListQueueRequest(), "asking for the queue", kDeadline));
  return print_reply(options, reply, report::queue_to_text(reply, SystemClock().now()));
}

Where::Row filter_row(const v1::Machine& machine) {
  return {{"name", {machine.name()}},   {"state", {machine.state()}},
          {"agent", {machine.agent()}}, {"tag", {machine.tags().begin(), machine.tags().end()}},
          {"host", {machine.host()}},   {"why", {machine.why()}}};
}

Result<int> machines_checked(const Options& options) {
  KILN_ASSIGN(const auto lab, EmbeddedLab::start(options, HostMode::kLab));
  KILN_ASSIGN(auto reply, ask<v1::ListMachinesReply>(
                              lab->machines(), &v1::Machines::Stub::ListMachines,
                              v1::ListMachinesRequest(), "asking for the machines", kDeadline));
  KILN_TRY(keep_where(options.where, {"name", "state", "agent", "tag", "host"}, filter_row,
                      reply.mutable_machines()));
  return print_reply(options, reply, report::machines_to_text(reply));
}

Result<int> agents_checked(const Options& options) {
  KILN_ASSIGN(const auto lab, EmbeddedLab::start(options, HostMode::kLab));
  KILN_ASSIGN(const auto reply, ask<v1::ListAgentsReply>(
                                    lab->machines(), &v1::Machines::Stub::ListAgents,
                                    v1::ListAgentsRequest(), "asking for the agents", kDeadline));
  return print_reply(options, reply, report::agents_to_text(reply));
}

Result<int> hold_checked(const Options& options) {
  const auto length = conf::parse_duration(options.lab.duration);
  if (!length)
    return fail(ErrorKind::kBadInput,
                fmt::format("`{}` is no time: 30m, 2h", options.lab.duration));
  KILN_ASSIGN(const auto lab, EmbeddedLab::start(options, HostMode::kLab));
  v1::HoldMachineRequest request;
  request.set_machine(options.lab.machine);
  request.set_reason(options.lab.reason);
  request.set_seconds(static_cast<double>(length->count()) / 1000.0);
  KILN_ASSIGN(const auto reply,
              ask<v1::HoldMachineReply>(lab->machines(), &v1::Machines::Stub::HoldMachine, request,
                                        "borrowing " + options.lab.machine, kDeadline));
  return print_reply(
      options, reply,
      fmt::format("{} is yours for {}{}; kiln release {} gives it back earlier\n",
                  options.lab.machine, human_duration(*length),
                  reply.busy() ? ", once its session has ended" : "", options.lab.machine));
}

Result<int> release_checked(const Options& options) {
  KILN_ASSIGN(const auto lab, EmbeddedLab::start(options, HostMode::kLab));
  v1::ReleaseMachineRequest request;
  request.set_machine(options.lab.machine);
  KILN_ASSIGN(const auto reply, ask<v1::ReleaseMachineReply>(
                                    lab->machines(), &v1::Machines::Stub::ReleaseMachine, request,
                                    "giving back " + options.lab.machine, kDeadline));
  std::cerr << options.lab.machine << " takes sessions again\n";
  return kOk;
}

Result<int> set_intent(const Options& options, const char* intent) {
  KILN_ASSIGN(const auto lab, EmbeddedLab::start(options, HostMode::kLab));
  v1::SetIntentRequest request;
  request.set_machine(options.lab.machine);
  request.set_intent(intent);
  request.set_why(options.lab.reason);
  KILN_ASSIGN(const auto reply,
              ask<v1::SetIntentReply>(lab->machines(), &v1::Machines::Stub::SetIntent, request,
                                      "changing " + options.lab.machine, kDeadline));
  std::cerr << options.lab.machine << " is " << intent << "\n";
  return kOk;
}

Result<int> resume_checked(const Options& options) {
  KILN_ASSIGN(const auto lab, EmbeddedLab::start(options, HostMode::kLab));
  v1::RestoreRequest request;
  request.set_machine(options.lab.machine);
  KILN_ASSIGN(const auto restored,
              ask<v1::RestoreReply>(lab->machines(), &v1::Machines::Stub::Restore, request,
                                    "restoring " + options.lab.machine, kDeadline));
  Options plain = options;
  plain.lab.reason.clear();
  return set_intent(plain, "in-service");
}

}  // namespace

int watch_command(const Options& options) {
  return finish(options, watch_checked(options));
}
int cancel_command(const Options& options) {
  return finish(options, cancel_checked(options));
}
int retry_command(const Options& options) {
  return finish(options, retry_checked(options));
}
int queue_command(const Options& options) {
  return finish(options, queue_checked(options));
}
int machines_command(const Options& options) {
  return finish(options, machines_checked(options));
}
int agents_command(const Options& options) {
  return finish(options, agents_checked(options));
}
int hold_command(const Options& options) {
  return finish(options, hold_checked(options));
}
int release_command(const Options& options) {
  return finish(options, release_checked(options));
}
int drain_command(const Options& options) {
  return finish(options, set_intent(options, "draining"));
}
int resume_command(const Options& options) {
  return finish(options, resume_checked(options));
}

}  // namespace kiln::cli
