#pragma once
/// What a machine's running system tells of it, for a first entry in the lab file. Pure.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"

namespace kiln::machine {

struct Gpu {
  std::string id{};    ///< "8086:9a49"
  std::string slot{};  ///< "0000:00:02.0"
  std::string driver{};
};

struct Survey {
  std::string uid{};
  std::string kernel{};
  std::string system{};   ///< "Debian GNU/Linux 12 (bookworm)"
  std::string product{};  ///< maker and model
  std::string firmware{};
  std::string cpu{};
  uint64_t ram_kib = 0;
  std::vector<Gpu> gpus{};
  std::string cmdline{};
  std::string consoles{};  ///< "tty0 ttyS0"
  std::string root_device{};
  std::string root_partuuid{};
  bool grub = false;
  bool systemd_boot = false;
  bool kexec = false;
  std::string esp{};
  bool bmc = false;           ///< there is one
  std::string bmc_tool{};     ///< ipmitool's path there, "" = not installed
  std::string bmc_address{};  ///< "" = it has none, or nobody could ask
};

/// One command for the machine's sh. It looks and changes nothing.
std::string survey_command();
/// kInfrastructure when the answer is not whole.
Result<Survey> read_survey(std::string_view printed);

/// The command line of built kernels, out of the one that runs: root, console and panic of it. They
/// have no initrd, so that root must be a name that the kernel itself knows.
std::string built_cmdline(const Survey& survey);
/// What stands in the way of the machine's use, each with its way out: "WHAT; WAY".
std::vector<std::string> survey_notes(const Survey& survey);
/// "16GiB": what was put in, a little of which the firmware keeps.
std::string ram_words(uint64_t ram_kib);

}  // namespace kiln::machine
