#pragma once
/// Real machines as a site's lab.yaml states them. Plain data; docs/lab-file.md has the fields.
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "lib/base/clock.h"

namespace kiln::machine {

/// Where a password lies: never in the file that people share.
struct Secret {
  std::string file{};
  std::string env{};
  [[nodiscard]] bool given() const { return !file.empty() || !env.empty(); }
};

/// How to reach a BMC by IPMI.
struct Bmc {
  std::string address{};
  int port = 623;
  std::string user{};
  Secret password{};
  int cipher_suite = 0;  ///< 0 = what ipmitool chooses; suite 0 itself would check no password
};

/// One kind of outlet strip: which numbers switch an outlet and which tell its state. `{outlet}`,
/// `{group}` and `{unit}` in an OID stand for the machine's numbers.
struct OutletTable {
  std::string name{};
  std::string on_oid{};
  int on = 1;
  std::string off_oid{};
  int off = 2;
  std::string state_oid{};
  std::vector<int> state_on{1};
  std::vector<int> state_off{2};
};

struct NoPower {};
struct IpmiPower {
  Bmc bmc{};
};
struct RedfishPower {
  std::string url{};  ///< of the system: https://bmc/redfish/v1/Systems/1
  std::string user{};
  Secret password{};
  std::string ca_file{};     ///< who signed the BMC's certificate; "" = the computer's authorities
  std::string pinned_key{};  ///< "sha256//BASE64" of its public key, instead of an authority
};
struct SnmpPower {
  std::string address{};
  int port = 161;
  std::string version = "v1";  ///< "v1" "v2c" "v3"
  Secret community{};          ///< of v1 and v2c; not given = "private"
  std::string user{};          ///< of version 3
  Secret auth_password{};
  Secret privacy_password{};
  OutletTable table{};  ///< the one that `model` names
  int outlet = 1;
  int group = 1;
  int unit = 1;
};
struct PdudaemonPower {
  std::string url{};  ///< http://host:16421
  std::string pdu{};  ///< with `port`, or
  std::string port{};
  std::string alias{};
};
struct CommandPower {
  std::vector<std::string> on{};
  std::vector<std::string> off{};
  std::vector<std::string> cycle{};  ///< empty = off, then on
  std::vector<std::string> reset{};  ///< empty = nobody can press that button
  std::vector<std::string> state{};  ///< prints "on" or "off"; empty = the state cannot be read
};

struct PowerSpec {
  std::variant<NoPower, IpmiPower, RedfishPower, SnmpPower, PdudaemonPower, CommandPower> driver{};
  Millis settle{60'000};   ///< until the state that was asked for is read back
  Millis off_time{5'000};  ///< at least so long off before on
  std::string unit{};      ///< what takes one command at a time; "" = the PDU's or BMC's address
};

struct NoConsole {};
struct DeviceConsole {
  std::string path{};
  int baud = 115'200;
};
struct TelnetConsole {
  std::string address{};
  int port = 0;
  int baud = 0;  ///< asked for by RFC 2217; 0 = as the server has it
};
struct TcpConsole {
  std::string address{};
  int port = 0;
};
struct UnixConsole {
  std::string path{};
};
struct SolConsole {
  Bmc bmc{};
};
struct CommandConsole {
  std::vector<std::string> command{};
};
using ConsoleSpec = std::variant<NoConsole, DeviceConsole, TelnetConsole, TcpConsole, UnixConsole,
                                 SolConsole, CommandConsole>;

/// A second ear: kernel messages by UDP, where the kernel has a network and netconsole.
struct NetConsole {
  int port = 0;        ///< of the agent's computer; 0 = not listened
  std::string from{};  ///< only from there; "" = the shell's address
  [[nodiscard]] bool given() const { return port != 0; }
};

struct BootSpec {
  std::string driver = "none";  ///< "none" "kexec" "grub" "systemd-boot" "network"
  std::string folder{};         ///< on the machine, Kiln's own, emptied by it
  std::string esp{};            ///< where the EFI system partition is mounted (systemd-boot)
  std::string cmdline{};        ///< of every kernel: root=..., console=...
  // Of `network`, which has no folder: where the agent serves this machine's firmware.
  std::string address{};
  int port = 0;
  std::string from{};  ///< only it gets a kernel; "" = the shell's address
  std::string stub{};  ///< systemd's, for UEFI that boots by HTTP; "" = the installed one, if any
};

struct ShellSpec {
  std::string address{};
  int port = 22;
  std::string user = "root";
  std::string key_file{};
  std::string host_key_file{};
  [[nodiscard]] bool given() const { return !address.empty(); }
};

/// How long a machine may take: a server's firmware alone needs minutes where a small one needs
/// seconds.
struct LifeLimits {
  Millis boot{300'000};        ///< for the known-good system to answer
  Millis firmware{120'000};    ///< its longest silence before a kernel speaks
  Millis down{120'000};        ///< for a system to go down when it is told to
  Millis answer{20'000};       ///< for one that runs to answer
  Millis silence{30'000};      ///< of the console, after which nothing is waited for any more
  Millis long_off{30'000};     ///< of the long power cycle
  Millis look_again{300'000};  ///< at a machine in quarantine
  int qualifying = 10;         ///< boots, all of them well, that lead out of it
};

struct MachineSpec {
  std::string name{};
  std::vector<std::string> tags{};
  std::map<std::string, std::string> facts{};
  PowerSpec power{};
  ConsoleSpec console{};
  NetConsole netconsole{};
  BootSpec boot{};
  ShellSpec shell{};
  LifeLimits limits{};
  bool emulated = false;  ///< its wall clock says nothing about hardware
  int line = 0;           ///< in the file
};

struct LabFile {
  std::string file{};
  std::vector<OutletTable> outlet_tables{};  ///< the site's own, beside the known ones
  std::vector<MachineSpec> machines{};
  [[nodiscard]] const MachineSpec* find(const std::string& name) const;
};

/// The word in the file: "ipmi", "none".
std::string driver_name(const PowerSpec& power);
std::string driver_name(const ConsoleSpec& console);

}  // namespace kiln::machine
