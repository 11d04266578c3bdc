/// The real QEMU with a kernel of a few bytes that speaks on the serial line.
#include "agent/machine/qemu_machine.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "agent/ssh/ssh_shell.h"
#include "lib/base/sync.h"
#include "lib/os/process.h"

namespace kiln::agent {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kRecipe =
    "#!/bin/sh\nset -e\ncd \"$1\"\ntruncate -s 16M root.img\n"
    "ssh-keygen -q -t ed25519 -N '' -f id_ed25519\nssh-keygen -q -t ed25519 -N '' -f host_key\n"
    "echo '{\"igt_version\":\"0\"}' >image.json\n";

/// A multiboot kernel: says hello, then does `end`.
constexpr const char* kKernel = R"(
  .section .text
  .long 0x1BADB002, 0, -0x1BADB002
  .globl start
start: movl $text, %esi
1: lodsb
  testb %al, %al
  jz 2f
  movw $0x3f8, %dx
  outb %al, %dx
  jmp 1b
2: {}
3: hlt
  jmp 3b
text: .asciz "hello from the guest\r\n"
)";
constexpr const char* kReset = "movb $0xfe, %al\n outb %al, $0x64";

class QemuMachineTest : public testing::Test {
 protected:
  void SetUp() override {
    if (os::find_program("qemu-system-i386").empty()) GTEST_SKIP() << "QEMU is not installed";
    dir_ = *os::make_temp_dir(testing::TempDir(), "qemu");
    for (const char* name : {"recipe", "session", "machine"})
      ASSERT_TRUE(os::make_dirs(dir_ / name));
    ASSERT_TRUE(os::write_atomic(dir_ / "recipe/build", kRecipe, 0755));
    AccelProbe::Config accel;
    accel.memory_file = dir_ / "accel.json";
    accel.kvm_device = dir_ / "no-kvm";
    accel_.emplace(accel);
    images_.emplace(dir_ / "recipe", dir_ / "images");
    make();
  }
  void TearDown() override {
    machine_.reset();
    if (!dir_.empty()) (void)os::remove_tree(dir_);
  }
  void make(const std::string& qemu = "qemu-system-i386") {
    QemuMachine::Config config;
    config.qemu = qemu;
    config.folder = dir_ / "machine";
    config.connector = connect_until;
    machine_ = std::make_unique<QemuMachine>(config, *images_, *accel_);
    machine_->console().attach([this](std::string_view bytes) {
      auto text = console_.lock();
      *text += bytes;
      text.notify_all();
    });
  }
  void assemble(const std::string& end) {
    os::Command command;
    command.argv = {"sh", "-ec",
                    fmt::format("cd {} && as --32 - -o k.o && ld -m elf_i386 -n -Ttext 0x100000 -e "
                                "start k.o -o kernel",
                                dir_.string())};
    command.stdin_text = fmt::format(fmt::runtime(kKernel), end);
    const auto made = os::run_ok(command);
    ASSERT_TRUE(made) << render(made.error());
  }
  Status boot() {
    KILN_TRY(machine_->begin(dir_ / "session", {}, {}));
    BootSpec spec;
    spec.kernel = dir_ / "kernel";
    spec.memory_bytes = 64ULL << 20;
    KILN_TRY(machine_->boot().arm(spec));
    return machine_->power().on();
  }
  bool hears(std::string_view word) {
    auto text = console_.lock();
    return text.wait_until(std::chrono::steady_clock::now() + std::chrono::seconds(60),
                           [&] { return text->find(word) != std::string::npos; });
  }
  PowerReport wait_off() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    PowerReport report = machine_->power().state();
    while (report.state == PowerState::kOn && std::chrono::steady_clock::now() < deadline)
      report = machine_->power().state();
    return report;
  }
  int pid() const {
    const auto text = os::read_file(dir_ / "machine/qemu.json");
    return text ? nlohmann::json::parse(*text).value("pid", 0) : 0;
  }

  os::Path dir_;
  std::optional<AccelProbe> accel_;
  std::optional<RootImages> images_;
  std::unique_ptr<QemuMachine> machine_;
  Sync<std::string> console_;
};

TEST_F(QemuMachineTest, SpeaksOnTheConsoleAndGoesOff) {
  assemble("");
  const auto booted = boot();
  ASSERT_TRUE(booted) << render(booted.error());
  EXPECT_TRUE(hears("hello from the guest\r\n"));
  EXPECT_EQ(machine_->power().state().state, PowerState::kOn);
  const int process = pid();
  EXPECT_GT(process, 1);
  EXPECT_TRUE(os::file_size(dir_ / "session/root.qcow2"));
  ASSERT_TRUE(machine_->power().off());
  EXPECT_EQ(machine_->power().state().state, PowerState::kOff);
  EXPECT_NE(::kill(process, 0), 0) << "QEMU has ended and is reaped";
  EXPECT_TRUE(os::file_size(dir_ / "session/root.qcow2")) << "the disk survives power off";
  machine_->end();
  EXPECT_FALSE(os::file_size(dir_ / "session/root.qcow2"));
}

TEST_F(QemuMachineTest, AMachineThatResetsItselfIsTheGuestsDoing) {
  assemble(kReset);
  ASSERT_TRUE(boot());
  const PowerReport report = wait_off();
  EXPECT_TRUE(report.by_guest) << report.why;
  EXPECT_EQ(report.why, "the machine reset itself (guest-reset)");
  // The same disk boots again.
  EXPECT_TRUE(machine_->power().on());
}

TEST_F(QemuMachineTest, QemuThatWasKilledIsNot) {
  assemble("");
  ASSERT_TRUE(boot());
  ASSERT_TRUE(hears("hello"));
  ::kill(pid(), SIGKILL);
  const PowerReport report = wait_off();
  EXPECT_FALSE(report.by_guest);
  EXPECT_THAT(report.why, StartsWith("QEMU was killed by signal 9"));
}

TEST_F(QemuMachineTest, AKernelThatQemuRefusesIsNamedInQemusWords) {
  ASSERT_TRUE(os::write_atomic(dir_ / "kernel", "no kernel"));
  const auto booted = boot();
  ASSERT_FALSE(booted);
  EXPECT_EQ(booted.error().kind, ErrorKind::kInfrastructure);
  EXPECT_THAT(booted.error().message, StartsWith("QEMU did not start (exit code 1): "));
}

TEST_F(QemuMachineTest, NoPortOfTheMachineAnswersWithoutItsSsh) {
  assemble("");
  ASSERT_TRUE(boot());
  const auto shell = machine_->connect(Millis(500), {});
  ASSERT_FALSE(shell);
  EXPECT_THAT(shell.error().message, StartsWith("SSH did not answer within 0.5 s"));
}

TEST_F(QemuMachineTest, WhatAKilledAgentLeftRunningIsEndedByTheNext) {
  assemble("");
  ASSERT_TRUE(boot());
  ASSERT_TRUE(hears("hello"));
  const int process = pid();
  // The next one sees the record of the first, as after kill -9.
  QemuMachine::Config config;
  config.folder = dir_ / "machine";
  const QemuMachine next(config, *images_, *accel_);
  EXPECT_THAT(wait_off().why, StartsWith("QEMU was killed by signal 9"));
  EXPECT_EQ(pid(), 0) << "the record is gone; process " << process;
}

TEST_F(QemuMachineTest, AMissingQemuIsNamed) {
  AccelProbe::Config accel;
  accel.qemu = "qemu-system-none";
  accel.memory_file = dir_ / "accel2.json";
  AccelProbe probe(accel);
  const auto answer = probe.choose();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message, "program `qemu-system-none` is not installed");
  EXPECT_EQ(answer.error().hint, "run `kiln doctor` to see what is missing");
  QemuMachine::Config config;
  config.folder = dir_ / "machine2";
  EXPECT_EQ(QemuMachine(config, *images_, probe).facts().broken, render(answer.error()));
  EXPECT_EQ(machine_->facts().broken, "");
}

TEST_F(QemuMachineTest, TheProbeBootsAndItsAnswerIsRemembered) {
  AccelProbe::Config config;
  config.memory_file = dir_ / "accel3.json";
  config.kvm_device = "/dev/null";  // there and open to all
  config.accel = "tcg";             // boots everywhere, so the code itself is proved
  config.limit = Millis(60'000);
  AccelProbe probe(config);
  const auto answer = probe.choose();
  ASSERT_TRUE(answer) << render(answer.error());
  EXPECT_TRUE(answer->kvm) << answer->why;
  EXPECT_THAT(answer->why, StartsWith("KVM booted the probe in "));
  config.accel = "no-such-accel";  // would fail if it were tried again
  AccelProbe second(config);
  EXPECT_TRUE(second.choose()->kvm);
  second.kvm_failed("KVM internal error");
  EXPECT_FALSE(AccelProbe(config).choose()->kvm);
}

TEST_F(QemuMachineTest, AnAcceleratorThatDoesNotWorkIsNotTaken) {
  AccelProbe::Config config;
  config.memory_file = dir_ / "accel3.json";
  config.kvm_device = "/dev/null";
  config.accel = "no-such-accel";
  AccelProbe probe(config);
  const auto answer = probe.choose();
  ASSERT_TRUE(answer);
  EXPECT_FALSE(answer->kvm);
  EXPECT_THAT(answer->why, StartsWith("a guest under KVM did not run: "));
}

}  // namespace
}  // namespace kiln::agent
