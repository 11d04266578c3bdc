#include "agent/machine/qemu_command.h"

#include <fmt/format.h>

namespace kiln::agent {
namespace {

/// A comma in a value of -drive and the like is written twice.
std::string escaped(const os::Path& path) {
  std::string out;
  for (const char c : path.string()) {
    out += c;
    if (c == ',') out += c;
  }
  return out;
}

}  // namespace

std::string machine_cmdline() {
  return "root=/dev/vda rw console=ttyS0,115200 panic=5 oops=panic";
}

std::vector<std::string> qemu_argv(const QemuSettings& s) {
  std::vector<std::string> argv{s.program, "-nodefaults", "-no-user-config", "-display", "none"};
  const auto add = [&](std::string option, std::string value) {
    argv.push_back(std::move(option));
    argv.push_back(std::move(value));
  };
  if (s.count_instructions) {
    // Several processors hang under -icount, and shift=auto follows the host's clock.
    add("-accel", "tcg");
    add("-icount", "shift=1,sleep=off");
    add("-smp", "1");
  } else {
    add("-accel", s.kvm ? "kvm" : "tcg,thread=multi");
    add("-smp", fmt::format("{}", s.cpus));
  }
  // `-cpu max` taints the kernel on some hosts, and then IGT skips the selftests.
  add("-cpu", "Haswell-noTSX");
  add("-m", fmt::format("{}", s.memory_bytes >> 20));
  add("-rtc", "base=utc");
  // The machine's reboot ends QEMU: nothing runs on unnoticed after a panic.
  argv.emplace_back("-no-reboot");
  add("-chardev", fmt::format("socket,id=console,path={}", escaped(s.console_socket)));
  add("-serial", "chardev:console");
  add("-chardev", fmt::format("socket,id=qmp,path={}", escaped(s.qmp_socket)));
  add("-mon", "chardev=qmp,mode=control");
  add("-device", "virtio-rng-pci");
  add("-drive",
      fmt::format("file={},if=virtio,format=qcow2,cache=unsafe,discard=unmap", escaped(s.disk)));
  add("-netdev", fmt::format("user,id=net0,restrict=on,hostfwd=tcp:127.0.0.1:{}-:22", s.ssh_port));
  add("-device", "virtio-net-pci,netdev=net0,romfile=");
  add("-device", "i6300esb");
  add("-action", "watchdog=reset");
  add("-kernel", s.kernel.string());
  add("-append", s.cmdline);
  return argv;
}

}  // namespace kiln::agent
