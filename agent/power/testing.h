#pragma once
/// For tests: real servers on the loopback, as small as they come. Not part of the library.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "lib/machine/spec.h"
#include "lib/os/files.h"
#include "lib/os/process.h"

namespace kiln::agent::testing {

/// A port that nobody has now; `type` is SOCK_STREAM or SOCK_DGRAM.
inline int free_port(int type) {
  const int fd = ::socket(AF_INET, type | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  ::bind(fd, reinterpret_cast<sockaddr*>(&address), length);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  ::close(fd);
  return ntohs(address.sin_port);
}

/// Asks until it holds; computers that test are slow.
inline bool eventually(const std::function<bool()>& holds, Millis limit = Millis(60'000)) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(Millis(20));
  }
  return true;
}

inline void write_file(const os::Path& file, const std::string& text, unsigned mode) {
  const auto written = os::write_atomic(file, text, mode);
  ASSERT_TRUE(written) << render(written.error());
  ::chmod(file.c_str(), mode);
}

/// A server that ends with the object.
inline std::unique_ptr<os::Child> serve(std::vector<std::string> argv, const os::Path& log,
                                        std::map<std::string, std::string> env = {}) {
  os::Command command;
  command.argv = std::move(argv);
  command.output_file = log.string();
  command.env = std::move(env);
  auto child = os::Child::start(command);
  EXPECT_TRUE(child) << render(child.error());
  return child ? std::make_unique<os::Child>(std::move(*child)) : nullptr;
}

/// OpenIPMI's ipmi_sim as the BMC of a machine that is a program: power on starts it.
class IpmiSim {
 public:
  /// "" when all that it needs is installed.
  static std::string missing() {
    for (const char* program : {"ipmi_sim", "ipmitool"})
      if (os::find_program(program).empty()) return std::string(program) + " is not installed";
    return "";
  }
  /// `machine` is the program's command line; it serves its console on console_port().
  IpmiSim(const os::Path& folder, const std::function<std::string(const IpmiSim&)>& machine)
      : folder_(folder) {
    EXPECT_TRUE(os::make_dirs(folder_ / "state"));
    write_file(folder_ / "machine", "#!/bin/sh\nexec " + machine(*this) + "\n", 0755);
    write_file(folder_ / "password", "s3cret\n", 0600);
    const std::string methods = "none md2 md5 straight";
    write_file(
        folder_ / "lan.conf",
        fmt::format("name \"kilntest\"\nset_working_mc 0x20\nstartlan 1\n  addr 127.0.0.1 {0}\n"
                    "  priv_limit admin\n  allowed_auths_callback {1}\n  allowed_auths_user {1}\n"
                    "  allowed_auths_operator {1}\n  allowed_auths_admin {1}\n"
                    "  guid a123456789abcdefa123456789abcdef\nendlan\n"
                    "serial 15 127.0.0.1 {2} codec VM\nsol \"tcp:127.0.0.1:{3}\" 115200\n"
                    "startcmd \"{4}\"\nstartnow false\npoweroff_wait 1\nkill_wait 1\n"
                    "user 1 true \"\" \"x\" user 10 {1}\n"
                    "user 2 true \"kiln\" \"s3cret\" admin 10 {1}\n",
                    lan_port_, methods, vm_port_, console_port_, (folder_ / "machine").string()),
        0600);
    write_file(folder_ / "sim.emu",
               "mc_setbmc 0x20\n"
               "mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr\n"
               "sel_enable 0x20 1000 0x0a\nmc_enable 0x20\n",
               0600);
    sim_ = serve({"ipmi_sim", "-c", (folder_ / "lan.conf").string(), "-f",
                  (folder_ / "sim.emu").string(), "-s", (folder_ / "state").string(), "-n"},
                 folder_ / "sim.log");
  }
  [[nodiscard]] machine::Bmc bmc() const {
    machine::Bmc out;
    out.address = "127.0.0.1";
    out.port = lan_port_;
    out.user = "kiln";
    out.password.file = (folder_ / "password").string();
    out.cipher_suite = 3;
    return out;
  }
  [[nodiscard]] int vm_port() const { return vm_port_; }
  [[nodiscard]] int console_port() const { return console_port_; }
  [[nodiscard]] std::string log() const { return os::read_file(folder_ / "sim.log").value_or(""); }

 private:
  os::Path folder_;
  int lan_port_ = free_port(SOCK_DGRAM);
  int vm_port_ = free_port(SOCK_STREAM);
  int console_port_ = free_port(SOCK_STREAM);
  std::unique_ptr<os::Child> sim_;
};

/// QEMU as that machine: no disk, its firmware's words on the serial line.
inline std::string qemu_behind_bmc(const IpmiSim& sim, const std::string& more) {
  return fmt::format(
      "qemu-system-i386 -machine pc,accel=tcg,graphics=off -m 64 -display none -net none"
      " -chardev socket,id=ipmi0,host=127.0.0.1,port={},reconnect=1"
      " -device ipmi-bmc-extern,id=bmc0,chardev=ipmi0 -device isa-ipmi-kcs,bmc=bmc0"
      " -serial tcp:127.0.0.1:{},server=on,wait=off {}",
      sim.vm_port(), sim.console_port(), more);
}

}  // namespace kiln::agent::testing
