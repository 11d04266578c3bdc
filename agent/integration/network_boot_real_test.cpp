/// Firmware that asks the network first: QEMU with the iPXE of its network card (package
/// ipxe-qemu), DHCP by dnsmasq, the agent's server, and a disk that boots by itself. The test runs
/// in network and process namespaces of its own (see CMakeLists.txt): what it starts ends with it
/// in any case. Environment: as in hardware_real_test.cpp.
#include <gmock/gmock.h>

#include <cstdlib>

#include "agent/app.h"
#include "agent/hardware/check.h"
#include "agent/power/testing.h"
#include "agent/ssh/ssh_shell.h"
#include "agent/tools/trial_order.h"
#include "lib/base/text.h"

namespace kiln::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kHere = "10.0.2.2";
constexpr const char* kThere = "10.0.2.15";  ///< also what the guest's own system gives itself
constexpr int kPort = 8070;

std::string needed(const char* name) {
  const char* value = std::getenv(name);
  EXPECT_TRUE(value != nullptr && *value != 0) << name << " is not set: see tests/run machine";
  return value != nullptr ? value : "";
}

bool run(const std::vector<std::string>& argv) {
  os::Command command;
  command.argv = argv;
  const auto done = os::run_ok(command);
  EXPECT_TRUE(done) << render(done.error());
  return static_cast<bool>(done);
}

/// A network with one machine in it, which boots from there first.
class NetRack {
 public:
  explicit NetRack(const os::Path& guest) {
    EXPECT_TRUE(run({"ip", "link", "set", "lo", "up"}));
    EXPECT_TRUE(run({"ip", "tuntap", "add", "dev", "kiln0", "mode", "tap"}))
        << "this test wants a network namespace of its own and /dev/net/tun";
    EXPECT_TRUE(run({"ip", "address", "add", std::string(kHere) + "/24", "dev", "kiln0"}));
    // iPXE waits for a router of IPv6 before it goes on; here is one that says at once.
    EXPECT_TRUE(run({"ip", "address", "add", "fd00:4b::1/64", "dev", "kiln0", "nodad"}));
    EXPECT_TRUE(run({"ip", "link", "set", "kiln0", "up"}));
    EXPECT_TRUE(run({"qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b",
                     (guest / "disk.qcow2").string(), path("disk.qcow2")}));
    const std::string qemu = fmt::format(
        "qemu-system-i386 -nodefaults -no-user-config -display none"
        " -machine pc -accel tcg,thread=multi -smp 2 -cpu Haswell-noTSX"
        " -m 1024 -serial telnet:127.0.0.1:2001,server=on,wait=off"
        " -drive file={},if=none,id=d,format=qcow2,cache=unsafe"
        " -device virtio-blk-pci,drive=d,bootindex=2"
        " -netdev tap,id=n,ifname=kiln0,script=no,downscript=no"
        " -device virtio-net-pci,netdev=n,mac=52:54:00:4b:00:01,bootindex=1"
        " -device virtio-rng-pci",
        path("disk.qcow2"));
    const std::string running = "[ -e pid ] && kill -0 $(cat pid) 2>/dev/null";
    script("on", running + " || { setsid " + qemu + " </dev/null >qemu.log 2>&1 & echo $! >pid; }");
    script("off", "if " + running + "; then kill -9 $(cat pid) || exit 1; fi; rm -f pid");
    script("state", running + " && echo on || echo off");
    spec.name = "rack-9";
    spec.power.driver = machine::CommandPower{{path("on")}, {path("off")}, {}, {}, {path("state")}};
    spec.power.off_time = Millis(500);
    spec.console = machine::TelnetConsole{"127.0.0.1", 2001, 0};
    spec.boot.driver = "network";
    spec.boot.address = kHere;
    spec.boot.port = kPort;
    spec.boot.from = kThere;
    spec.boot.cmdline = "root=/dev/vda1 rw console=ttyS0,115200 panic=5";
    spec.shell = {kThere, 22, "root", (guest / "key").string(), (guest / "host_key.pub").string()};
    dhcp_ = testing::serve(
        {os::find_program("dnsmasq"), "--no-daemon", "--conf-file=/dev/null",
         "--pid-file=", "--port=0", "--interface=kiln0", "--bind-interfaces", "--no-ping",
         "--log-dhcp", "--dhcp-leasefile=" + path("leases"), "--dhcp-range=10.0.2.0,static",
         "--dhcp-host=52:54:00:4b:00:01," + std::string(kThere), "--dhcp-userclass=set:ipxe,iPXE",
         fmt::format("--dhcp-boot=tag:ipxe,http://{}:{}/{}/boot.ipxe", kHere, kPort, spec.name),
         "--dhcp-range=fd00:4b::,ra-only", "--enable-ra"},
        path("dnsmasq.log"));
  }
  ~NetRack() { (void)run({path("off")}); }
  [[nodiscard]] std::string path(const std::string& name) const {
    return (folder_.path() / name).string();
  }
  [[nodiscard]] std::string dhcp_log() const {
    return os::read_file(path("dnsmasq.log"), 4 << 20).value_or("");
  }
  machine::MachineSpec spec{};

 private:
  void script(const std::string& name, const std::string& body) const {
    testing::write_file(
        path(name), "#!/bin/sh\ncd " + folder_.path().string() + "\n" + body + "\nexit 0\n", 0755);
  }
  os::TempFolder folder_ = *os::TempFolder::make(::testing::TempDir(), "net-rack-");
  std::unique_ptr<os::Child> dhcp_;
};

class NetworkBootRealTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string guest = needed("KILN_HARDWARE_GUEST");
    const os::Path build = needed("KILN_TRIAL_BUILD");
    ASSERT_TRUE(!guest.empty() && !build.empty());
    ASSERT_FALSE(os::find_program("dnsmasq").empty());
    rack_ = std::make_unique<NetRack>(guest);
    kernel_ = *trial_kernel(build, needed("KILN_TRIAL_MODULES"));
  }
  std::unique_ptr<Agent> start_agent(const std::string& target) {
    AgentConfig config;
    config.target = target;
    config.data_dir = folder_.path() / "agent";
    config.images_dir = os::Path(KILN_SOURCE_DIR) / "images";
    config.machines.clear();
    config.lab.machines = {rack_->spec};
    auto agent = Agent::start(std::move(config));
    EXPECT_TRUE(agent) << render(agent.error());
    return agent ? std::move(*agent) : nullptr;
  }
  std::string at_home(const std::string& command) {
    const machine::ShellSpec& at = rack_->spec.shell;
    auto shell = connect_until({at.address, at.port, at.user, at.key_file, at.host_key_file},
                               Millis(60'000), {}, {});
    if (!shell) return render(shell.error());
    const auto reply = (*shell)->run({.command = command}, {});
    return reply ? reply->out : render(reply.error());
  }

  os::TempFolder folder_ = *os::TempFolder::make(::testing::TempDir(), "network-boot-");
  std::unique_ptr<NetRack> rack_;
  TrialKernel kernel_;
};

/// Three boots by firmware: the disk's system (nothing is armed), the built kernel, and the disk's
/// again, with the network asked first each time.
TEST_F(NetworkBootRealTest, FirmwareFetchesTheBuiltKernelOnceAndThenGoesOnToTheDisk) {
  EXPECT_EQ(check_network_boot(rack_->spec).state, CheckLine::State::kNote);
  ASSERT_TRUE(os::make_dirs(folder_.path() / "store"));
  const auto sockets = *os::TempFolder::make("/tmp", "kiln-net-");
  auto controller = *OneSessionController::start(sockets.path() / "sock", folder_.path() / "store");
  v1::SessionOrder order = *trial_order(*controller, kernel_);
  order.set_session_id(9);
  order.set_machine(rack_->spec.name);
  auto agent = start_agent(controller->target());
  ASSERT_TRUE(agent);
  const auto done = controller->run(order, Millis(600'000));
  ASSERT_TRUE(done) << rack_->dhcp_log();
  EXPECT_EQ(done->session().ending(), "tested") << done->session().error() << rack_->dhcp_log();
  EXPECT_TRUE(done->session().identity().proved());
  EXPECT_EQ(done->session().identity().release(), kernel_.release);
  const std::string console = controller->stored(done->session().artifacts().at("console"));
  EXPECT_THAT(console, HasSubstr("Linux version " + kernel_.release));
  EXPECT_THAT(console.substr(0, console.find("Linux version")), Not(HasSubstr("GRUB")))
      << "the built kernel came from the disk";

  const CheckLine line = check_network_boot(rack_->spec);
  EXPECT_EQ(line.state, CheckLine::State::kOk) << line.found;
  EXPECT_THAT(line.found, HasSubstr(std::string("by ") + kThere));
  EXPECT_THAT(at_home("uname -v; cat /proc/cmdline"), HasSubstr("Debian"));
  EXPECT_THAT(at_home("cat /proc/cmdline"), Not(HasSubstr("kiln.session")));
  EXPECT_EQ(at_home("ls -d /boot/kiln /var/lib/kiln 2>/dev/null; cat /boot/grub/custom.cfg"
                    " 2>/dev/null; ls /lib/modules | wc -l"),
            "0\n");
}

}  // namespace
}  // namespace kiln::agent
