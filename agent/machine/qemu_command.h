#pragma once
/// QEMU's command line for the embedded machine. Pure.
#include <cstdint>
#include <string>
#include <vector>

#include "lib/os/files.h"

namespace kiln::agent {

struct QemuSettings {
  std::string program = "qemu-system-i386";
  bool kvm = false;
  bool count_instructions = false;  ///< forces TCG and one processor
  int cpus = 2;
  uint64_t memory_bytes = 2ULL << 30;
  os::Path kernel{};
  std::string cmdline{};  ///< whole kernel command line
  os::Path disk{};        ///< qcow2 overlay
  os::Path console_socket{};
  os::Path qmp_socket{};
  int ssh_port = 0;  ///< on the loopback, forwarded to the machine's port 22
};

std::vector<std::string> qemu_argv(const QemuSettings& settings);

/// The machine's own part of the kernel command line. An oops is a panic and a panic a reset: a
/// half-dead machine costs minutes and says nothing more.
std::string machine_cmdline();

}  // namespace kiln::agent
