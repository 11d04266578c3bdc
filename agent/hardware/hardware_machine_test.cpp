#include "agent/hardware/hardware_machine.h"

#include <gmock/gmock.h>

#include <atomic>
#include <memory>
#include <set>

#include "agent/hardware/netboot.h"
#include "agent/power/testing.h"
#include "lib/base/text.h"
#include "lib/http/client.h"

namespace kiln::agent {
namespace {

using machine::LifeState;
using machine::RecoveryStep;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A machine that is played: its power is files and scripts, its shell this class. The real one is
/// agent/integration/hardware_real_test.cpp.
class HardwareMachineTest : public ::testing::Test {
 protected:
  struct World {
    Error no_shell = Error(ErrorKind::kTimeout, "SSH did not answer");  ///< "": it answers
    int answers_after_offs = 1000;  ///< so many times off, and it answers all the same
    bool damaged = false;
    std::string who{};  ///< is logged in there
    int boot = 1;       ///< which one answers
    /// Commands that hold it break their connection, each once.
    std::set<std::string> breaks{};
    bool boots_then = false;  ///< because it restarts
    int logins = 0;
    std::vector<std::string> commands;
  };
  class PlayedShell final : public Shell {
   public:
    explicit PlayedShell(Sync<World>& world) : world_(world) {}
    Result<ShellReply> run(const ShellRequest& request, std::stop_token) override {
      auto world = world_.lock();
      world->commands.push_back(request.command);
      for (const std::string& word : world->breaks) {
        if (request.command.find(word) == std::string::npos) continue;
        world->breaks.erase(word);
        if (world->boots_then) ++world->boot;
        alive_ = false;
        return fail(ErrorKind::kInfrastructure, "the connection broke");
      }
      ShellReply reply;
      reply.exit_code = 0;
      if (request.command == machine::look_command())
        reply.out = fmt::format("cmdline=quiet\nroot={}\nboot_id=boot-{}\nend=look\n",
                                world->damaged ? "ro" : "rw", world->boot);
      if (request.command == kBootIdCommand) reply.out = fmt::format("boot-{}\n", world->boot);
      if (request.command.find("grub-reboot") != std::string::npos) reply.out = "next_entry=kiln\n";
      // deploy()'s first look: a disk with room and no files.
      if (request.command.find("df -Pk") != std::string::npos) reply.out = "9000000\n";
      if (request.command.find("kiln-end") != std::string::npos) reply.out = "kiln-end\n";
      if (request.command.starts_with("who")) reply.out = world->who;
      if (request.command.find("tune2fs") != std::string::npos) world->damaged = false;
      return reply;
    }
    [[nodiscard]] bool alive() const override { return alive_; }

   private:
    Sync<World>& world_;
    bool alive_ = true;
  };

  void SetUp() override {
    ASSERT_TRUE(os::make_dirs(folder_.path() / "machine"));
    testing::write_file(folder_.path() / "now", "on\n", 0600);
    machine::CommandPower power;
    power.on = script("on", "echo on >now; echo on >>log");
    power.off = script("off", "echo off >now; echo off >>log; [ ! -e pid ] || kill \"$(cat pid)\"");
    power.state = script("state", "cat now");
    config_.spec.name = "nuc-1";
    config_.spec.power.driver = power;
    config_.spec.power.settle = Millis(2'000);
    config_.spec.power.off_time = Millis(0);
    config_.spec.boot = {"grub", "/boot/kiln", "", ""};
    config_.spec.shell.address = "127.0.0.1";
    config_.spec.shell.port = testing::free_port(SOCK_STREAM);
    config_.folder = folder_.path() / "machine";
    config_.connector = [this](const ShellEndpoint&, Millis, const std::function<std::string()>&,
                               std::stop_token) -> Result<std::unique_ptr<Shell>> {
      auto world = world_.lock();
      const bool reached = world->no_shell.message.empty() || offs() >= world->answers_after_offs;
      if (!reached) return fail(world->no_shell);
      ++world->logins;
      return std::unique_ptr<Shell>(std::make_unique<PlayedShell>(world_));
    };
    config_.spec.limits.long_off = Millis(0);
    config_.changed = [this](LifeState state, const std::string&) {
      states_.lock()->emplace_back(to_string(state));
    };
  }
  std::vector<std::string> script(const std::string& name, const std::string& body) {
    const os::Path file = folder_.path() / name;
    testing::write_file(file, "#!/bin/sh\ncd " + folder_.path().string() + "\n" + body + "\n",
                        0755);
    return {file.string()};
  }
  std::string power_log() const { return os::read_file(folder_.path() / "log").value_or(""); }
  int offs() const {
    const auto lines = split_lines(power_log());
    return static_cast<int>(std::count(lines.begin(), lines.end(), "off"));
  }
  std::unique_ptr<HardwareMachine> make() {
    auto made = HardwareMachine::create(config_, hub_, units_, clock_);
    EXPECT_TRUE(made) << render(made.error());
    return std::move(*made);
  }
  /// That has a session, whose kernel it fetches from the network: nothing is copied.
  std::unique_ptr<HardwareMachine> begun() {
    machine::BootSpec& boot = config_.spec.boot;
    boot = {"network", "", "", "root=/dev/sda2"};
    boot.address = boot.from = "127.0.0.1";
    boot.port = testing::free_port(SOCK_STREAM);
    return begun_as_configured();
  }
  /// The same by the boot loader of `config_`, which is GRUB, from its disk.
  std::unique_ptr<HardwareMachine> begun_as_configured() {
    world_.lock()->no_shell = Error(ErrorKind::kTimeout, "");
    agent::BootSpec spec;
    spec.kernel = folder_.path() / "kernel";
    spec.cmdline = "kiln.session=7";
    EXPECT_TRUE(os::write_atomic(spec.kernel, "bzImage"));
    auto machine = make();
    EXPECT_TRUE(machine->begin({}, {}, {}));
    EXPECT_TRUE(machine->boot().arm(spec));
    return machine;
  }
  int asked(const std::string& word) {
    auto world = world_.lock();
    return static_cast<int>(std::count_if(
        world->commands.begin(), world->commands.end(),
        [&](const std::string& each) { return each.find(word) != std::string::npos; }));
  }
  /// What greets as its sshd does, until its power is switched off.
  std::unique_ptr<os::Child> greeter() {
    auto out =
        testing::serve({"python3", "-c",
                        "import os, socket, sys\n"
                        "s = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n"
                        "open(sys.argv[2], 'w').write(str(os.getpid()))\n"
                        "while True: s.accept()[0].sendall(b'SSH-2.0-played\\r\\n')",
                        std::to_string(config_.spec.shell.port), (folder_.path() / "pid").string()},
                       folder_.path() / "greeter.log");
    EXPECT_TRUE(testing::eventually(
        [this] { return !os::read_file(folder_.path() / "pid").value_or("").empty(); }));
    return out;
  }
  static uint64_t helped(const HardwareMachine& machine, RecoveryStep step) {
    return machine.record().counts()[static_cast<size_t>(step)].helped;
  }

  os::TempFolder folder_ = *os::TempFolder::make("/tmp", "hardware-");
  Sync<World> world_;
  Sync<std::vector<std::string>> states_;
  HardwareMachine::Config config_;
  SystemClock clock_;
  PowerUnits units_;
  ConsoleHub hub_;
};

TEST_F(HardwareMachineTest, AMachineThatIsWellIsTakenAsItIs) {
  world_.lock()->no_shell = Error(ErrorKind::kTimeout, "");
  const auto machine = make();
  ASSERT_TRUE(machine->begin({}, {}, {}));
  machine->end();
  EXPECT_THAT(*states_.lock(), ElementsAre("verifying", "ready", "leased", "cleaning", "ready"));
  EXPECT_EQ(power_log(), "");
}

TEST_F(HardwareMachineTest, GearThatSaysOffOfAMachineThatAnswersIsNotBelieved) {
  world_.lock()->no_shell = Error(ErrorKind::kTimeout, "");
  testing::write_file(folder_.path() / "now", "off\n", 0600);
  const auto machine = make();
  EXPECT_TRUE(machine->begin({}, {}, {}));
  EXPECT_EQ(power_log(), "");
}

TEST_F(HardwareMachineTest, APowerCycleBringsItBackAndThatIsRemembered) {
  world_.lock()->answers_after_offs = 1;
  {
    const auto machine = make();
    ASSERT_TRUE(machine->begin({}, {}, {}));
    EXPECT_EQ(helped(*machine, RecoveryStep::kPowerCycle), 1U);
    EXPECT_THAT(*states_.lock(),
                ElementsAre("verifying", "recovering", "verifying", "ready", "leased"));
  }
  EXPECT_EQ(power_log(), "off\non\n");
  const auto machine = make();
  EXPECT_EQ(helped(*machine, RecoveryStep::kPowerCycle), 1U);
}

/// Nobody has to want the machine for that.
TEST_F(HardwareMachineTest, WhatAKilledAgentLeftIsRemovedWhenTheNextOneStarts) {
  world_.lock()->no_shell = Error(ErrorKind::kTimeout, "");
  ASSERT_TRUE(make()->begin({}, {}, {}));
  world_.lock()->commands.clear();
  states_.lock()->clear();
  const auto machine = make();
  EXPECT_TRUE(testing::eventually([&] { return machine->record().state() == LifeState::kReady; }));
  EXPECT_EQ(machine->facts().preparing, "");
  EXPECT_EQ(asked("rm -rf -- /boot/kiln"), 1);
  EXPECT_THAT(*states_.lock(), ElementsAre("ready"));
  EXPECT_TRUE(machine->begin({}, {}, {}));
  EXPECT_EQ(asked("rm -rf -- /boot/kiln"), 1) << "it was clean";
}

TEST_F(HardwareMachineTest, OneThatDoesNotComeHomeAtTheStartKeepsNobodyWaiting) {
  world_.lock()->no_shell = Error(ErrorKind::kTimeout, "");
  ASSERT_TRUE(make()->begin({}, {}, {}));
  auto tries = std::make_shared<std::atomic<int>>(0);
  auto answers = std::make_shared<std::atomic<bool>>(false);
  config_.connector = [this, tries, answers](
                          const ShellEndpoint&, Millis, const std::function<std::string()>&,
                          const std::stop_token& stop) -> Result<std::unique_ptr<Shell>> {
    ++*tries;
    if (*answers) return std::unique_ptr<Shell>(std::make_unique<PlayedShell>(world_));
    EXPECT_TRUE(testing::eventually([&] { return stop.stop_requested(); }));
    return fail(ErrorKind::kCancelled, "stopped");
  };
  {
    const auto machine = make();
    EXPECT_TRUE(testing::eventually([&] { return *tries > 0; }));
    EXPECT_THAT(machine->facts().preparing, HasSubstr("it is brought home"));
  }  // an agent that ends
  const auto machine = make();
  EXPECT_TRUE(testing::eventually([&] { return *tries > 1; }));
  *answers = true;
  EXPECT_TRUE(machine->begin({}, {}, {})) << "a session does it itself";
  EXPECT_EQ(power_log(), "");
}

TEST_F(HardwareMachineTest, ADamagedRootIsCheckedByABoot) {
  world_.lock()->no_shell = Error(ErrorKind::kTimeout, "");
  world_.lock()->damaged = true;
  const auto machine = make();
  ASSERT_TRUE(machine->begin({}, {}, {}));
  EXPECT_EQ(helped(*machine, RecoveryStep::kCheckedBoot), 1U);
  EXPECT_EQ(power_log(), "");
}

TEST_F(HardwareMachineTest, OneThatStaysDeadIsQuarantinedWithTheWholeStory) {
  const auto machine = make();
  const auto begun = machine->begin({}, {}, {});
  ASSERT_FALSE(begun);
  EXPECT_EQ(machine->power().state().error_class, "INFRA_DUT");
  EXPECT_THAT(machine->facts().broken,
              HasSubstr("in quarantine: it does not answer: SSH did not answer; after wait: SSH "
                        "did not answer; after power-cycle: SSH did not answer; after "
                        "long-power-cycle: SSH did not answer"));
  EXPECT_EQ(power_log(), "off\non\noff\non\n");
  EXPECT_THAT(*states_.lock(), ElementsAre("verifying", "recovering", "quarantined"));
}

TEST_F(HardwareMachineTest, AKeyThatIsRefusedIsNoReasonToSwitchItsPower) {
  world_.lock()->no_shell = Error(ErrorKind::kPermission, "another host key: SHA256:x");
  const auto machine = make();
  ASSERT_FALSE(machine->begin({}, {}, {}));
  EXPECT_THAT(machine->facts().broken, HasSubstr("another host key: SHA256:x"));
  EXPECT_EQ(power_log(), "");
}

/// Also of an agent that was started anew meanwhile.
TEST_F(HardwareMachineTest, AMachineInQuarantineIsLookedAtUntilItsBootsFromColdAreWell) {
  (void)make()->begin({}, {}, {});
  ASSERT_TRUE(os::write_atomic(folder_.path() / "log", ""));
  states_.lock()->clear();
  config_.spec.limits.look_again = Millis(20);
  const auto machine = make();
  EXPECT_EQ(machine->record().state(), LifeState::kQuarantined);
  EXPECT_FALSE(machine->begin({}, {}, {})) << "no session meanwhile";
  EXPECT_EQ(power_log(), "") << "only looked at";
  world_.lock()->no_shell = Error(ErrorKind::kTimeout, "");
  EXPECT_TRUE(testing::eventually([&] { return states_.lock()->size() >= 2; }));
  EXPECT_EQ(offs(), 10);
  EXPECT_THAT(*states_.lock(), ElementsAre("qualifying", "ready"));
  EXPECT_EQ(machine->facts().broken, "");
  EXPECT_TRUE(machine->begin({}, {}, {}));
}

/// Each second connection fails: nobody waits for what he holds himself.
TEST_F(HardwareMachineTest, OneThatNobodyCanSwitchComesBackByReboots) {
  config_.spec.power.driver = machine::NoPower();
  config_.spec.limits.look_again = Millis(20);
  config_.spec.limits.qualifying = 2;
  (void)make()->begin({}, {}, {});
  auto tries = std::make_shared<std::atomic<int>>(0);
  config_.connector = [this, tries](const ShellEndpoint&, Millis,
                                    const std::function<std::string()>& give_up,
                                    std::stop_token) -> Result<std::unique_ptr<Shell>> {
    if (++*tries == 2) {
      if (give_up) (void)give_up();
      return fail(ErrorKind::kTimeout, "SSH did not answer");
    }
    return std::unique_ptr<Shell>(std::make_unique<PlayedShell>(world_));
  };
  const auto machine = make();
  EXPECT_TRUE(testing::eventually([&] { return machine->record().state() == LifeState::kReady; }));
  EXPECT_THAT(*states_.lock(), ::testing::Contains("qualifying").Times(2));
  EXPECT_THAT(world_.lock()->commands, ::testing::Contains(HasSubstr("systemctl reboot")).Times(2));
}

TEST_F(HardwareMachineTest, WhoMendsAMachineIsNotSwitchedOff) {
  (void)make()->begin({}, {}, {});
  ASSERT_TRUE(os::write_atomic(folder_.path() / "log", ""));
  config_.spec.limits.look_again = Millis(20);
  config_.spec.limits.qualifying = 1;
  {
    auto world = world_.lock();
    world->no_shell = Error(ErrorKind::kTimeout, "");
    world->who = "root     pts/0        2026-11-29 06:40 (keeper.lab)\n";
  }
  const auto machine = make();
  EXPECT_TRUE(testing::eventually(
      [&] { return machine->facts().broken.find("somebody is logged in") != std::string::npos; }));
  EXPECT_EQ(power_log(), "");
  world_.lock()->who = "";
  EXPECT_TRUE(testing::eventually([&] { return machine->record().state() == LifeState::kReady; }));
  EXPECT_EQ(power_log(), "off\non\n");
  EXPECT_EQ(machine->facts().broken, "");
}

TEST_F(HardwareMachineTest, OneBootOfTenThatFailsKeepsItInQuarantine) {
  (void)make()->begin({}, {}, {});
  ASSERT_TRUE(os::write_atomic(folder_.path() / "log", ""));
  states_.lock()->clear();
  config_.spec.limits.look_again = Millis(20);
  auto once = std::make_shared<std::atomic<bool>>(true);
  config_.connector = [this, once](const ShellEndpoint&, Millis,
                                   const std::function<std::string()>&,
                                   std::stop_token) -> Result<std::unique_ptr<Shell>> {
    if (offs() == 3 && once->exchange(false)) return fail(ErrorKind::kTimeout, "SSH is silent");
    return std::unique_ptr<Shell>(std::make_unique<PlayedShell>(world_));
  };
  const auto machine = make();
  EXPECT_TRUE(testing::eventually([&] { return states_.lock()->size() >= 2; }));
  EXPECT_EQ((*states_.lock())[1], "quarantined");
  // Mended by itself, it begins anew: three boots do not count.
  EXPECT_TRUE(testing::eventually([&] { return states_.lock()->size() >= 4; }));
  EXPECT_THAT(*states_.lock(), ElementsAre("qualifying", "quarantined", "qualifying", "ready"));
  EXPECT_EQ(offs(), 13);
}

/// A login costs more than all that is asked there.
TEST_F(HardwareMachineTest, OneLoginLeadsFromASessionsBeginToItsKernel) {
  for (const bool broken : {false, true}) {
    world_.lock()->logins = 0;
    const auto machine = begun();
    if (broken) world_.lock()->breaks = {"end=look"};
    ASSERT_TRUE(machine->power().on());
    EXPECT_EQ(world_.lock()->logins, broken ? 2 : 1);
    machine->end();
  }
  EXPECT_EQ(power_log(), "");
}

/// From the look to the way down, and behind the session.
TEST_F(HardwareMachineTest, AConnectionThatBreaksIsMadeAnewAndTheStepDoneAgain) {
  world_.lock()->breaks = {"end=look",  "ls -1 /lib/modules", "vmlinuz.part",
                           "menuentry", "systemctl reboot",   "rm -rf /kiln;"};
  const auto machine = begun_as_configured();
  const auto on = machine->power().on();
  ASSERT_TRUE(on) << render(on.error());
  EXPECT_EQ(machine->record().state(), LifeState::kBooting);
  EXPECT_EQ(asked("df -Pk"), 2) << "the copy begins anew";
  EXPECT_EQ(asked("vmlinuz.part"), 2);
  machine->end();
  EXPECT_EQ(machine->record().state(), LifeState::kReady);
  EXPECT_THAT(world_.lock()->breaks, IsEmpty());
  EXPECT_EQ(power_log(), "");
}

TEST_F(HardwareMachineTest, WhatBrokeOffIsNotDoneAgainInAnotherBoot) {
  const auto ends = [this](const std::string& word) {
    world_.lock()->breaks = {word};
    world_.lock()->boots_then = true;
    const auto machine = begun_as_configured();
    EXPECT_FALSE(machine->power().on());
    const std::string error_class = machine->power().state().error_class;
    EXPECT_EQ(machine->power().state().why, "the machine restarted: its boot id has changed");
    world_.lock()->boots_then = false;
    machine->end();
    EXPECT_EQ(machine->record().state(), LifeState::kReady);
    return error_class;
  };
  EXPECT_EQ(ends("df -Pk"), "INFRA_DUT");
  EXPECT_EQ(asked("df -Pk"), 1);
  EXPECT_EQ(ends("menuentry"), "INFRA_DEPLOY");
  EXPECT_EQ(asked("menuentry"), 1);
}

/// The word to go was heard and its answer lost: the armed kernel answers by now.
TEST_F(HardwareMachineTest, OneThatWentBeforeItSaidSoIsGone) {
  config_.spec.limits.down = Millis(200);
  const auto machine = begun_as_configured();
  {
    auto world = world_.lock();
    world->breaks = {"systemctl reboot"};
    world->boots_then = true;
  }
  const auto sshd = greeter();
  EXPECT_TRUE(machine->power().on());
  EXPECT_EQ(asked("systemctl reboot"), 1);
  EXPECT_EQ(power_log(), "") << "nobody helps along what is gone";
  EXPECT_EQ(machine->record().state(), LifeState::kBooting);
}

/// Its firmware is slow, or asks another network: no later boot may start that kernel.
TEST_F(HardwareMachineTest, AKernelThatWasNeverFetchedIsTakenBackOnTheWayHome) {
  const auto machine = begun();
  http::CurlClient client;
  http::Request script;
  script.url = fmt::format("http://127.0.0.1:{}/nuc-1/boot.ipxe", config_.spec.boot.port);
  ASSERT_TRUE(machine->power().on());
  EXPECT_THAT(client.send(script)->body, HasSubstr("/kernel root=/dev/sda2 kiln.session=7 ||"));
  EXPECT_THAT(world_.lock()->commands, ::testing::Contains(HasSubstr("systemctl reboot")));
  machine->end();
  EXPECT_EQ(client.send(script)->body, netboot_to_disk());
  EXPECT_THAT(world_.lock()->commands, ::testing::Not(::testing::Contains(HasSubstr("/boot/"))))
      << "nothing is put onto its disk";
}

/// The ladder was climbed to its end: a session's further tries do not switch its power again.
TEST_F(HardwareMachineTest, AMachineThatWasLostInASessionIsGivenUpOnce) {
  const auto machine = begun();
  ASSERT_TRUE(machine->power().on());
  world_.lock()->no_shell = Error(ErrorKind::kTimeout, "SSH did not answer");
  EXPECT_FALSE(machine->power().off());
  EXPECT_EQ(power_log(), "off\non\noff\non\n");
  EXPECT_EQ(machine->record().state(), LifeState::kQuarantined);
  EXPECT_FALSE(machine->power().off());
  EXPECT_FALSE(machine->power().on());
  machine->end();
  EXPECT_EQ(power_log(), "off\non\noff\non\n");
  EXPECT_EQ(machine->power().state().error_class, "INFRA_DUT");
}

TEST_F(HardwareMachineTest, PowerThatGoesInASessionIsNoHangOfTheKernel) {
  const auto lost = [this](const std::vector<std::string>& phases) {
    states_.lock()->clear();
    const auto machine = begun();
    EXPECT_TRUE(machine->power().on());
    for (const std::string& phase : phases) machine->session_at(phase);
    world_.lock()->no_shell = Error(ErrorKind::kTimeout, "SSH did not answer");
    world_.lock()->answers_after_offs = 1000;
    EXPECT_FALSE(machine->connect(Millis(1'000), {}));
    EXPECT_EQ(machine->power().state().state, PowerState::kOn) << "its power is on: it hangs";
    testing::write_file(folder_.path() / "now", "off\n", 0600);
    const auto shell = machine->connect(Millis(1'000), {});
    EXPECT_THAT(shell ? "it answers" : shell.error().message, HasSubstr("its power went off"));
    EXPECT_FALSE(machine->power().state().by_guest);
    const std::string error_class = machine->power().state().error_class;
    EXPECT_FALSE(machine->connect(Millis(1'000), {})) << "it stays off";
    EXPECT_EQ(machine->power().state().error_class, error_class);
    world_.lock()->answers_after_offs = 0;
    EXPECT_TRUE(machine->power().off());
    machine->end();
    EXPECT_EQ(machine->record().state(), LifeState::kReady);
    testing::write_file(folder_.path() / "now", "on\n", 0600);
    return error_class;
  };
  EXPECT_EQ(lost({"identifying", "testing"}), "LOST_SUT");
  EXPECT_EQ(lost({"identifying", "testing", "collecting"}), "LOST_SUT");
  EXPECT_EQ(lost({}), "INFRA_POWER");
}

/// Its loader starts the armed kernel after a power cycle, too.
TEST_F(HardwareMachineTest, OneThatHangsOnItsWayDownIsHelpedAlong) {
  config_.spec.limits.down = Millis(200);
  const auto machine = begun();
  const auto sshd = greeter();
  EXPECT_TRUE(machine->power().on());
  EXPECT_EQ(power_log(), "off\non\n");
  EXPECT_EQ(machine->record().state(), LifeState::kBooting);
}

TEST_F(HardwareMachineTest, AStoppedSessionQuarantinesNobody) {
  std::stop_source stop;
  stop.request_stop();
  const auto machine = make();
  const auto begun = machine->begin({}, {}, stop.get_token());
  ASSERT_FALSE(begun);
  EXPECT_EQ(begun.error().kind, ErrorKind::kCancelled);
  EXPECT_NE(machine->record().state(), LifeState::kQuarantined);
  EXPECT_EQ(power_log(), "");
}

}  // namespace
}  // namespace kiln::agent
