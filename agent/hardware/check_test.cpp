#include "agent/hardware/check.h"

#include <gmock/gmock.h>
#include <sys/un.h>

#include "agent/hardware/watchdog.h"
#include "agent/power/testing.h"

namespace kiln::agent {
namespace {

using ::testing::HasSubstr;
using State = CheckLine::State;

/// A machine that is played: its power is files and scripts, its console a socket, its shell this
/// class, which says on the console what it is told to say to the kernel.
class CheckTest : public ::testing::Test {
 protected:
  class PlayedShell final : public Shell {
   public:
    explicit PlayedShell(CheckTest& test) : test_(test) {}
    Result<ShellReply> run(const ShellRequest& request, std::stop_token) override {
      ShellReply reply;
      reply.exit_code = 0;
      if (request.command.starts_with("id -u")) {
        reply.out = test_.who_;
        if (!test_.others_words_.empty()) test_.say(test_.others_words_);
      }
      if (request.command.starts_with("echo '<2>") && test_.wired_)
        test_.say("[ 9.0] " + request.command.substr(9, 30) + "\r\n");
      if (request.command.starts_with("echo '<2>") && test_.sends_)
        test_.send("6,1,9000000,-;" + request.command.substr(9, 19) + "\n");
      if (request.command.starts_with("cat /sys/class/tty")) reply.out = "tty0\n";
      if (request.command.find("grub-reboot") != std::string::npos) reply.out = test_.grub_;
      if (request.command == watchdog_probe()) reply.out = test_.watchdog_;
      return reply;
    }
    [[nodiscard]] bool alive() const override { return true; }

   private:
    CheckTest& test_;
  };

  void SetUp() override {
    listen_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = (folder_.path() / "s").string();
    std::copy(path.begin(), path.end(), address.sun_path);
    ASSERT_EQ(::bind(listen_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(listen_, 4), 0);
    machine_.name = "nuc-1";
    machine_.console = machine::UnixConsole{path};
    machine_.shell.address = "127.0.0.1";
    machine_.boot = {"grub", "/boot/kiln", "", ""};
    machine::CommandPower power;
    power.on = script("on", "echo on > now");
    power.off = script("off", "echo off > now");
    power.state = script("state", "cat now");
    machine_.power.driver = power;
    machine_.power.settle = Millis(2'000);
    machine_.power.off_time = Millis(0);
    testing::write_file(folder_.path() / "now", "on\n", 0600);
    options_.console = Millis(2'000);
  }
  void TearDown() override {
    if (client_ >= 0) ::close(client_);
    ::close(listen_);
  }
  std::vector<std::string> script(const std::string& name, const std::string& body) {
    const os::Path file = folder_.path() / name;
    testing::write_file(file, "#!/bin/sh\ncd " + folder_.path().string() + "\n" + body + "\n",
                        0755);
    return {file.string()};
  }
  void say(const std::string& text) {
    if (client_ < 0) client_ = ::accept(listen_, nullptr, nullptr);
    EXPECT_EQ(::write(client_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  /// By UDP to the machine's netconsole port.
  void send(const std::string& text) const {
    const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<uint16_t>(machine_.netconsole.port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::sendto(fd, text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof to);
    ::close(fd);
  }
  CheckLine check(const std::string& driver) {
    const ShellConnector connect = [this](const ShellEndpoint&, Millis,
                                          const std::function<std::string()>&,
                                          std::stop_token) -> Result<std::unique_ptr<Shell>> {
      if (!no_shell_.message.empty()) return fail(no_shell_);
      return std::unique_ptr<Shell>(std::make_unique<PlayedShell>(*this));
    };
    const auto lines = check_machine(machine_, options_, clock_, connect, {}, {});
    if (client_ >= 0) ::close(std::exchange(client_, -1));
    for (const CheckLine& line : lines)
      if (line.driver == driver) return line;
    return {driver, State::kWrong, "no such line", ""};
  }

  os::TempFolder folder_ = *os::TempFolder::make("/tmp", "check-");
  SystemClock clock_;
  machine::MachineSpec machine_;
  CheckOptions options_;
  int listen_ = -1;
  int client_ = -1;
  bool wired_ = true;
  bool sends_ = false;  ///< netconsole
  std::string others_words_{};
  Error no_shell_{ErrorKind::kInternal, ""};
  std::string who_ = "0\nLinux 6.1.0\nb0-07-1d\n";
  std::string watchdog_ = "iTCO_wdt\n";
  std::string grub_ =
      "free=5000\nreboot_tool=/usr/sbin/grub-reboot\ndefault=saved\nenv=yes\nenv_on= ext2\nnext=\n";
};

TEST_F(CheckTest, AMachineThatIsWellIsOkAllOver) {
  for (const char* driver : {"power", "shell", "console", "boot", "watchdog"}) {
    const CheckLine line = check(driver);
    EXPECT_EQ(line.state, State::kOk) << driver << ": " << line.found;
    EXPECT_EQ(line.mend, "") << driver;
  }
}

TEST_F(CheckTest, AConsoleOfAnotherMachineIsFoundOut) {
  wired_ = false;
  others_words_ = "login of somebody else\r\n";
  const CheckLine line = check("console");
  EXPECT_EQ(line.state, State::kWrong);
  EXPECT_THAT(line.found, HasSubstr("another machine's line, or the wrong speed"));
  EXPECT_THAT(line.mend, HasSubstr("the kernel's consoles are: tty0"));
}

TEST_F(CheckTest, ASilentConsoleIsFoundOut) {
  wired_ = false;
  const CheckLine line = check("console");
  EXPECT_EQ(line.state, State::kWrong);
  EXPECT_THAT(line.found, HasSubstr("silent, though the kernel was told to speak"));
}

TEST_F(CheckTest, AConsoleThatIsNotThereSaysWhy) {
  machine_.console = machine::UnixConsole{"/tmp/kiln-no-such-socket"};
  const CheckLine line = check("console");
  EXPECT_EQ(line.state, State::kWrong);
  EXPECT_THAT(line.found, HasSubstr("No such file"));
}

TEST_F(CheckTest, TheSecondEarIsTriedToo) {
  EXPECT_EQ(check("netconsole").found, "no such line");
  machine_.netconsole = {testing::free_port(SOCK_DGRAM), "127.0.0.1"};
  EXPECT_EQ(check("netconsole").state, State::kNote) << "the known-good kernel need not have it";
  sends_ = true;
  EXPECT_EQ(check("netconsole").state, State::kOk);
}

TEST_F(CheckTest, AHostKeyThatChangedIsMendedByComparingIt) {
  no_shell_ = Error(ErrorKind::kPermission, "has the host key A, but B is pinned: refused");
  const CheckLine line = check("shell");
  EXPECT_EQ(line.state, State::kWrong);
  EXPECT_THAT(line.mend, HasSubstr("ssh-keyscan"));
}

TEST_F(CheckTest, SomebodyWhoIsNotRootIsNotEnough) {
  who_ = "1000\nLinux 6.1.0\nb0-07-1d\n";
  EXPECT_THAT(check("shell").found, HasSubstr("is not root there"));
}

TEST_F(CheckTest, PowerThatCannotBeReadIsSaid) {
  std::get<machine::CommandPower>(machine_.power.driver).state = script("broken", "exit 4");
  EXPECT_EQ(check("power").state, State::kWrong);
  std::get<machine::CommandPower>(machine_.power.driver).state = {};
  EXPECT_EQ(check("power").state, State::kNote);
  machine_.power.driver = machine::NoPower();
  EXPECT_THAT(check("power").found, HasSubstr("no driver"));
}

TEST_F(CheckTest, AMachineThatNothingCouldResetIsSaid) {
  EXPECT_EQ(check("watchdog").found, "iTCO_wdt: resets a built kernel that hangs");
  watchdog_ = "";
  EXPECT_EQ(check("watchdog").state, State::kOk) << "its power can be switched";
  machine_.power.driver = machine::NoPower();
  EXPECT_EQ(check("watchdog").state, State::kNote);
  EXPECT_THAT(check("watchdog").mend, HasSubstr("modprobe"));
}

TEST_F(CheckTest, SwitchingIsTriedOnlyWhenAsked) {
  EXPECT_EQ(check("switching").found, "no such line");
  options_.power = true;
  EXPECT_THAT(check("switching").found, HasSubstr("off and on again"));
}

TEST(JudgeBoot, SaysWhatStandsAgainstOneShots) {
  const machine::BootSpec grub{"grub", "/boot/kiln", "", ""};
  const std::string tool = "free=900\nreboot_tool=/usr/sbin/grub-reboot\n";
  EXPECT_THAT(judge_boot(grub, "free=900\n").mend, HasSubstr("grub2-common"));
  EXPECT_THAT(judge_boot(grub, tool + "default=0\n").mend, HasSubstr("GRUB_DEFAULT=saved"));
  EXPECT_THAT(judge_boot(grub, tool + "default=saved\nenv=yes\nenv_on=lvm ext2\nnext=\n").found,
              HasSubstr("/boot lies on lvm"));
  EXPECT_EQ(judge_boot(grub, tool + "default=saved\nenv=yes\nenv_on= ext2\nnext=old\n").state,
            State::kNote);
  EXPECT_THAT(
      judge_boot(grub, "free=10\nreboot_tool=x\ndefault=saved\nenv=yes\nenv_on= ext2\nnext=\n")
          .found,
      HasSubstr("10 MiB are free"));
  const machine::BootSpec kexec{"kexec", "/var/lib/kiln", "", ""};
  EXPECT_THAT(judge_boot(kexec, "kexec=/sbin/kexec\nlockdown=none [integrity]\n").found,
              HasSubstr("locked down"));
  EXPECT_EQ(judge_boot(kexec, "free=900\nkexec=/sbin/kexec\ndisabled=0\n").state, State::kOk);
  const machine::BootSpec sd{"systemd-boot", "/boot/efi/kiln", "/boot/efi", ""};
  EXPECT_THAT(judge_boot(sd, "bootctl=/usr/bin/bootctl\n").found, HasSubstr("no EFI variables"));
  EXPECT_EQ(judge_boot(sd, "").state, State::kWrong);
}

}  // namespace
}  // namespace kiln::agent
