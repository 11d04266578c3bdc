/// Against real terminals, sockets, programs, and a real ser2net.
#include "agent/serial/hub.h"

#include <fcntl.h>
#include <gmock/gmock.h>

#include "agent/power/driver.h"
#include "agent/serial/testing.h"

namespace kiln::agent {
namespace {

using ::testing::ElementsAre;
using testing::eventually;
using ::testing::HasSubstr;
using testing::Wire;

/// What a line told.
struct Ear {
  Sync<std::string> text{};
  Sync<std::vector<std::string>> changes{};
  std::atomic<int> quiet = 0;
  LineEvents events() {
    LineEvents out;
    out.bytes = [this](std::string_view bytes) { text.lock()->append(bytes); };
    out.quiet = [this] { ++quiet; };
    out.changed = [this](bool up, const std::string& why) {
      changes.lock()->push_back(up ? "up" : why);
    };
    return out;
  }
  std::string heard() { return *text.lock(); }
  bool hears(const std::string& words) {
    return eventually([&] { return heard().find(words) != std::string::npos; });
  }
};

/// A TCP server that the test plays.
struct Server {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int port = 0;
  int client = -1;
  Server() {
    const int yes = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(::listen(fd, 8), 0);
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
    port = ntohs(address.sin_port);
  }
  ~Server() {
    hang_up();
    ::close(fd);
  }
  void accept() {
    hang_up();
    client = ::accept(fd, nullptr, nullptr);
  }
  void hang_up() {
    if (client >= 0) ::close(client);
    client = -1;
  }
  void say(const std::string& bytes) const {
    EXPECT_EQ(::write(client, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
};

/// Torn UTF-8, zeros, 0xFF alone and doubled, escape sequences.
std::string every_byte() {
  std::string out = "\xe2\x82 torn \xff\xff\xff\x1b[2J";
  for (int i = 0; i < 256; ++i) out += static_cast<char>(i);
  return out + "end\n";
}

TEST(HubTest, ADeviceGivesEveryByteAndTakesThem) {
  Wire wire;
  Ear ear;
  ConsoleHub hub;
  const auto line = hub.add(make_device_port({wire.path, 115'200}), ear.events());
  ASSERT_TRUE(eventually([&] { return line->up(); })) << line->trouble();
  wire.say(every_byte());
  EXPECT_TRUE(ear.hears("end\n"));
  EXPECT_EQ(ear.heard(), every_byte());
  EXPECT_EQ(line->count(), every_byte().size());
  auto writer = line->take_writer("the test");
  ASSERT_TRUE(writer);
  ASSERT_TRUE(writer->send("root\r"));
  EXPECT_TRUE(wire.gets("root\r"));
}

TEST(HubTest, ADeviceIsOpenedByOneOnly) {
  const Wire wire;
  Ear first_ear;
  Ear second_ear;
  ConsoleHub hub;
  const auto first = hub.add(make_device_port({wire.path, 9600}), first_ear.events());
  ASSERT_TRUE(eventually([&] { return first->up(); }));
  const auto second = hub.add(make_device_port({wire.path, 9600}), second_ear.events());
  EXPECT_TRUE(eventually([&] {
    return second->trouble().find("in use by another program") != std::string::npos;
  })) << second->trouble();
  EXPECT_FALSE(second->up());
}

TEST(HubTest, OneWriterAtATimeAndItsNameIsTold) {
  const Wire wire;
  Ear ear;
  ConsoleHub hub;
  const auto line = hub.add(make_device_port({wire.path, 9600}), ear.events());
  {
    const auto writer = line->take_writer("alice");
    ASSERT_TRUE(writer);
    const auto other = line->take_writer("bob");
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().kind, ErrorKind::kConflict);
    EXPECT_THAT(other.error().message, HasSubstr("is being written to by alice"));
  }
  EXPECT_TRUE(line->take_writer("bob"));
}

TEST(HubTest, ALineThatBreaksComesBackByItself) {
  Server server;
  Ear ear;
  ConsoleHub hub({.first_retry = Millis(10), .longest_retry = Millis(50)});
  const auto line = hub.add(make_tcp_port({"127.0.0.1", server.port}), ear.events());
  for (const char* words : {"one", "two", "three"}) {
    server.accept();
    server.say(words);
    EXPECT_TRUE(ear.hears(words));
    server.hang_up();
  }
  EXPECT_TRUE(eventually([&] { return ear.changes.lock()->size() >= 6; }));
  const auto changes = *ear.changes.lock();
  EXPECT_EQ(changes[0], "up");
  EXPECT_THAT(changes[1], HasSubstr("closed by the other side"));
  EXPECT_EQ(changes[2], "up");
}

TEST(HubTest, NobodyThereIsSaidAndWritingFails) {
  const int port = testing::free_port(SOCK_STREAM);
  Ear ear;
  ConsoleHub hub({.first_retry = Millis(10), .longest_retry = Millis(20)});
  const auto line = hub.add(make_tcp_port({"127.0.0.1", port}), ear.events());
  EXPECT_TRUE(eventually([&] {
    return line->trouble().find("Connection refused") != std::string::npos;
  })) << line->trouble();
  const auto writer = line->take_writer("x");
  ASSERT_TRUE(writer);
  EXPECT_FALSE(const_cast<LineWriter&>(*writer).send("y"));
}

TEST(HubTest, QuietIsToldOnceAfterSomethingCame) {
  Server server;
  Ear ear;
  ConsoleHub hub({.quiet = Millis(30)});
  const auto line = hub.add(make_tcp_port({"127.0.0.1", server.port}), ear.events());
  server.accept();
  server.say("login: ");
  EXPECT_TRUE(eventually([&] { return ear.quiet == 1; }));
  server.say("x");
  EXPECT_TRUE(eventually([&] { return ear.quiet == 2; }));
}

TEST(HubTest, ManyLinesOnOneThreadAndNoneHoldsAnotherUp) {
  constexpr int kLines = 64;
  std::vector<std::unique_ptr<Wire>> wires;
  std::vector<std::unique_ptr<Ear>> ears;
  ConsoleHub hub;
  std::vector<std::unique_ptr<HubLine>> lines;
  for (int i = 0; i < kLines; ++i) {
    wires.push_back(std::make_unique<Wire>());
    ears.push_back(std::make_unique<Ear>());
    lines.push_back(
        hub.add(make_device_port({wires.back()->path, 115'200}), ears.back()->events()));
  }
  for (const auto& line : lines) ASSERT_TRUE(eventually([&] { return line->up(); }));
  for (int i = 0; i < kLines; ++i) wires[i]->say(fmt::format("machine {}\n", i));
  for (int i = 0; i < kLines; ++i) EXPECT_TRUE(ears[i]->hears(fmt::format("machine {}\n", i)));
  lines.erase(lines.begin(), lines.begin() + kLines / 2);
  wires.back()->say("still here\n");
  EXPECT_TRUE(ears.back()->hears("still here\n"));
}

TEST(HubTest, AProgramIsAConsoleTooAndIsStartedAgain) {
  const auto folder = os::TempFolder::make(::testing::TempDir(), "hub-");
  const os::Path script = folder->path() / "console";
  testing::write_file(script, "#!/bin/sh\ntty -s && echo on a terminal\nread x\necho got $x\n",
                      0755);
  Ear ear;
  ConsoleHub hub({.first_retry = Millis(10), .longest_retry = Millis(50)});
  const auto line = hub.add(make_command_port({{script.string()}}), ear.events());
  EXPECT_TRUE(ear.hears("on a terminal\n"));
  auto writer = line->take_writer("x");
  ASSERT_TRUE(writer->send("hello\n"));
  EXPECT_TRUE(ear.hears("got hello\n"));
  EXPECT_TRUE(eventually([&] {
    const std::string all = ear.heard();
    return all.find("on a terminal", all.find("got hello")) != std::string::npos;
  }));
}

/// The real console server, on one end of a wire.
class Ser2netTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (os::find_program("ser2net").empty()) GTEST_SKIP() << "ser2net is not installed";
    testing::write_file(folder_.path() / "ser2net.yaml",
                        fmt::format("%YAML 1.1\n---\nconnection: &one\n"
                                    "  accepter: telnet(rfc2217,mode=server),tcp,127.0.0.1,{0}\n"
                                    "  connector: serialdev(nouucplock=true),{2},9600n81,local\n"
                                    "connection: &two\n  accepter: tcp,127.0.0.1,{1}\n"
                                    "  connector: serialdev(nouucplock=true),{3},115200n81,local\n",
                                    telnet_port_, raw_port_, wire_.path, raw_wire_.path),
                        0600);
    server_ = testing::serve(
        {os::find_program("ser2net"), "-n", "-c", (folder_.path() / "ser2net.yaml").string()},
        folder_.path() / "log");
  }
  std::string log() { return os::read_file(folder_.path() / "log").value_or(""); }
  int telnet_port_ = testing::free_port(SOCK_STREAM);
  int raw_port_ = testing::free_port(SOCK_STREAM);
  Wire wire_;
  Wire raw_wire_;
  os::TempFolder folder_ = *os::TempFolder::make(::testing::TempDir(), "ser2net-");
  std::unique_ptr<os::Child> server_;
};

TEST_F(Ser2netTest, EveryByteComesAndGoesByTelnet) {
  Ear ear;
  ConsoleHub hub;
  const auto line = hub.add(make_telnet_port({"127.0.0.1", telnet_port_, 115'200}), ear.events());
  ASSERT_TRUE(eventually([&] { return line->up(); })) << line->trouble() << log();
  // Its side of the line opens with the connection: what comes before is nobody's.
  ASSERT_TRUE(eventually([&] {
    wire_.say("?");
    return !ear.heard().empty();
  })) << log();
  wire_.say("\n" + every_byte());
  EXPECT_TRUE(ear.hears("end\n"));
  const std::string heard = ear.heard();
  EXPECT_EQ(heard.substr(heard.find('\n') + 1), every_byte());
  auto writer = line->take_writer("x");
  ASSERT_TRUE(writer->send(every_byte()));
  EXPECT_TRUE(wire_.gets(every_byte()));
}

TEST_F(Ser2netTest, ASpeedIsSetByRfc2217) {
  Ear ear;
  ConsoleHub hub;
  const auto line = hub.add(make_telnet_port({"127.0.0.1", telnet_port_, 115'200}), ear.events());
  EXPECT_TRUE(eventually([&] {
    termios now{};
    return ::tcgetattr(wire_.device, &now) == 0 && ::cfgetispeed(&now) == B115200;
  })) << log();
  auto writer = line->take_writer("x");
  EXPECT_TRUE(writer->sysrq('b')) << "a BREAK, which a terminal pair drops, and the letter";
  EXPECT_TRUE(wire_.gets("b"));
}

TEST_F(Ser2netTest, RawTcpAndAServerThatIsStartedAgain) {
  Ear ear;
  ConsoleHub hub({.first_retry = Millis(20), .longest_retry = Millis(200)});
  const auto line = hub.add(make_tcp_port({"127.0.0.1", raw_port_}), ear.events());
  ASSERT_TRUE(eventually([&] {
    if (line->up()) raw_wire_.say("before");
    return ear.heard().find("before") != std::string::npos;
  })) << log();
  server_.reset();
  EXPECT_TRUE(eventually([&] { return !line->up(); }));
  SetUp();
  ASSERT_TRUE(eventually([&] {
    if (line->up()) raw_wire_.say("after");
    return ear.heard().find("after") != std::string::npos;
  })) << log();
}

/// Serial over LAN of the BMC simulator, with QEMU's firmware as what speaks.
TEST(SolTest, TheFirmwaresWordsComeByTheBmc) {
  const std::string missing = testing::IpmiSim::missing();
  if (!missing.empty()) GTEST_SKIP() << missing;
  if (os::find_program("qemu-system-i386").empty()) GTEST_SKIP() << "QEMU is not installed";
  const auto folder = os::TempFolder::make(::testing::TempDir(), "sol-");
  const testing::IpmiSim sim(
      folder->path(), [](const testing::IpmiSim&
                             of) {  // Over and over: without a disk it starts again after a while.
        return testing::qemu_behind_bmc(of, "-boot reboot-timeout=1500");
      });
  auto power = make_ipmi({sim.bmc()});
  ASSERT_TRUE(eventually([&] { return power->read({}).has_value(); })) << sim.log();
  ASSERT_TRUE(power->set(true, {}));
  Ear ear;
  ConsoleHub hub;
  const auto line = hub.add(make_sol_port({sim.bmc()}), ear.events());
  EXPECT_TRUE(ear.hears("SOL Session operational")) << ear.heard() << sim.log();
  EXPECT_TRUE(ear.hears("SeaBIOS")) << ear.heard() << sim.log();
}

}  // namespace
}  // namespace kiln::agent
