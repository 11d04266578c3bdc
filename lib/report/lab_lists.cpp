#include "lib/report/lab_lists.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/report/paragraph.h"
#include "lib/report/words.h"

namespace kiln::report {
namespace {

/// Rows as columns two blanks apart; the last column is as long as it is.
std::string columns(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i)
      line += i + 1 == row.size() ? row[i] : fmt::format("{:<{}}  ", row[i], widths[i]);
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

std::string until_words(const v1::Hold& hold) {
  return fmt::format("{} until {}", clean_line(hold.user()), time_words(hold.until()));
}

}  // namespace

std::string machines_to_text(const v1::ListMachinesReply& reply) {
  if (reply.machines().empty())
    return "no machine is known here; kiln-agent on a computer with machines brings them\n";
  std::vector<std::vector<std::string>> rows{{"MACHINE", "STATE", "AGENT", "TAGS", "WHY"}};
  for (const v1::Machine& machine : reply.machines()) {
    std::vector<std::string> tags(machine.tags().begin(), machine.tags().end());
    std::string why = clean_line(machine.why());
    if (machine.has_hold())
      why = until_words(machine.hold()) + ": " + clean_line(machine.hold().reason());
    if (machine.has_visit())
      why += fmt::format("; {} {}", clean_line(machine.visit().kernel()),
                         clean_line(machine.visit().state()));
    if (!machine.check().empty()) why += (why.empty() ? "" : "; ") + clean_line(machine.check());
    rows.push_back({clean_line(machine.name()), clean_line(machine.state()),
                    clean_line(machine.agent()), clean_line(join(tags, ",")), why});
  }
  return columns(rows);
}

namespace {

/// "connected", "connected, its clock is 1 h 00 min ahead".
std::string agent_state(const v1::Agent& agent) {
  const double offset = agent.clock_offset_seconds();
  if (!agent.connected()) return "away";
  if (!(std::abs(offset) > 60 && std::abs(offset) < 1e12)) return "connected";
  return fmt::format("connected, its clock is {} {}",
                     human_duration(Millis(static_cast<int64_t>(std::abs(offset) * 1000))),
                     offset > 0 ? "ahead" : "behind");
}

}  // namespace

std::string agents_to_text(const v1::ListAgentsReply& reply) {
  if (reply.agents().empty()) return "no agent has been here yet\n";
  std::vector<std::vector<std::string>> rows{{"AGENT", "STATE", "VERSION", "MACHINES"}};
  for (const v1::Agent& agent : reply.agents()) {
    std::vector<std::string> machines(agent.machines().begin(), agent.machines().end());
    rows.push_back({clean_line(agent.name()), agent_state(agent), clean_line(agent.version()),
                    clean_line(join(machines, " "))});
  }
  return columns(rows);
}

std::string tokens_to_text(const v1::ListTokensReply& reply) {
  if (reply.tokens().empty()) return "no token is good; kiln token add USER makes one\n";
  std::vector<std::vector<std::string>> rows{
      {"TOKEN", "USER", "ROLE", "STATE", "EXPIRES", "LAST USED", "NOTE"}};
  for (const v1::AccessToken& token : reply.tokens())
    rows.push_back({token.id(), clean_line(token.user()), token.role(), token.state(),
                    token.has_expires() ? time_words(token.expires()) : "never",
                    token.has_last_used() ? time_words(token.last_used()) : "never",
                    clean_line(token.note())});
  return columns(rows);
}

std::string audit_to_text(const v1::ListAuditReply& reply) {
  if (reply.entries().empty()) return "nothing of that kind is in the audit\n";
  std::vector<std::vector<std::string>> rows{{"WHEN", "WHO", "WHAT", "OUTCOME", "DETAIL"}};
  for (const v1::AuditEntry& entry : reply.entries()) {
    std::string detail = clean_line(entry.target());
    if (!entry.detail().empty())
      detail += (detail.empty() ? "" : ": ") + clean_line(entry.detail());
    if (entry.times() > 1) detail += fmt::format(" ({} times)", entry.times());
    const std::string who = entry.who().empty() ? "nobody" : clean_line(entry.who());
    rows.push_back(
        {time_words(entry.time()), who, clean_line(entry.method()), entry.outcome(), detail});
  }
  return columns(rows);
}

std::string queue_to_text(const v1::ListQueueReply& reply, WallTime now) {
  std::string out;
  if (!reply.paused().empty())
    out = wrapped("nothing new is started: ", clean_line(reply.paused())) + "\n";
  if (reply.running().empty() && reply.waiting().empty())
    return out + "nothing runs and nothing waits\n";
  if (!reply.running().empty()) {
    std::vector<std::vector<std::string>> rows{{"RUNS", "USER", "ON", "WHAT"}};
    for (const v1::QueueItem& item : reply.running())
      rows.push_back({fmt::format("run {}", item.run_id()), clean_line(item.user()),
                      clean_line(item.place()), clean_line(item.what())});
    out += columns(rows);
  }
  if (!reply.waiting().empty()) {
    if (!reply.running().empty()) out += "\n";
    std::vector<std::vector<std::string>> rows{{"WAITS", "USER", "PRIORITY", "FOR", "WHAT", "WHY"}};
    for (const v1::QueueItem& item : reply.waiting()) {
      const WallTime since{Millis(item.since().seconds() * 1000)};
      rows.push_back({fmt::format("run {}", item.run_id()), clean_line(item.user()),
                      clean_line(item.priority()),
                      human_duration(std::max(Millis(0), Millis(now - since))),
                      clean_line(item.what()), clean_line(item.why())});
    }
    out += columns(rows);
  }
  return out;
}

}  // namespace kiln::report
