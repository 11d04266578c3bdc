#pragma once
/// A machine that is only hardware to the agent: QEMU with its own disk, GRUB and Debian kernel.
/// Power by two programs that know nothing of it but on and off, console by telnet, GRUB's one-shot
/// entry, SSH. One machine for all tests of a process, which each leave it as they found it;
/// tests/run machine. For tests only.
///   KILN_HARDWARE_GUEST  folder of tests/hardware/build
///   KILN_TRIAL_BUILD     a kernel's object folder, as in session_real_test
///   KILN_TRIAL_MODULES   tar.zst of its modules
#include <gmock/gmock.h>

#include <cstdio>
#include <functional>
#include <iostream>

#include "agent/hardware/add.h"
#include "agent/hardware/check.h"
#include "agent/hardware/hardware_machine.h"
#include "agent/integration/file_artifacts.h"
#include "agent/integration/rack.h"
#include "agent/ssh/ssh_shell.h"
#include "agent/test/session.h"
#include "agent/tools/trial_order.h"
#include "lib/base/text.h"
#include "lib/machine/read.h"

namespace kiln::agent {

/// "2026-11-28T23:12:59.123Z ..." as seconds of its day.
inline double clock_of(const std::string& line) {
  int hours = 0;
  int minutes = 0;
  double seconds = 0;
  EXPECT_EQ(std::sscanf(line.c_str(), "%*10[0-9-]T%d:%d:%lf", &hours, &minutes, &seconds), 3)
      << line;
  return hours * 3600 + minutes * 60 + seconds;
}

/// Of a readable console: from the old kernel's last word to the built one's first service.
inline double way_of(const std::string& text, const std::string& release) {
  const auto lines = split_lines(text);
  double from = 0;
  bool built = false;
  for (const std::string& line : lines) {
    const auto says = [&](const std::string& words) {
      return line.find(words) != std::string::npos;
    };
    if (!built && (says("reboot: Restarting system") || says("Starting new kernel")))
      from = clock_of(line);
    built = built || says("Linux version " + release);
    if (built && says("kiln-init: ready")) return clock_of(line) - from;
  }
  ADD_FAILURE() << "the way to " << release << " is not in it";
  return 0;
}

class HardwareRealTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (const std::string guest = needed("KILN_HARDWARE_GUEST"); !guest.empty())
      rack_ = std::make_unique<Rack>(guest);
  }
  static void TearDownTestSuite() { rack_.reset(); }

  void SetUp() override {
    build_ = needed("KILN_TRIAL_BUILD");
    ASSERT_TRUE(rack_ && !build_.empty());
    spec_ = rack_->spec;
    kernel_ = *trial_kernel(build_, needed("KILN_TRIAL_MODULES"));
  }
  HardwareMachine& machine() {
    if (machine_) return *machine_;
    HardwareMachine::Config config;
    config.spec = spec_;
    config.folder = folder_.path() / "machine";
    EXPECT_TRUE(os::make_dirs(config.folder));
    config.connector = connect_until;
    config.spec.limits.silence = Millis(12'000);
    config.spec.limits.answer = Millis(2'000);
    config.spec.limits.boot = Millis(120'000);
    config.changed = [this](machine::LifeState state, const std::string&) {
      states_.emplace_back(to_string(state));
      if (at_) at_(state);
    };
    if (adjust_) adjust_(config);
    auto made = HardwareMachine::create(std::move(config), hub_, units_, clock_);
    EXPECT_TRUE(made) << render(made.error());
    machine_ = std::move(*made);
    return *machine_;
  }
  /// A session without tests on that kernel: what becomes of a boot.
  SessionOutcome boot(const os::Path& image, const std::string& cmdline, Millis silence,
                      Millis limit) {
    SessionDeps deps;
    deps.boot_tries = 1;
    deps.silence = silence;
    deps.boot_silence = silence;
    deps.boot_limit = limit;
    SessionOrder order;
    order.image_digest = image.string();
    order.cmdline = cmdline;
    return run(std::move(deps), std::move(order));
  }
  SessionOutcome run(SessionDeps deps, SessionOrder order) {
    deps.machine = &machine();
    deps.artifacts = &artifacts_;
    deps.clock = &clock_;
    deps.folder = folder_.path() / "session";
    EXPECT_TRUE(os::make_dirs(deps.folder));
    deps.nonce = "7-abc";
    order.session_id = 7;
    return Session(std::move(deps), std::move(order)).run({});
  }
  /// A session through the whole agent, with that phase when it has tests.
  v1::SessionDone run_session(const std::string& tests) {
    v1::SessionDone none;
    EXPECT_TRUE(os::make_dirs(folder_.path() / "store"));
    const auto sockets = *os::TempFolder::make("/tmp", "kiln-hw-");
    auto controller =
        *OneSessionController::start(sockets.path() / "sock", folder_.path() / "store");
    v1::SessionOrder order = *trial_order(*controller, kernel_);
    order.set_session_id(7);
    order.set_machine(spec_.name);
    if (!tests.empty()) {
      v1::TestPhase* phase = order.add_phases();
      phase->set_name("trial");
      phase->set_test_list(tests);
      phase->set_per_test_seconds(30);
      phase->set_timeout_seconds(300);
    }
    auto agent = start_agent(controller->target(), folder_.path() / "agent", spec_);
    if (!agent) return none;
    const auto done = controller->run(order, Millis(600'000));
    EXPECT_TRUE(done);
    if (!done) return none;
    EXPECT_EQ(done->session().ending(), "tested") << done->session().error();
    EXPECT_TRUE(done->session().identity().proved());
    EXPECT_EQ(done->session().identity().release(), kernel_.release);
    agent.reset();
    const auto heard =
        os::read_file(folder_.path() / "agent/machines" / spec_.name / "console/console.txt");
    EXPECT_TRUE(heard) << render(heard.error());
    double boot = 0;
    for (const auto& phase : done->session().phases())
      if (phase.name() == "boot") boot += phase.seconds();
    std::cout << fmt::format(
        "[ figures  ] {}: {:.1f} s from the old kernel's end to the new system; {:.1f} s with "
        "copying"
        " and going down\n",
        spec_.boot.driver, way_of(heard.value_or(""), kernel_.release), boot);
    console_ = controller->stored(done->session().artifacts().at("console"));
    return *done;
  }
  /// From the resident kernel into the built one, past firmware and boot loader; home by a reboot.
  void run_kexec_session(const std::string& loader) {
    spec_.boot.driver = "kexec";
    spec_.boot.folder = "/var/lib/kiln";
    const v1::SessionDone done = run_session("igt@sw_sync@alloc_timeline\n");
    ASSERT_EQ(done.session().results_size(), 1);
    EXPECT_EQ(done.session().results(0).outcome(), "pass");
    EXPECT_TRUE(came_past(loader, console_, kernel_.release)) << console_;
    (void)machine().begin({}, {}, {});
    machine().end();
    expect_home();
  }
  std::string at_home(const std::string& command) {
    auto shell = machine().connect(Millis(20'000), {});
    EXPECT_TRUE(shell) << render(shell.error());
    if (!shell) return "";
    const auto reply = (*shell)->run({.command = command}, {});
    return reply ? reply->out : render(reply.error());
  }
  /// One of the programs that switch it.
  void program(const std::string& name) const { EXPECT_TRUE(run_program({rack_->path(name)})); }
  uint64_t tried(machine::RecoveryStep step) {
    return machine().record().counts()[static_cast<size_t>(step)].tried;
  }
  uint64_t helped(machine::RecoveryStep step) {
    return machine().record().counts()[static_cast<size_t>(step)].helped;
  }
  /// What the interview finds and writes is what the check then tries, each driver for real.
  void add_and_check() {
    (void)machine().begin({}, {}, {});
    machine().end();
    machine_.reset();  // its console takes one
    AddOptions add;
    add.file = (folder_.path() / "lab.yaml").string();
    add.name = "rack-2";
    add.address = "127.0.0.1";
    add.port = spec_.shell.port;
    add.key_file = spec_.shell.key_file;
    add.power = fmt::format("{{driver: command, on: [{}], off: [{}], state: [{}]}}",
                            rack_->path("on"), rack_->path("off"), rack_->path("state"));
    add.console =
        fmt::format("{{driver: telnet, address: 127.0.0.1, port: {}}}", rack_->console_port);
    const auto added = add_machine(add, connect_until, {}, {});
    ASSERT_TRUE(added) << render(added.error());
    EXPECT_EQ(added->host_key.fingerprint, read_host_key(spec_.shell.host_key_file)->fingerprint);
    EXPECT_EQ(added->boot.state, CheckLine::State::kOk) << added->boot.found;
    EXPECT_EQ(added->notes, std::vector<std::string>());
    const auto lab = machine::load_lab_file(add.file);
    ASSERT_TRUE(lab) << render(lab.error());
    const machine::MachineSpec& its = lab->machines.at(0);
    EXPECT_EQ(its.boot.driver, spec_.boot.driver);
    EXPECT_THAT(its.boot.cmdline, ::testing::HasSubstr("rw console=ttyS0,115200 panic=5"));
    CheckOptions options;
    options.console = Millis(60'000);
    const auto lines = check_machine(its, options, clock_, connect_until, {}, {});
    EXPECT_EQ(lines.size(), 5U);
    for (const CheckLine& line : lines)
      EXPECT_EQ(line.state, CheckLine::State::kOk) << line.driver << ": " << line.found;
  }
  /// Nothing of Kiln's is on it or in force, and it says that it is ready.
  void expect_home() {
    EXPECT_THAT(at_home("cat /proc/cmdline"), ::testing::Not(::testing::HasSubstr("kiln.session")));
    EXPECT_EQ(at_home("cat /sys/kernel/kexec_loaded"), "0\n");
    EXPECT_EQ(at_home("ls -d /boot/kiln /boot/efi/kiln /boot/efi/loader/entries/kiln* /var/lib/kiln"
                      " /sys/firmware/efi/efivars/LoaderEntryOneShot-* 2>/dev/null;"
                      " grep -hs kiln /boot/grub/custom.cfg;"
                      " grub-editenv /boot/grub/grubenv list | grep next_entry=.; ls /lib/modules"),
              "");
    EXPECT_EQ(machine().record().state(), machine::LifeState::kReady) << machine().record().why();
  }

  static inline std::unique_ptr<Rack> rack_;
  machine::MachineSpec spec_;  ///< the rack's
  std::string console_;        ///< of run_session()
  os::Path build_;
  TrialKernel kernel_;
  os::TempFolder folder_ = *os::TempFolder::make(::testing::TempDir(), "hardware-");
  SystemClock clock_;
  FileArtifacts artifacts_;
  std::vector<std::string> states_;
  std::function<void(HardwareMachine::Config&)> adjust_{};  ///< before machine() is made
  std::function<void(machine::LifeState)> at_{};            ///< each change of its state
  PowerUnits units_;
  ConsoleHub hub_;
  std::unique_ptr<HardwareMachine> machine_;
};

}  // namespace kiln::agent
