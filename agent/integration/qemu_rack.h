#pragma once
/// QEMU as a machine that has power, a console and a shell like any other: what the racks of the
/// tests on the guest of tests/hardware have in common. For tests only.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "agent/app.h"
#include "agent/power/testing.h"

namespace kiln::agent {

inline std::string needed(const char* name) {
  const char* value = std::getenv(name);
  EXPECT_TRUE(value != nullptr && *value != 0) << name << " is not set: see tests/run machine";
  return value != nullptr ? value : "";
}

inline bool run_program(const std::vector<std::string>& argv) {
  os::Command command;
  command.argv = argv;
  const auto done = os::run_ok(command);
  EXPECT_TRUE(done) << render(done.error());
  return static_cast<bool>(done);
}

/// Whether a kernel was started without that boot loader: what it said before, if anything, was of
/// another kernel.
inline bool came_past(const std::string& loader, const std::string& console,
                      const std::string& release) {
  const std::string before = console.substr(0, console.find("Linux version " + release));
  const size_t last = before.rfind(loader);
  return before.size() < console.size() &&
         (last == std::string::npos || before.find("Linux version ", last) != std::string::npos);
}

/// An agent of that machine alone.
inline std::unique_ptr<Agent> start_agent(const std::string& target, const os::Path& data,
                                          const machine::MachineSpec& machine) {
  AgentConfig config;
  config.target = target;
  config.data_dir = data;
  config.images_dir = os::Path(KILN_SOURCE_DIR) / "images";
  config.machines.clear();
  config.lab.machines = {machine};
  auto agent = Agent::start(std::move(config));
  EXPECT_TRUE(agent) << render(agent.error());
  return agent ? std::move(*agent) : nullptr;
}

/// Its folder, its disk over the guest's, the programs that switch it. Off when it ends.
class QemuRack {
 public:
  enum class Firmware { kBios, kUefi };
  QemuRack() = default;
  QemuRack(const QemuRack&) = delete;
  QemuRack& operator=(const QemuRack&) = delete;
  ~QemuRack() {
    os::Command off;
    off.argv = {path("off")};
    (void)os::run(off);
  }
  [[nodiscard]] std::string path(const std::string& name) const {
    return (folder_.path() / name).string();
  }
  void script(const std::string& name, const std::string& body) const {
    testing::write_file(
        path(name), "#!/bin/sh\ncd " + folder_.path().string() + "\n" + body + "\nexit 0\n", 0755);
  }

  /// As it was made. While the machine is off.
  void fresh_disk() const {
    run_program({"qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", guest_disk_,
                 path("disk.qcow2")});
  }

  int console_port = 0;
  machine::MachineSpec spec{};

 protected:
  /// `network`: QEMU's words for the card.
  void assemble(const std::string& name, Firmware firmware, const os::Path& guest,
                const std::string& network) {
    const bool uefi = firmware == Firmware::kUefi;
    guest_disk_ = (guest / (uefi ? "uefi.qcow2" : "disk.qcow2")).string();
    fresh_disk();
    console_port = testing::free_port(SOCK_STREAM);  // not before its network is up
    // Bounded, should nobody switch it off any more.
    const std::string qemu = fmt::format(
        "timeout 1500 qemu-system-i386 -nodefaults -no-user-config -display none"
        " {} -accel tcg,thread=multi -smp 2 -cpu Haswell-noTSX"
        " -m 1024 -serial telnet:127.0.0.1:{},server=on,wait=off"
        " -drive file={},if=none,id=d,format=qcow2,cache=unsafe"
        " -device virtio-blk-pci,drive=d,bootindex=2 {} -device virtio-rng-pci -device i6300esb",
        uefi ? uefi_words() : "-machine pc", console_port, path("disk.qcow2"), network);
    const std::string running = "[ -e pid ] && kill -0 $(cat pid) 2>/dev/null";
    script("on", running + " || { setsid " + qemu + " </dev/null >qemu.log 2>&1 & echo $! >pid; }");
    // Its process group; sh's own kill takes no `--`.
    script("off", "if " + running + "; then kill -9 -$(cat pid) || exit 1; fi; rm -f pid");
    script("state", running + " && echo on || echo off");
    script("freeze", running + " && kill -STOP -$(cat pid)");
    spec.name = name;
    spec.power.driver = machine::CommandPower{{path("on")}, {path("off")}, {}, {}, {path("state")}};
    spec.power.off_time = Millis(500);
    spec.console = machine::TelnetConsole{"127.0.0.1", console_port, 0};
    spec.shell.key_file = (guest / "key").string();
    spec.shell.host_key_file = (guest / "host_key.pub").string();
  }

 private:
  /// Debian's OVMF of 32 bits (package ovmf-ia32) keeps its variables by way of SMM alone; the file
  /// that they are in outlives the power.
  [[nodiscard]] std::string uefi_words() const {
    const os::Path firmware = "/usr/share/OVMF";
    std::error_code error;
    std::filesystem::copy_file(firmware / "OVMF32_VARS_4M.fd", path("variables"), error);
    EXPECT_FALSE(error) << error.message() << ": package ovmf-ia32";
    return fmt::format(
        "-machine q35,smm=on -global driver=cfi.pflash01,property=secure,value=on"
        " -drive if=pflash,unit=0,format=raw,readonly=on,file={}"
        " -drive if=pflash,unit=1,format=raw,file={}",
        (firmware / "OVMF32_CODE_4M.secboot.fd").string(), path("variables"));
  }

  std::string guest_disk_;
  os::TempFolder folder_ = *os::TempFolder::make(::testing::TempDir(), "rack-");
};

}  // namespace kiln::agent
