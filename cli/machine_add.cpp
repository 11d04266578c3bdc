/// kiln machine add: the interview on a terminal.
#include <fmt/format.h>
#include <unistd.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "agent/hardware/add.h"
#include "agent/ssh/ssh_shell.h"
#include "cli/options.h"
#include "cli/terminal.h"

namespace kiln::cli {
namespace {

agent::AddOptions add_options(const MachineOptions& of) {
  agent::AddOptions out;
  out.file = of.file;
  out.name = of.name;
  out.address = of.address;
  out.port = of.port;
  out.user = of.user;
  out.key_file = of.key;
  out.fingerprint = of.fingerprint;
  out.tags = of.tags;
  out.power = of.power_map;
  out.console = of.console_map;
  out.bmc_user = of.bmc_user;
  out.bmc_password_file = of.bmc_password_file;
  out.cmdline = of.cmdline;
  out.dry_run = of.dry_run;
  return out;
}

/// On stderr: stdout is for what came of it.
std::optional<std::string> ask(const std::string& question, const std::string& proposal) {
  std::cerr << question;
  if (!proposal.empty()) std::cerr << " [" << proposal << "]";
  std::cerr << ": " << std::flush;
  std::string line;
  if (!std::getline(std::cin, line)) return std::nullopt;
  return line;
}

nlohmann::json to_json(const agent::Added& added) {
  nlohmann::json gpus = nlohmann::json::array();
  for (const machine::Gpu& gpu : added.survey.gpus)
    gpus.push_back({{"id", gpu.id}, {"slot", gpu.slot}, {"driver", gpu.driver}});
  const machine::Survey& found = added.survey;
  return {{"machine", added.name},
          {"file", added.file},
          {"written", added.written},
          {"host_key",
           {{"file", added.host_key_file},
            {"fingerprint", added.host_key.fingerprint},
            {"compared", added.compared}}},
          {"found",
           {{"system", found.system},
            {"kernel", found.kernel},
            {"product", found.product},
            {"firmware", found.firmware},
            {"cpu", found.cpu},
            {"ram_kib", found.ram_kib},
            {"gpus", gpus},
            {"bmc", found.bmc},
            {"bmc_address", found.bmc_address}}},
          {"entry", added.entry},
          {"notes", added.notes}};
}

void print_text(const agent::Added& added) {
  print_document(added.entry);
  for (const std::string& note : added.notes) std::cerr << "note: " << note << "\n";
  if (!added.compared)
    std::cerr << fmt::format(
        "note: compare {} with what the machine says: ssh-keygen -lf"
        " /etc/ssh/ssh_host_ed25519_key.pub\n",
        added.host_key.fingerprint);
  if (!added.written) {
    std::cerr << fmt::format("{} would get that; nothing was written\n", added.file);
    return;
  }
  std::cerr << fmt::format("{} is in {}\nnext: kiln machine check {} --file {} --power\n",
                           added.name, added.file, added.name, added.file);
}

}  // namespace

int machine_add_command(const Options& options) {
  const MachineOptions& of = options.machine;
  const bool asks = !of.yes && ::isatty(STDIN_FILENO) != 0;
  if (!asks && !of.yes && !of.dry_run)
    return report_error(options, Error(ErrorKind::kBadInput, "there is nobody to ask here")
                                     .with_hint("--yes takes what is given and found"));
  auto added = agent::add_machine(add_options(of), agent::connect_until,
                                  asks ? agent::Ask(ask) : agent::Ask(), {});
  if (!added) return report_error(options, added.error());
  // What the boot loader cannot do is said where it is to be mended.
  const agent::CheckLine& boot = added->boot;
  if (!boot.mend.empty()) added->notes.push_back(boot.found + "; " + boot.mend);
  if (options.format == Format::kJson)
    print_document(to_json(*added).dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  else
    print_text(*added);
  return kOk;
}

}  // namespace kiln::cli
