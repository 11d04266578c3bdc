/// A machine that is only hardware to the agent: QEMU with its own disk, GRUB and Debian kernel.
/// Power by two programs that know nothing of it but on and off, console by telnet, GRUB's one-shot
/// entry, SSH. One machine for all tests, which each leave it as they found it; tests/run machine.
///   KILN_HARDWARE_GUEST  folder of tests/hardware/build
///   KILN_TRIAL_BUILD     a kernel's object folder, as in session_real_test
///   KILN_TRIAL_MODULES   tar.zst of its modules
#include <gmock/gmock.h>

#include <cstdlib>

#include "agent/app.h"
#include "agent/hardware/check.h"
#include "agent/hardware/hardware_machine.h"
#include "agent/power/testing.h"
#include "agent/ssh/ssh_shell.h"
#include "agent/test/session.h"
#include "agent/tools/trial_order.h"
#include "lib/base/text.h"

namespace kiln::agent {
namespace {

using machine::LifeState;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

std::string needed(const char* name) {
  const char* value = std::getenv(name);
  EXPECT_TRUE(value != nullptr && *value != 0) << name << " is not set: see tests/run machine";
  return value != nullptr ? value : "";
}

constexpr Millis kPatient{45'000};
constexpr Millis kLong{180'000};

/// Files by name; what is put is kept by its order.
class FileArtifacts final : public Artifacts {
 public:
  Result<os::Path> fetch(const std::string& digest, std::stop_token) override {
    return os::Path(digest);
  }
  Result<std::string> put(const os::Path& file) override {
    return file.filename().string() + "\n" + os::read_file(file, 4 << 20).value_or("");
  }
};

/// The machine with what switches it: folder, disk, programs, ports.
struct Rack {
  os::TempFolder folder = *os::TempFolder::make(::testing::TempDir(), "rack-");
  int ssh_port = testing::free_port(SOCK_STREAM);
  int console_port = testing::free_port(SOCK_STREAM);
  machine::MachineSpec spec{};

  explicit Rack(const os::Path& guest) {
    os::Command overlay;
    overlay.argv = {"qemu-img",
                    "create",
                    "-q",
                    "-f",
                    "qcow2",
                    "-F",
                    "qcow2",
                    "-b",
                    (guest / "disk.qcow2").string(),
                    path("disk.qcow2")};
    EXPECT_TRUE(os::run_ok(overlay));
    // Bounded, should nobody switch it off any more.
    const std::string qemu = fmt::format(
        "timeout 1500 qemu-system-i386 -nodefaults -no-user-config -display none"
        " -machine pc -accel tcg,thread=multi -smp 2 -cpu Haswell-noTSX"
        " -m 1024 -serial telnet:127.0.0.1:{},server=on,wait=off"
        " -drive file={},if=virtio,format=qcow2,cache=unsafe"
        " -netdev user,id=n,restrict=on,hostfwd=tcp:127.0.0.1:{}-:22"
        " -device virtio-net-pci,netdev=n,romfile= -device virtio-rng-pci",
        console_port, path("disk.qcow2"), ssh_port);
    const std::string running = "[ -e pid ] && kill -0 $(cat pid) 2>/dev/null";
    script("on", running + " || { setsid " + qemu + " </dev/null >qemu.log 2>&1 & echo $! >pid; }");
    // Its process group; sh's own kill takes no `--`.
    script("off", "if " + running + "; then kill -9 -$(cat pid) || exit 1; fi; rm -f pid");
    script("state", running + " && echo on || echo off");
    spec.name = "rack-1";
    spec.power.driver = machine::CommandPower{{path("on")}, {path("off")}, {}, {}, {path("state")}};
    spec.power.off_time = Millis(500);
    spec.console = machine::TelnetConsole{"127.0.0.1", console_port, 0};
    spec.boot = {"grub", "/boot/kiln", "", "root=/dev/vda1 rw console=ttyS0,115200 panic=5"};
    spec.shell = {"127.0.0.1", ssh_port, "root", (guest / "key").string(),
                  (guest / "host_key.pub").string()};
  }
  ~Rack() {
    os::Command off;
    off.argv = {path("off")};
    (void)os::run(off);
  }
  [[nodiscard]] std::string path(const std::string& name) const {
    return (folder.path() / name).string();
  }
  void script(const std::string& name, const std::string& body) const {
    testing::write_file(
        path(name), "#!/bin/sh\ncd " + folder.path().string() + "\n" + body + "\nexit 0\n", 0755);
  }
};

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
    kernel_.image = build_ / "arch/x86/boot/bzImage";
    kernel_.vmlinux = build_ / "vmlinux";
    kernel_.config = build_ / ".config";
    kernel_.modules_tar = needed("KILN_TRIAL_MODULES");
    kernel_.release = trim(*os::read_file(build_ / "include/config/kernel.release", 1000));
    kernel_.highmem =
        os::read_file(kernel_.config)->find("\nCONFIG_HIGHMEM=y\n") != std::string::npos;
  }
  HardwareMachine& machine() {
    if (machine_) return *machine_;
    HardwareMachine::Config config;
    config.spec = rack_->spec;
    config.folder = folder_.path() / "machine";
    EXPECT_TRUE(os::make_dirs(config.folder));
    config.connector = connect_until;
    config.silence = Millis(12'000);
    config.answer = Millis(2'000);
    config.boot_limit = Millis(120'000);
    config.changed = [this](LifeState state, const std::string&) {
      states_.emplace_back(to_string(state));
    };
    auto made = HardwareMachine::create(std::move(config), hub_, units_, clock_);
    EXPECT_TRUE(made) << render(made.error());
    machine_ = std::move(*made);
    return *machine_;
  }
  /// A session without tests on that kernel: what becomes of a boot.
  SessionOutcome boot(const os::Path& image, const std::string& cmdline, Millis silence,
                      Millis limit) {
    SessionDeps deps;
    deps.machine = &machine();
    deps.artifacts = &artifacts_;
    deps.clock = &clock_;
    deps.folder = folder_.path() / "session";
    EXPECT_TRUE(os::make_dirs(deps.folder));
    deps.nonce = "7-abc";
    deps.boot_tries = 1;
    deps.silence = silence;
    deps.boot_limit = limit;
    SessionOrder order;
    order.session_id = 7;
    order.image_digest = image.string();
    order.cmdline = cmdline;
    return Session(std::move(deps), std::move(order)).run({});
  }
  std::string at_home(const std::string& command) {
    auto shell = machine().connect(Millis(20'000), {});
    EXPECT_TRUE(shell) << render(shell.error());
    if (!shell) return "";
    const auto reply = (*shell)->run({.command = command}, {});
    return reply ? reply->out : render(reply.error());
  }
  /// Nothing of Kiln's is on it or in force, and it says that it is ready.
  void expect_home() {
    EXPECT_THAT(at_home("cat /proc/cmdline"), Not(HasSubstr("kiln.session")));
    EXPECT_EQ(at_home("ls -d /boot/kiln 2>/dev/null; grep -c kiln /boot/grub/custom.cfg; "
                      "grub-editenv /boot/grub/grubenv list | grep next_entry=.; ls /lib/modules"),
              "0\n");
    EXPECT_EQ(machine().record().state(), LifeState::kReady) << machine().record().why();
  }

  static std::unique_ptr<Rack> rack_;
  os::Path build_;
  TrialKernel kernel_;
  os::TempFolder folder_ = *os::TempFolder::make(::testing::TempDir(), "hardware-");
  SystemClock clock_;
  FileArtifacts artifacts_;
  std::vector<std::string> states_;
  PowerUnits units_;
  ConsoleHub hub_;
  std::unique_ptr<HardwareMachine> machine_;
};
std::unique_ptr<Rack> HardwareRealTest::rack_;

/// From a machine that is off to results, through the whole agent.
TEST_F(HardwareRealTest, ASessionRunsOnTheBuiltKernel) {
  ASSERT_TRUE(os::make_dirs(folder_.path() / "store"));
  const auto sockets = *os::TempFolder::make("/tmp", "kiln-hw-");
  auto controller = *OneSessionController::start(sockets.path() / "sock", folder_.path() / "store");
  v1::SessionOrder order = *trial_order(*controller, kernel_);
  order.set_session_id(7);
  order.set_machine(rack_->spec.name);
  v1::TestPhase* phase = order.add_phases();
  phase->set_name("trial");
  phase->set_test_list("igt@sw_sync@alloc_timeline\n");
  phase->set_per_test_seconds(30);
  phase->set_timeout_seconds(300);
  AgentConfig config;
  config.target = controller->target();
  config.data_dir = folder_.path() / "agent";
  config.images_dir = os::Path(KILN_SOURCE_DIR) / "images";
  config.machines.clear();
  config.lab.machines = {rack_->spec};
  auto agent = Agent::start(std::move(config));
  ASSERT_TRUE(agent) << render(agent.error());
  const auto done = controller->run(order, Millis(600'000));
  ASSERT_TRUE(done);
  EXPECT_EQ(done->session().ending(), "tested") << done->session().error();
  EXPECT_TRUE(done->session().identity().proved());
  EXPECT_EQ(done->session().identity().release(), kernel_.release);
  ASSERT_EQ(done->session().results_size(), 1);
  EXPECT_EQ(done->session().results(0).outcome(), "pass");
  (*agent).reset();
  (void)machine().begin({}, {}, {});
  machine().end();
  expect_home();
}

/// It resets itself; GRUB has forgotten it by then.
TEST_F(HardwareRealTest, AKernelThatPanicsAtBootIsTheKernelsFault) {
  const SessionOutcome outcome = boot(kernel_.image, "root=/dev/nowhere", kPatient, kLong);
  EXPECT_EQ(outcome.ending, Ending::kTestFailed);
  EXPECT_EQ(outcome.error_class, "BOOT_FAIL");
  EXPECT_THAT(outcome.error, HasSubstr("Kernel panic - not syncing: VFS: Unable to mount root fs"));
  EXPECT_THAT(states_, Contains("triage"));
  EXPECT_THAT(states_, Not(Contains("quarantined")));
  expect_home();
}

/// Real code that says nothing and hears nothing: only its power ends it.
TEST_F(HardwareRealTest, AKernelThatGivesNoSignOfLifeIsSwitchedOff) {
  std::string image = *os::read_file(kernel_.image, 64 << 20);
  const size_t code = (static_cast<uint8_t>(image.at(0x1f1)) + 1U) * 512;
  image.replace(code, 3, "\xfa\xf4\xeb");  // cli; hlt; and again
  image.at(code + 3) = '\xfd';
  const os::Path dead = folder_.path() / "dead";
  ASSERT_TRUE(os::write_atomic(dead, image));
  const SessionOutcome outcome = boot(dead, "", Millis(8'000), kLong);
  EXPECT_EQ(outcome.error_class, "BOOT_FAIL") << outcome.error;
  EXPECT_THAT(outcome.error, HasSubstr("the kernel does not boot"));
  const auto counts = machine().record().counts();
  // One more when it was off before.
  EXPECT_GE(counts[static_cast<size_t>(machine::RecoveryStep::kPowerCycle)].helped, 1U);
  expect_home();
}

/// It is up, says so, and nobody can reach it, which the known-good system can be. It hears a
/// BREAK.
TEST_F(HardwareRealTest, AKernelWithoutNetworkIsTheKernelsFault) {
  const SessionOutcome outcome =
      boot(kernel_.image, "kiln.ip=10.0.2.99/24", kPatient, Millis(60'000));
  EXPECT_EQ(outcome.error_class, "BOOT_FAIL") << outcome.error;
  EXPECT_THAT(outcome.error, HasSubstr("the kernel boots and cannot be reached"));
  const auto counts = machine().record().counts();
  EXPECT_EQ(counts[static_cast<size_t>(machine::RecoveryStep::kSysrq)].helped, 1U);
  expect_home();
}

/// Each driver for real.
TEST_F(HardwareRealTest, TheCheckSaysOkAllOver) {
  (void)machine().begin({}, {}, {});
  machine().end();
  machine_.reset();  // its console takes one
  CheckOptions options;
  options.console = Millis(60'000);
  const auto lines = check_machine(rack_->spec, options, clock_, connect_until, {}, {});
  EXPECT_EQ(lines.size(), 4U);
  for (const CheckLine& line : lines)
    EXPECT_EQ(line.state, CheckLine::State::kOk) << line.driver << ": " << line.found;
}

}  // namespace
}  // namespace kiln::agent
