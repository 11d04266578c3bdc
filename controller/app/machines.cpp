#include "controller/app/machines.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "controller/results/timestamps.h"
#include "lib/base/text.h"

namespace kiln::controller {
namespace {

constexpr double kLongestHold = 6.0 * 3600;

void fill(const fleet::Hold& hold, v1::Hold* out) {
  out->set_machine(hold.machine);
  out->set_user(hold.user);
  out->set_reason(to_valid_utf8(hold.reason));
  results::set_timestamp(hold.from, out->mutable_from());
  results::set_timestamp(hold.until, out->mutable_until());
}

}  // namespace

Result<v1::ListMachinesReply> MachinesView::list_machines() {
  v1::ListMachinesReply reply;
  for (const fleet::MachineView& view : lab_.views()) {
    v1::Machine* machine = reply.add_machines();
    machine->set_name(view.info.name());
    machine->set_agent(view.standing.agent);
    machine->set_state(view.word);
    machine->set_why(to_valid_utf8(view.why));
    *machine->mutable_tags() = view.info.tags();
    *machine->mutable_facts() = view.info.facts();
    machine->set_emulated(view.info.emulated());
    machine->set_host(view.info.host());
    if (view.held) machine->set_run_id(view.held->run);
    if (view.hold) fill(*view.hold, machine->mutable_hold());
    if (view.visit) fill(*view.visit, machine->mutable_visit());
    machine->set_errors_in_a_row(view.standing.errors_in_a_row);
    if (health_ != nullptr) machine->set_check(to_valid_utf8(health_->words_of(view.info.name())));
  }
  return reply;
}

Result<v1::ListAgentsReply> MachinesView::list_agents() {
  std::map<std::string, v1::Agent> agents;
  for (const fleet::AgentInfo& info : fleet_.agents()) {
    v1::Agent& agent = agents[info.name];
    agent.set_version(info.version);
    agent.set_connected(true);
    agent.set_clock_offset_seconds(info.clock_offset_seconds);
    for (const std::string& machine : info.machines) agent.add_machines(machine);
  }
  for (const fleet::MachineView& view : lab_.views()) {
    if (view.connected || view.standing.agent.empty()) continue;
    v1::Agent& agent = agents[view.standing.agent];
    agent.add_machines(view.info.name());
  }
  v1::ListAgentsReply reply;
  for (auto& [name, agent] : agents) {
    agent.set_name(name);
    *reply.add_agents() = std::move(agent);
  }
  return reply;
}

Result<v1::ListQueueReply> MachinesView::list_queue() {
  v1::ListQueueReply reply;
  reply.set_paused(to_valid_utf8(lab_.paused()));
  for (const lab::Held& held : lab_.held()) {
    v1::QueueItem* item = reply.add_running();
    item->set_run_id(held.run);
    item->set_user(held.user);
    item->set_what(held.key);
    item->set_place(held.place);
  }
  for (const lab::Waiting& waiting : lab_.waiting()) {
    v1::QueueItem* item = reply.add_waiting();
    item->set_run_id(waiting.run);
    item->set_user(waiting.user);
    item->set_what(waiting.want.key);
    item->set_priority(std::string(lab::to_string(waiting.want.priority)));
    item->set_why(waiting.why);
    results::set_timestamp(waiting.since, item->mutable_since());
  }
  return reply;
}

Result<v1::HoldMachineReply> MachinesView::hold(const v1::HoldMachineRequest& request,
                                                const std::string& user) {
  if (!(request.seconds() > 0 && request.seconds() <= kLongestHold))
    return fail(ErrorKind::kBadInput, "a machine is held for up to 6 hours");
  if (trim(request.reason()).empty())
    return fail(Error(ErrorKind::kBadInput, "a hold needs a reason for the others")
                    .with_hint("--reason 'looking at the hang of run 412'"));
  const WallTime until = clock_.now() + Millis(static_cast<int64_t>(request.seconds() * 1000));
  KILN_ASSIGN(const fleet::Hold hold,
              lab_.hold(request.machine(), user, to_valid_utf8(request.reason()), until));
  v1::HoldMachineReply reply;
  fill(hold, reply.mutable_hold());
  const auto held = lab_.held();
  reply.set_busy(std::any_of(held.begin(), held.end(), [&](const lab::Held& each) {
    return each.place == request.machine();
  }));
  return reply;
}

Result<v1::ReleaseMachineReply> MachinesView::release(const v1::ReleaseMachineRequest& request,
                                                      const std::string& user, bool keeper) {
  for (const fleet::MachineView& view : lab_.views())
    if (view.info.name() == request.machine() && view.hold && view.hold->user != user && !keeper)
      return fail(ErrorKind::kPermission,
                  fmt::format("{} is held by {}: they or a keeper give it back", request.machine(),
                              view.hold->user));
  KILN_TRY(lab_.release_hold(request.machine(), user));
  return v1::ReleaseMachineReply();
}

Result<v1::SetIntentReply> MachinesView::set_intent(const v1::SetIntentRequest& request) {
  const std::string& intent = request.intent();
  if (intent != "in-service" && intent != "draining" && intent != "retired")
    return fail(ErrorKind::kBadInput,
                "an intent is in-service, draining or retired, not " + to_valid_utf8(intent));
  KILN_TRY(lab_.set_intent(request.machine(), intent, to_valid_utf8(request.why())));
  return v1::SetIntentReply();
}

Result<v1::RestoreReply> MachinesView::restore(const v1::RestoreRequest& request) {
  KILN_TRY(lab_.set_health(request.machine(), "good", "put back by a person"));
  return v1::RestoreReply();
}

}  // namespace kiln::controller
