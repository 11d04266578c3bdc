/// kiln --lab NAME doctor: is the lab there, does it know us, can it work?
#include <fmt/format.h>

#include "cli/calls.h"
#include "cli/doctor_check.h"
#include "cli/embedded.h"
#include "cli/lab_address.h"
#include "lib/base/clock.h"
#include "lib/base/text.h"

namespace kiln::cli {
namespace {

constexpr auto kDeadline = std::chrono::seconds(10);
constexpr auto kSoon = std::chrono::hours(24 * 7);

Check failed(const std::string& name, const Error& error) {
  return {name, "missing", error.message, error.hint};
}

Check check_token(EmbeddedLab& lab, const LabAddress& address) {
  if (address.target.starts_with("unix:"))
    return {"token", "ok", "none needed: by the data folder's socket everything is allowed", ""};
  const auto me = ask<v1::WhoAmIReply>(lab.access(), &v1::Access::Stub::WhoAmI, v1::WhoAmIRequest(),
                                       "asking who we are", kDeadline);
  if (!me) return failed("token", me.error());
  std::string found = fmt::format("{}, role {}", me->user(), me->role());
  if (!me->has_expires()) return {"token", "ok", found, ""};
  const WallTime expires(Millis(me->expires().seconds() * 1000));
  found += ", good until " + to_rfc3339(expires);
  if (expires - SystemClock().now() < kSoon)
    return {"token", "note", found, "an admin makes a new one: kiln token add " + me->user()};
  return {"token", "ok", found, ""};
}

Check check_agents(EmbeddedLab& lab) {
  const auto reply =
      ask<v1::ListAgentsReply>(lab.machines(), &v1::Machines::Stub::ListAgents,
                               v1::ListAgentsRequest(), "asking for the agents", kDeadline);
  if (!reply) return failed("agents", reply.error());
  std::vector<std::string> away;
  std::vector<std::string> other;
  int connected = 0;
  for (const v1::Agent& agent : reply->agents()) {
    connected += agent.connected() ? 1 : 0;
    if (!agent.connected()) away.push_back(agent.name());
    if (agent.connected() && agent.version() != KILN_VERSION)
      other.push_back(agent.name() + " " + agent.version());
  }
  std::string found = fmt::format("{} connected", connected);
  if (!away.empty()) found += ", away: " + join(away, ", ");
  if (!other.empty()) found += ", of another version: " + join(other, ", ");
  if (connected == 0)
    return {
        "agents", "missing", found,
        "start kiln-agent on a computer with machines; kiln agent invite NAME lets a new one in"};
  const bool fine = away.empty() && other.empty();
  return {"agents", fine ? "ok" : "note", found, fine ? "" : "look at kiln-agent's log there"};
}

Check check_machines(EmbeddedLab& lab) {
  const auto reply =
      ask<v1::ListMachinesReply>(lab.machines(), &v1::Machines::Stub::ListMachines,
                                 v1::ListMachinesRequest(), "asking for the machines", kDeadline);
  if (!reply) return failed("machines", reply.error());
  int able = 0;
  std::vector<std::string> unable;
  for (const v1::Machine& machine : reply->machines()) {
    const bool works = machine.state() == "ready" || machine.state() == "busy";
    able += works ? 1 : 0;
    if (!works) unable.push_back(machine.name() + " is " + machine.state());
  }
  std::string found = fmt::format("{} of {} take work", able, reply->machines_size());
  if (!unable.empty()) found += "; " + join(unable, ", ");
  const std::string mend = unable.empty() && able > 0 ? "" : "kiln machines says why";
  return {"machines", able == 0 ? "missing" : unable.empty() ? "ok" : "note", found, mend};
}

}  // namespace

Result<std::vector<Check>> check_lab(const Options& options) {
  KILN_ASSIGN(const auto address, find_lab(options.lab.lab));
  std::vector<Check> checks;
  if (!address) return checks;
  const auto lab = EmbeddedLab::start(options, HostMode::kLab);
  if (!lab) {
    checks.push_back(failed("controller", lab.error()));
    return checks;
  }
  checks.push_back(
      {"controller", "ok", fmt::format("{} at {}", address->name, address->target), ""});
  const Check token = check_token(**lab, *address);
  checks.push_back(token);
  if (token.state == "missing") return checks;
  checks.push_back(check_agents(**lab));
  checks.push_back(check_machines(**lab));
  return checks;
}

}  // namespace kiln::cli
