/// What firmware gets when: the table by itself, and the driver over the loopback.
#include "agent/hardware/netboot.h"

#include <gmock/gmock.h>

#include "agent/hardware/check.h"
#include "agent/power/testing.h"
#include "lib/base/text.h"
#include "lib/http/client.h"
#include "lib/http/server.h"

namespace kiln::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using State = CheckLine::State;

NetbootOrder order() {
  NetbootOrder out;
  out.kernel = "/k";
  out.kernel_size = 3;
  out.cmdline = "root=/dev/sda2 console=ttyS0";
  out.token = "t0";
  out.hosts = {"10.0.0.7"};
  return out;
}

class NetbootTableTest : public ::testing::Test {
 protected:
  NetbootTable::Reply get(const std::string& path, const std::string& host = "10.0.0.7",
                          const std::string& method = "GET") {
    return table_.answer({method, path, host}, clock_.now(), clock_.steady());
  }
  void arm(NetbootOrder what) { table_.arm(std::move(what), clock_.steady() + Millis(60'000)); }
  [[nodiscard]] std::string script() { return get("/tgl-1/boot.ipxe").text; }

  FakeClock clock_;
  NetbootTable table_{"tgl-1"};
};

TEST_F(NetbootTableTest, WhoIsNotArmedGoesOnToTheDisk) {
  EXPECT_EQ(script(), netboot_to_disk());
  EXPECT_THAT(script(), HasSubstr("exit 1"));
  EXPECT_EQ(get("/tgl-1/t0/kernel").status, 404);
}

TEST_F(NetbootTableTest, AKernelIsGivenOnce) {
  arm(order());
  EXPECT_EQ(script(),
            "#!ipxe\nkernel t0/kernel root=/dev/sda2 console=ttyS0 || exit 1\nboot || exit 1\n");
  EXPECT_EQ(script(), netboot_script(order())) << "a script alone starts nothing";
  EXPECT_EQ(get("/tgl-1/t0/kernel", "10.0.0.7", "HEAD").file, "/k");
  EXPECT_EQ(get("/tgl-1/t0/kernel").file, "/k");
  EXPECT_EQ(get("/tgl-1/t0/kernel").status, 404);
  EXPECT_EQ(script(), netboot_to_disk());
  EXPECT_FALSE(table_.armed(clock_.steady()));
}

TEST_F(NetbootTableTest, AnInitrdComesWithItsKernelAndBehindIt) {
  NetbootOrder with = order();
  with.initrd = "/i";
  with.initrd_size = 5;
  arm(with);
  EXPECT_THAT(script(), HasSubstr("kernel t0/kernel initrd=initrd root="));
  EXPECT_THAT(script(), HasSubstr("\ninitrd --name initrd t0/initrd || exit 1\n"));
  EXPECT_EQ(get("/tgl-1/t0/kernel").file, "/k");
  EXPECT_EQ(get("/tgl-1/t0/initrd").size, 5U);
  EXPECT_EQ(get("/tgl-1/t0/initrd").status, 404);
}

TEST_F(NetbootTableTest, OnlyTheMachineIsServedAndNamesAreNoPaths) {
  arm(order());
  EXPECT_EQ(get("/tgl-1/boot.ipxe", "10.0.0.8").text, netboot_to_disk());
  EXPECT_EQ(get("/tgl-1/t0/kernel", "10.0.0.8").status, 404);
  for (const char* path :
       {"/", "", "/tgl-2/boot.ipxe", "/tgl-1/t1/kernel", "/tgl-1//kernel", "/tgl-1/t0/../t0/kernel",
        "/tgl-1/t0/initrd", "/k", "//k", "/tgl-1/t0/kernel/", "/tgl-1/t0/%6bernel"})
    EXPECT_EQ(get(path).status, 404) << path;
  EXPECT_TRUE(table_.armed(clock_.steady()));
  EXPECT_THAT(get("/tgl-1/status").text, HasSubstr("refused=10.0.0.8\n"));
}

TEST_F(NetbootTableTest, AnArmedBootEndsByItselfAndWhenItIsTakenBack) {
  arm(order());
  clock_.advance(Millis(60'000));
  EXPECT_EQ(script(), netboot_to_disk());
  EXPECT_EQ(get("/tgl-1/t0/kernel").status, 404);
  arm(order());
  table_.disarm();
  EXPECT_EQ(script(), netboot_to_disk());
  EXPECT_EQ(get("/tgl-1/t0/kernel").status, 404);
}

TEST(Netboot, AddressesAreReadAsTheyCome) {
  EXPECT_EQ(host_of_peer("10.0.0.7:4000"), "10.0.0.7");
  EXPECT_EQ(host_of_peer("[::ffff:10.0.0.7]:4000"), "10.0.0.7");
  EXPECT_EQ(host_of_peer("[fd00::7]:4000"), "fd00::7");
}

/// Firmware that fetches a program asks for its size first.
TEST_F(NetbootTableTest, AnImageIsGivenOnceAndIsTheBoot) {
  EXPECT_EQ(get("/tgl-1/boot.efi").status, 404);
  arm(order());
  EXPECT_EQ(get("/tgl-1/boot.efi").status, 404) << "there is none";
  EXPECT_EQ(script(), netboot_script(order())) << "for iPXE there is";
  NetbootOrder with = order();
  with.image = std::make_shared<const std::string>("MZ");
  for (const char* other : {"10.0.0.8", ""}) {
    arm(with);
    EXPECT_EQ(get("/tgl-1/boot.efi", other).status, 404);
    EXPECT_THAT(get("/tgl-1/status").text, HasSubstr(fmt::format("refused={}\n", other)));
  }
  EXPECT_EQ(get("/tgl-1/boot.efi", "10.0.0.7", "HEAD").bytes, with.image);
  EXPECT_EQ(get("/tgl-1/boot.efi").bytes, with.image);
  EXPECT_EQ(get("/tgl-1/boot.efi").status, 404);
  EXPECT_EQ(script(), netboot_to_disk());
  EXPECT_EQ(get("/tgl-1/t0/kernel").status, 404);
  arm(with);
  EXPECT_EQ(get("/tgl-1/t0/kernel").file, "/k");
  EXPECT_EQ(get("/tgl-1/boot.efi").status, 404);
  arm(with);
  clock_.advance(Millis(60'000));
  EXPECT_EQ(get("/tgl-1/boot.efi").status, 404);
}

/// No shell is asked by this driver.
class NoShell final : public Shell {
 public:
  Result<ShellReply> run(const ShellRequest&, std::stop_token) override {
    ADD_FAILURE() << "nobody";
    return ShellReply();
  }
  [[nodiscard]] bool alive() const override { return false; }
};

class NetbootServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    spec_.name = "tgl-1";
    spec_.boot.driver = "network";
    spec_.boot.address = "127.0.0.1";
    spec_.boot.port = testing::free_port(SOCK_STREAM);
    spec_.boot.from = "127.0.0.1";
    ASSERT_TRUE(os::write_atomic(entry_.kernel_file, kernel_));
    entry_.cmdline = "root=/dev/sda2";
  }
  OneShot& driver() {
    if (!driver_) driver_ = make_network_boot(spec_, clock_);
    return *driver_;
  }
  http::Response get(const std::string& path) {
    http::CurlClient client;
    http::Request request;
    request.url = fmt::format("http://127.0.0.1:{}/tgl-1/{}", spec_.boot.port, path);
    const auto got = client.send(request);
    EXPECT_TRUE(got) << render(got.error());
    return got.value_or(http::Response());
  }
  /// The kernel's address out of the script that is served now; "" when it is none.
  std::string kernel_name() {
    const auto words = split(get("boot.ipxe").body, ' ');
    return words.size() > 3 ? words[1] : "";
  }

  os::TempFolder folder_ = *os::TempFolder::make(::testing::TempDir(), "netboot-");
  std::string kernel_ = std::string(3 << 20, 'k') + '\0' + "end";
  BootEntry entry_{"vmlinuz", "", "", folder_.path() / "kernel", {}};
  SystemClock clock_;
  NoShell shell_;
  machine::MachineSpec spec_;
  std::unique_ptr<OneShot> driver_;
};

TEST_F(NetbootServerTest, ServesAnArmedKernelWholeAndOnce) {
  ASSERT_TRUE(driver().arm(shell_, entry_, {}));
  const std::string name = kernel_name();
  ASSERT_THAT(name, HasSubstr("/kernel"));
  EXPECT_EQ(get(name).body, kernel_);
  EXPECT_EQ(get(name).status, 404);
  EXPECT_EQ(get("boot.ipxe").body, netboot_to_disk());
  ASSERT_TRUE(driver().arm(shell_, entry_, {}));
  EXPECT_NE(kernel_name(), name) << "an address of an earlier boot";
  ASSERT_TRUE(driver().disarm(shell_, {}));
  EXPECT_EQ(get("boot.ipxe").body, netboot_to_disk());
}

TEST_F(NetbootServerTest, FirmwareGetsAProgramWhereThereIsAStub) {
  const std::string program = *os::read_file(installed_stub(64), 1 << 20);
  ASSERT_TRUE(os::write_atomic(entry_.kernel_file, program));
  ASSERT_TRUE(driver().arm(shell_, entry_, {}));
  EXPECT_THAT(get("boot.efi").body, HasSubstr(program.substr(0, 128)));
  EXPECT_EQ(get("boot.efi").status, 404);
  EXPECT_EQ(kernel_name(), "");
  // What no firmware starts is for iPXE alone.
  ASSERT_TRUE(os::write_atomic(entry_.kernel_file, kernel_));
  ASSERT_TRUE(driver().arm(shell_, entry_, {}));
  EXPECT_EQ(get("boot.efi").status, 404);
  EXPECT_NE(kernel_name(), "");
  // Whoever names a stub means it.
  driver_.reset();
  spec_.boot.stub = installed_stub(64);
  const auto refused = driver().arm(shell_, entry_, {});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("CONFIG_EFI_STUB"));
  EXPECT_THAT(check_network_boot(spec_).found, HasSubstr("serves iPXE and UEFI of 64 bits at"));
  spec_.boot.stub = entry_.kernel_file.string();
  EXPECT_EQ(check_network_boot(spec_).state, State::kWrong);
}

TEST_F(NetbootServerTest, AnAgentThatStartsAgainHasNothingArmed) {
  ASSERT_TRUE(driver().arm(shell_, entry_, {}));
  driver_.reset();
  (void)driver();
  EXPECT_EQ(get("boot.ipxe").body, netboot_to_disk());
}

TEST_F(NetbootServerTest, AFileThatChangedIsNotServed) {
  ASSERT_TRUE(driver().arm(shell_, entry_, {}));
  ASSERT_TRUE(os::write_atomic(entry_.kernel_file, "another"));
  EXPECT_EQ(get(kernel_name()).status, 500);
  EXPECT_EQ(get("boot.ipxe").body, netboot_to_disk());
}

TEST_F(NetbootServerTest, WhatCannotBeServedIsNotArmed) {
  BootEntry bad = entry_;
  bad.cmdline = "root=/dev/sda2 || shell";
  EXPECT_FALSE(driver().arm(shell_, bad, {}));
  bad.cmdline = "${net0/mac}";
  EXPECT_FALSE(driver().arm(shell_, bad, {}));
  bad = entry_;
  bad.kernel_file = folder_.path() / "none";
  EXPECT_FALSE(driver().arm(shell_, bad, {}));
  EXPECT_EQ(get("boot.ipxe").body, netboot_to_disk());
}

TEST_F(NetbootServerTest, APortThatIsTakenIsSaidWhenItIsNeededAndTriedAgain) {
  http::ServerOptions options;
  options.address = netboot_address(spec_.boot);
  auto other = http::Server::start(options, {});
  ASSERT_TRUE(other);
  const auto refused = driver().arm(shell_, entry_, {});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("cannot listen on 127.0.0.1"));
  EXPECT_EQ(check_network_boot(spec_).state, State::kWrong) << "not an agent";
  other->reset();
  EXPECT_TRUE(driver().arm(shell_, entry_, {}));
}

TEST_F(NetbootServerTest, TheCheckSaysWhetherFirmwareEverAsked) {
  CheckLine line = check_network_boot(spec_);
  EXPECT_EQ(line.state, State::kNote);
  EXPECT_THAT(line.found, HasSubstr("no agent does now"));
  (void)driver();
  line = check_network_boot(spec_);
  EXPECT_EQ(line.state, State::kNote);
  EXPECT_THAT(line.mend,
              HasSubstr(fmt::format("http://127.0.0.1:{}/tgl-1/boot.ipxe", spec_.boot.port)));
  (void)get("boot.ipxe");
  line = check_network_boot(spec_);
  EXPECT_EQ(line.state, State::kOk) << line.found;
  EXPECT_THAT(line.found, HasSubstr("by 127.0.0.1"));
}

TEST_F(NetbootServerTest, FirmwareWithAnotherAddressIsFoundByTheCheck) {
  spec_.boot.from = "127.0.0.9";
  ASSERT_TRUE(driver().arm(shell_, entry_, {}));
  EXPECT_EQ(get("boot.ipxe").body, netboot_to_disk());
  const CheckLine line = check_network_boot(spec_);
  EXPECT_EQ(line.state, State::kWrong);
  EXPECT_THAT(line.found, HasSubstr("127.0.0.1, which is not 127.0.0.9"));
}

}  // namespace
}  // namespace kiln::agent
