#pragma once
/// A machine that is only hardware to the agent: QEMU with its own disk, boot loader and Debian
/// kernel (tests/hardware/build). For tests and benchmarks only.
#include <fmt/format.h>

#include "agent/integration/qemu_rack.h"

namespace kiln::agent {

/// Its network is QEMU's own, with nothing behind it but a port for each of its SSH servers.
class Rack : public QemuRack {
 public:
  explicit Rack(const os::Path& guest, Firmware firmware = Firmware::kBios) {
    assemble("rack-1", firmware, guest,
             fmt::format("-netdev user,id=n,restrict=on,hostfwd=tcp:127.0.0.1:{}-:22,"
                         "hostfwd=tcp:127.0.0.1:{}-:2222"
                         " -device virtio-net-pci,netdev=n,romfile=",
                         ssh_port_, dropbear_port_));
    spec.shell.address = "127.0.0.1";
    spec.shell.port = ssh_port_;
    if (firmware == Firmware::kUefi) {
      spec.boot = {"systemd-boot", "/boot/efi/kiln", "/boot/efi",
                   "root=/dev/vda1 rw console=ttyS0,115200 panic=5"};
      return;
    }
    // Above mem= lies what a crash is written to; the known-good kernel has the same.
    spec.boot = {"grub", "/boot/kiln", "",
                 "root=/dev/vda1 rw console=ttyS0,115200 panic=5 mem=960M"
                 " ramoops.mem_address=0x3c000000 ramoops.mem_size=0x100000"
                 " ramoops.record_size=0x20000 ramoops.console_size=0x40000 ramoops.ecc=1"};
  }

  /// The same machine by the other server, with each kernel.
  void by_dropbear(machine::MachineSpec& its) const {
    its.shell.port = dropbear_port_;
    its.boot.cmdline += " init=/usr/sbin/init-dropbear";
  }

 private:
  const int dropbear_port_ = testing::free_port(SOCK_STREAM);
  const int ssh_port_ = testing::free_port(SOCK_STREAM);
};

}  // namespace kiln::agent
