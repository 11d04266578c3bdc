/// kiln machine check: on the computer of the agent that has the machine, without lab and agent.
/// The drivers' cables, files and passwords are there, and it is needed before there is a lab.
#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "agent/hardware/check.h"
#include "agent/ssh/ssh_shell.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "lib/base/text.h"
#include "lib/machine/read.h"

namespace kiln::cli {
namespace {

using State = agent::CheckLine::State;

const char* word(State state) {
  switch (state) {
    case State::kOk:
      return "ok";
    case State::kNote:
      return "note";
    case State::kWrong:
      break;
  }
  return "wrong";
}

Error no_such_machine(const machine::LabFile& lab, const std::string& name) {
  std::vector<std::string> names;
  for (const machine::MachineSpec& each : lab.machines) names.push_back(each.name);
  const std::string near = nearest(name, names);
  return Error(ErrorKind::kBadInput, fmt::format("{} has no machine {}", lab.file, name))
      .with_hint(near.empty() ? "it has: " + join(names, ", ")
                              : fmt::format("did you mean `{}`?", near));
}

void print_line(const agent::CheckLine& line) {
  std::cout << fmt::format("{:<6} {:<10} {}\n", word(line.state), line.driver, line.found);
  if (!line.mend.empty()) std::cout << fmt::format("{:<17} mend: {}\n", "", line.mend);
  std::cout.flush();
}

}  // namespace

int machine_check_command(const Options& options) {
  const auto lab = machine::load_lab_file(options.machine.file);
  if (!lab) return report_error(options, lab.error());
  const machine::MachineSpec* machine = lab->find(options.machine.name);
  if (machine == nullptr) return report_error(options, no_such_machine(*lab, options.machine.name));
  agent::CheckOptions how;
  how.power = options.machine.power;
  const SystemClock clock;
  const bool text = options.format != Format::kJson;
  const auto lines =
      agent::check_machine(*machine, how, clock, agent::connect_until,
                           text ? print_line : std::function<void(const agent::CheckLine&)>(), {});
  if (!text) {
    nlohmann::json all = nlohmann::json::array();
    for (const agent::CheckLine& line : lines)
      all.push_back({{"driver", line.driver},
                     {"state", word(line.state)},
                     {"found", line.found},
                     {"mend", line.mend}});
    print_document(nlohmann::json{{"machine", machine->name}, {"checks", all}}.dump(
        2, ' ', false, nlohmann::json::error_handler_t::replace));
  }
  for (const agent::CheckLine& line : lines)
    if (line.state == State::kWrong) return kNoVerdict;
  return kOk;
}

}  // namespace kiln::cli
