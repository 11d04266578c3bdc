/// Whether a boot loader can start a kernel once and fall back by itself.
#include <fmt/format.h>

#include <charconv>
#include <map>

#include "agent/hardware/check.h"
#include "agent/hardware/netboot.h"
#include "agent/hardware/unified_image.h"
#include "lib/base/text.h"
#include "lib/http/client.h"
#include "lib/http/server.h"

namespace kiln::agent {
namespace {

using State = CheckLine::State;

constexpr uint64_t kSpaceWanted = 200;  ///< MiB: a kernel and its modules, twice

std::map<std::string, std::string> pairs_of(const std::string& printed) {
  std::map<std::string, std::string> out;
  for (const std::string& line : split_lines(printed)) {
    const size_t equals = line.find('=');
    if (equals != std::string::npos) out[line.substr(0, equals)] = line.substr(equals + 1);
  }
  return out;
}

CheckLine wrong(std::string found, std::string mend) {
  return {"boot", State::kWrong, std::move(found), std::move(mend)};
}

CheckLine judge_grub(std::map<std::string, std::string>& said) {
  if (said["reboot_tool"].empty())
    return wrong("grub-reboot is not there", "apt-get install grub2-common (on the machine)");
  if (said["default"] != "saved")
    return wrong("GRUB does not read its saved entry: one-shot has no effect",
                 "GRUB_DEFAULT=saved in /etc/default/grub, then update-grub (on the machine)");
  if (said["env"] != "yes")
    return wrong("GRUB's environment block may not be written",
                 "grub-editenv /boot/grub/grubenv create (on the machine)");
  // GRUB cannot write there: the one-shot entry would stay for ever.
  if (said["env_on"].find("lvm") != std::string::npos ||
      said["env_on"].find("raid") != std::string::npos ||
      said["env_on"].find("btrfs") != std::string::npos)
    return wrong(
        fmt::format("/boot lies on {}: GRUB cannot take the one-shot entry back", said["env_on"]),
        "/boot on a partition of its own, ext4");
  if (!said["next"].empty())
    return {"boot", State::kNote, "a one-shot entry is set already: " + said["next"],
            "grub-editenv - unset next_entry, unless somebody means it (on the machine)"};
  return {"boot", State::kOk, "GRUB starts an entry once and falls back by itself", ""};
}

CheckLine judge_kexec(std::map<std::string, std::string>& said) {
  if (said["kexec"].empty())
    return wrong("kexec is not there", "apt-get install kexec-tools (on the machine)");
  if (said["disabled"] == "1")
    return wrong("this kernel loads no other (kexec_load_disabled)",
                 "sysctl kernel.kexec_load_disabled, or a kernel with CONFIG_KEXEC");
  if (said["lockdown"].find("[none]") == std::string::npos && !said["lockdown"].empty())
    return wrong("the kernel is locked down: " + said["lockdown"], "Secure Boot off");
  return {"boot", State::kOk, "kexec can start a kernel; firmware does not set the GPU up again",
          ""};
}

CheckLine judge_systemd_boot(std::map<std::string, std::string>& said) {
  if (said["bootctl"].empty())
    return wrong("bootctl is not there", "apt-get install systemd-boot (on the machine)");
  if (said["efi"] != "yes")
    return wrong("the kernel that runs has no EFI variables: nothing can be set for one boot",
                 "boot by UEFI, with a kernel of the firmware's width");
  if (said["installed"] != "yes")
    return wrong("systemd-boot is not the boot loader", "bootctl install (on the machine)");
  if (!said["next"].empty())
    return {"boot", State::kNote, "a one-shot entry is set already: " + said["next"],
            "bootctl set-oneshot \"\" unless somebody means it (on the machine)"};
  return {"boot", State::kOk, "systemd-boot starts an entry once and falls back by itself", ""};
}

/// What DHCP is to say.
std::string boot_addresses(const machine::MachineSpec& machine) {
  const std::string at = fmt::format("http://{}/{}/", netboot_address(machine.boot), machine.name);
  return fmt::format(
      "DHCP must point iPXE at {0}boot.ipxe, or UEFI that boots by HTTP at"
      " {0}boot.efi",
      at);
}

/// "iPXE", "iPXE and UEFI of 64 bits".
Result<std::string> who_is_served(const std::string& stub) {
  std::string widths;
  for (const int bits : {32, 64}) {
    const auto program = os::read_file(stub.empty() ? installed_stub(bits) : stub, 4 << 20);
    if (!stub.empty() && (!program || stub_bits(*program) == 0))
      return fail(ErrorKind::kBadInput, stub + " is not systemd's stub");
    if (program && stub_bits(*program) == bits)
      widths += fmt::format("{}{}", widths.empty() ? "" : " or ", bits);
  }
  return widths.empty() ? "iPXE" : fmt::format("iPXE and UEFI of {} bits", widths);
}

}  // namespace

CheckLine judge_network_boot(const machine::MachineSpec& machine, const std::string& whom,
                             const std::string& said) {
  auto pairs = pairs_of(said);
  const std::string at = netboot_address(machine.boot);
  if (pairs["machine"] != machine.name)
    return wrong(at + " is another program's",
                 "end it, or give `boot` another `port` in the lab file");
  if (pairs["refused"] != "nobody")
    return wrong(fmt::format("a kernel was wanted by {}, which is not {}", pairs["refused"],
                             machine.boot.from),
                 "DHCP must give firmware that address, or `from` be the one that it gives");
  if (pairs["asked"] == "never")
    return {"boot", State::kNote,
            fmt::format("the agent serves {} at {}; firmware never asked since it runs", whom, at),
            "network before disk in the machine's firmware; " + boot_addresses(machine)};
  return {
      "boot", State::kOk,
      fmt::format("the agent serves {} at {}; firmware last asked {}", whom, at, pairs["asked"]),
      ""};
}

CheckLine check_network_boot(const machine::MachineSpec& machine) {
  const auto whom = who_is_served(machine.boot.stub);
  if (!whom)
    return wrong(whom.error().message,
                 "`stub` of `boot`: linuxx64.efi.stub or linuxia32.efi.stub of the package"
                 " systemd-boot-efi, or leave it out");
  http::ServerOptions options;
  options.address = netboot_address(machine.boot);
  const auto server = http::Server::start(options, {});
  if (server)
    return {"boot", State::kNote,
            fmt::format("{} can be served at {}; no agent does now, so whether firmware asks is"
                        " unknown",
                        *whom, options.address),
            "check again while the agent runs, after a reboot of the machine; " +
                boot_addresses(machine)};
  http::CurlClient client({Millis(5'000), 4 << 10});
  http::Request request;
  request.url = fmt::format("http://{}/{}/status", options.address, machine.name);
  const auto said = client.send(request);
  if (!said)
    return wrong(server.error().message,
                 "`address` of `boot` must be this computer's, and the port free");
  return judge_network_boot(machine, *whom, said->status == 200 ? said->body : "");
}

std::string boot_probe(const machine::BootSpec& boot) {
  const std::string folder = shell_quote(boot.folder);
  std::string out = "d=" + folder +
                    "; while [ ! -d \"$d\" ]; do d=$(dirname \"$d\"); done;"
                    " echo free=$(df -Pm \"$d\" | awk 'NR==2{print $4}');";
  if (boot.driver == "grub")
    out +=
        " echo reboot_tool=$(command -v grub-reboot);"
        " echo default=$(. /etc/default/grub 2>/dev/null; echo $GRUB_DEFAULT);"
        " test -w /boot/grub/grubenv && echo env=yes;"
        " echo env_on=$(grub-probe --target=abstraction /boot/grub 2>/dev/null)"
        " $(grub-probe --target=fs /boot/grub 2>/dev/null);"
        " echo next=$(grub-editenv /boot/grub/grubenv list 2>/dev/null"
        " | sed -n 's/^next_entry=//p')";
  else if (boot.driver == "kexec")
    out +=
        " echo kexec=$(command -v kexec);"
        " echo disabled=$(cat /proc/sys/kernel/kexec_load_disabled 2>/dev/null);"
        " echo lockdown=$(cat /sys/kernel/security/lockdown 2>/dev/null)";
  else
    out +=
        " echo bootctl=$(command -v bootctl);"
        " test -d /sys/firmware/efi/efivars && echo efi=yes;"
        " bootctl is-installed >/dev/null 2>&1 && echo installed=yes;"
        " echo next=$(tail -c +5 /sys/firmware/efi/efivars/LoaderEntryOneShot-* 2>/dev/null"
        " | tr -d '\\000')";
  return out + "; true";
}

CheckLine judge_boot(const machine::BootSpec& boot, const std::string& printed) {
  auto said = pairs_of(printed);
  uint64_t free = 0;
  const std::string& text = said["free"];
  const bool known =
      std::from_chars(text.data(), text.data() + text.size(), free).ec == std::errc();
  CheckLine out = boot.driver == "grub"    ? judge_grub(said)
                  : boot.driver == "kexec" ? judge_kexec(said)
                                           : judge_systemd_boot(said);
  if (out.state != State::kWrong && known && free < kSpaceWanted)
    return wrong(
        fmt::format("{} MiB are free for {}, {} are needed", free, boot.folder, kSpaceWanted),
        "old kernels are the usual guests: apt-get autoremove (on the machine)");
  return out;
}

}  // namespace kiln::agent
