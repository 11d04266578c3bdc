/// Against real datagrams on the loopback.
#include "agent/serial/netconsole.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/power/testing.h"
#include "agent/serial/hub.h"

namespace kiln::agent {
namespace {

using testing::eventually;

std::string text_of(const std::vector<std::string>& datagrams) {
  Netconsole net;
  std::string out;
  for (const std::string& each : datagrams) net.receive(each, out);
  return out;
}

TEST(NetconsoleTest, PlainWordsStayWhatTheyAre) {
  EXPECT_EQ(text_of({"[    1.0] a\n", "half ", "and half\n", "a; b\n", ";\n", "1,2;x\n"}),
            "[    1.0] a\nhalf and half\na; b\n;\n1,2;x\n");
}

TEST(NetconsoleTest, ExtendedWordsGetTheirTimeAndLoseTheirFields) {
  EXPECT_EQ(text_of({"6,10,1758426,-;hello\n SUBSYSTEM=pci\n DEVICE=+pci:0000:00:02.0\n",
                     "6.1.192,4,11,31000001,-;BUG: a; b\n"}),
            "[    1.758426] hello\n[   31.000001] BUG: a; b\n");
}

TEST(NetconsoleTest, PartsOfALongMessageAreOneLine) {
  EXPECT_EQ(text_of({"6,10,2000000,-,ncfrag=0/10;hello", "6,10,2000000,-,ncfrag=5/10;world",
                     "6,11,3000000,-;next\n"}),
            "[    2.000000] helloworld\n[    3.000000] next\n");
}

TEST(NetconsoleTest, WhatIsLostIsSaidAndAnotherBootIsNoLoss) {
  EXPECT_EQ(text_of({"6,10,0,-;a\n", "6,14,0,-;b\n", "6,3,0,-;c\n", "6,4,0,-;d\n"}),
            "[    0.000000] a\nkiln: 3 messages of netconsole are lost\n[    0.000000] b\n"
            "[    0.000000] c\n[    0.000000] d\n");
}

TEST(NetconsoleTest, HostileHeadersAreText) {
  for (const std::string text :
       {"6,99999999999999999999999,0,-;x\n", "6,1,1,-,ncfrag=a/b;x\n", ",,,;x\n", "", "\n"})
    EXPECT_EQ(text_of({text}), text);
}

/// Sends from an address of the loopback.
class Sender {
 public:
  explicit Sender(const char* from) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    ::inet_pton(AF_INET, from, &address.sin_addr);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~Sender() { ::close(fd_); }
  void say(int port, const std::string& text) const {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(
        ::sendto(fd_, text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof to),
        static_cast<ssize_t>(text.size()));
  }

 private:
  int fd_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
};

TEST(NetPortTest, HearsItsMachineAndNobodyElse) {
  const int port = testing::free_port(SOCK_DGRAM);
  Sync<std::string> heard;
  LineEvents events;
  events.bytes = [&](std::string_view bytes) { heard.lock()->append(bytes); };
  ConsoleHub hub;
  const auto line = hub.add(make_net_port({port, "127.0.0.2"}), std::move(events));
  ASSERT_TRUE(eventually([&] { return line->up(); })) << line->trouble();
  const Sender machine("127.0.0.2");
  const Sender stranger("127.0.0.3");
  stranger.say(port, "6,1,0,-;lies\n");
  machine.say(port, "");
  machine.say(port, "6,1,0,-;first\n");
  stranger.say(port, "lies\n");
  Sender("127.0.0.2").say(port, "6,2,0,-;from another port of it\n");
  EXPECT_TRUE(eventually([&] { return heard.lock()->find("another port") != std::string::npos; }));
  EXPECT_EQ(*heard.lock(), "[    0.000000] first\n[    0.000000] from another port of it\n");
  EXPECT_TRUE(line->up()) << "an empty datagram is no end: " << line->trouble();
}

TEST(NetPortTest, APortThatIsTakenIsSaid) {
  const int port = testing::free_port(SOCK_DGRAM);
  ConsoleHub hub;
  const auto first = hub.add(make_net_port({port, "127.0.0.2"}), {});
  ASSERT_TRUE(eventually([&] { return first->up(); })) << first->trouble();
  const auto second = hub.add(make_net_port({port, "127.0.0.3"}), {});
  EXPECT_TRUE(eventually([&] {
    return second->trouble().find("Address already in use") != std::string::npos;
  })) << second->trouble();
}

}  // namespace
}  // namespace kiln::agent
