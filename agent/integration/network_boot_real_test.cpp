/// Firmware that asks the network first: QEMU with the iPXE of its network card (package
/// ipxe-qemu), or with UEFI that boots by HTTP itself (OVMF); DHCP by dnsmasq, the agent's server,
/// and a disk that boots by itself. The test runs
/// in network and process namespaces of its own (see CMakeLists.txt): what it starts ends with it
/// in any case. Environment: as in hardware_real_test.cpp.
#include <gmock/gmock.h>

#include "agent/hardware/check.h"
#include "agent/integration/qemu_rack.h"
#include "agent/ssh/ssh_shell.h"
#include "agent/tools/trial_order.h"
#include "lib/base/text.h"

namespace kiln::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kHere = "10.0.2.2";
constexpr const char* kThere = "10.0.2.15";  ///< also what the guest's own system gives itself
constexpr const char* kCard = "52:54:00:4b:00:02";  ///< here
constexpr int kPort = 8070;
constexpr int kNetconsole = 6666;

/// A network with one machine in it, which boots from there first.
class NetRack : public QemuRack {
 public:
  NetRack(const os::Path& guest, Firmware firmware) {
    EXPECT_TRUE(run_program({"ip", "link", "set", "lo", "up"}));
    EXPECT_TRUE(run_program({"ip", "tuntap", "add", "dev", "kiln0", "mode", "tap"}))
        << "this test wants a network namespace of its own and /dev/net/tun";
    EXPECT_TRUE(run_program({"ip", "link", "set", "kiln0", "address", kCard}));
    EXPECT_TRUE(run_program({"ip", "address", "add", std::string(kHere) + "/24", "dev", "kiln0"}));
    // iPXE waits for a router of IPv6 before it goes on; here is one that says at once.
    EXPECT_TRUE(run_program({"ip", "address", "add", "fd00:4b::1/64", "dev", "kiln0", "nodad"}));
    EXPECT_TRUE(run_program({"ip", "link", "set", "kiln0", "up"}));
    const bool uefi = firmware == Firmware::kUefi;
    // OVMF tries HTTP after PXE, whose waiting is not asked for here.
    const std::string http_alone =
        " -fw_cfg name=opt/org.tianocore/IPv4PXESupport,string=no"
        " -fw_cfg name=opt/org.tianocore/IPv6PXESupport,string=no"
        " -fw_cfg name=opt/org.tianocore/IPv6Support,string=no";
    assemble("rack-9", firmware, guest,
             "-netdev tap,id=n,ifname=kiln0,script=no,downscript=no"
             " -device virtio-net-pci,netdev=n,mac=52:54:00:4b:00:01,bootindex=1" +
                 (uefi ? ",romfile=" + http_alone : ""));
    if (uefi) spec.boot.stub = (guest / "linuxia32.efi.stub").string();
    spec.boot.driver = "network";
    spec.boot.address = kHere;
    spec.boot.port = kPort;
    spec.boot.from = kThere;
    spec.boot.cmdline = "root=/dev/vda1 rw console=ttyS0,115200 panic=5";
    spec.shell.address = kThere;
    spec.netconsole = {kNetconsole, kThere};
    dhcp_ = testing::serve(
        {os::find_program("dnsmasq"), "--no-daemon", "--conf-file=/dev/null",
         "--pid-file=", "--port=0", "--interface=kiln0", "--bind-interfaces", "--no-ping",
         "--log-dhcp", "--dhcp-leasefile=" + path("leases"), "--dhcp-range=10.0.2.0,static",
         "--dhcp-host=52:54:00:4b:00:01," + std::string(kThere), "--dhcp-userclass=set:ipxe,iPXE",
         fmt::format("--dhcp-boot=tag:ipxe,http://{}:{}/{}/boot.ipxe", kHere, kPort, spec.name),
         "--dhcp-vendorclass=set:http,HTTPClient", "--dhcp-option-force=tag:http,60,HTTPClient",
         fmt::format("--dhcp-boot=tag:http,http://{}:{}/{}/boot.efi", kHere, kPort, spec.name),
         "--dhcp-range=fd00:4b::,ra-only", "--enable-ra"},
        path("dnsmasq.log"));
  }
  ~NetRack() { run_program({"ip", "link", "delete", "kiln0"}); }
  [[nodiscard]] std::string dhcp_log() const {
    return os::read_file(path("dnsmasq.log"), 4 << 20).value_or("");
  }

 private:
  std::unique_ptr<os::Child> dhcp_;
};

class NetworkBootRealTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string guest = needed("KILN_HARDWARE_GUEST");
    const os::Path build = needed("KILN_TRIAL_BUILD");
    ASSERT_TRUE(!guest.empty() && !build.empty());
    ASSERT_FALSE(os::find_program("dnsmasq").empty());
    kernel_ = *trial_kernel(build, needed("KILN_TRIAL_MODULES"));
  }
  /// From a machine that is off, whose disk's system comes first, to the built kernel, which has
  /// come past `loader` of the disk, and back.
  void run_session(QemuRack::Firmware firmware, const std::string& loader);
  std::string at_home(const std::string& command) {
    const machine::ShellSpec& at = rack_->spec.shell;
    auto shell = connect_until({at.address, at.port, at.user, at.key_file, at.host_key_file},
                               Millis(240'000), {}, {});
    if (!shell) return render(shell.error());
    const auto reply = (*shell)->run({.command = command}, {});
    return reply ? reply->out : render(reply.error());
  }

  os::TempFolder folder_ = *os::TempFolder::make(::testing::TempDir(), "network-boot-");
  std::unique_ptr<NetRack> rack_;
  TrialKernel kernel_;
};

void NetworkBootRealTest::run_session(QemuRack::Firmware firmware, const std::string& loader) {
  rack_ = std::make_unique<NetRack>(needed("KILN_HARDWARE_GUEST"), firmware);
  EXPECT_EQ(check_network_boot(rack_->spec).state, CheckLine::State::kNote);
  ASSERT_TRUE(os::make_dirs(folder_.path() / "store"));
  const auto sockets = *os::TempFolder::make("/tmp", "kiln-net-");
  auto controller = *OneSessionController::start(sockets.path() / "sock", folder_.path() / "store");
  v1::SessionOrder order = *trial_order(*controller, kernel_);
  order.set_session_id(9);
  order.set_machine(rack_->spec.name);
  auto agent = start_agent(controller->target(), folder_.path() / "agent", rack_->spec);
  ASSERT_TRUE(agent);
  const auto done = controller->run(order, Millis(600'000));
  ASSERT_TRUE(done) << rack_->dhcp_log();
  EXPECT_EQ(done->session().ending(), "tested") << done->session().error() << rack_->dhcp_log();
  EXPECT_TRUE(done->session().identity().proved());
  EXPECT_EQ(done->session().identity().release(), kernel_.release);
  const std::string console = controller->stored(done->session().artifacts().at("console"));
  EXPECT_THAT(console, HasSubstr("Linux version " + kernel_.release));
  EXPECT_TRUE(came_past(loader, console, kernel_.release))
      << "the built kernel came from the disk:\n"
      << console;

  // Its known-good kernel speaks by UDP, too; Debian's has netconsole as a module.
  EXPECT_EQ(at_home(fmt::format("for m in /usr/share/guest/*.ko; do set -- $m; case $m in"
                                " *netconsole.ko) set -- $m netconsole=@/eth0,{}@{}/{};; esac;"
                                " insmod \"$@\" 2>&1 || exit; done;"
                                " echo 'kiln: said by netconsole' >/dev/kmsg",
                                kNetconsole, kHere, kCard)),
            "");
  const auto heard = [&] {
    return os::read_file(folder_.path() / "agent/machines" / rack_->spec.name /
                         "netconsole/console.txt")
        .value_or("(no file)");
  };
  EXPECT_TRUE(testing::eventually([&] {
    return heard().find("kiln: said by netconsole") != std::string::npos;
  })) << heard();

  const CheckLine line = check_network_boot(rack_->spec);
  EXPECT_EQ(line.state, CheckLine::State::kOk) << line.found;
  EXPECT_THAT(line.found, HasSubstr(std::string("by ") + kThere));
  // A power cycle leads to the disk's system again, past the network.
  for (const char* switched : {"off", "on"}) ASSERT_TRUE(run_program({rack_->path(switched)}));
  EXPECT_THAT(at_home("uname -v; cat /proc/cmdline"), HasSubstr("Debian"));
  EXPECT_THAT(at_home("cat /proc/cmdline"), Not(HasSubstr("kiln.session")));
  EXPECT_NE(check_network_boot(rack_->spec).found, line.found) << "firmware did not ask again";
  EXPECT_EQ(at_home("ls -d /boot/kiln /var/lib/kiln 2>/dev/null; cat /boot/grub/custom.cfg"
                    " 2>/dev/null; ls /lib/modules | wc -l"),
            "0\n");
}

/// Three boots by firmware: the disk's system (nothing is armed), the built kernel, and the disk's
/// again, with the network asked first each time.
TEST_F(NetworkBootRealTest, FirmwareFetchesTheBuiltKernelOnceAndThenGoesOnToTheDisk) {
  run_session(QemuRack::Firmware::kBios, "GRUB");
}

/// No iPXE: firmware fetches a program by HTTP, or is told that there is none.
TEST_F(NetworkBootRealTest, UefiFetchesTheBuiltKernelByItself) {
  run_session(QemuRack::Firmware::kUefi, "UEFI Misc Device");
}

}  // namespace
}  // namespace kiln::agent
