/// A serial line and netconsole, by real sockets of the loopback.
#include "agent/hardware/ears.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/power/testing.h"
#include "agent/ssh/testing.h"

namespace kiln::agent {
namespace {

using testing::eventually;

class EarsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    spec_.console = machine::TcpConsole{"127.0.0.1", server_.port};
    spec_.netconsole = {testing::free_port(SOCK_DGRAM), "127.0.0.1"};
  }
  ~EarsTest() override { hang_up(); }
  std::unique_ptr<Ears> listen() {
    auto ears = Ears::create(hub_, spec_, folder_.path(), clock_);
    EXPECT_TRUE(ears) << render(ears.error());
    (*ears)->attach([this](std::string_view bytes) { heard_.lock()->append(bytes); });
    return std::move(*ears);
  }
  void accept() { client_ = ::accept(server_.fd, nullptr, nullptr); }
  void hang_up() {
    if (client_ >= 0) ::close(client_);
    client_ = -1;
  }
  void by_serial(const std::string& text) const {
    EXPECT_EQ(::send(client_, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  }
  void by_net(const std::string& text) const {
    const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<uint16_t>(spec_.netconsole.port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::sendto(fd, text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof to);
    ::close(fd);
  }
  std::string heard() { return *heard_.lock(); }

  Listener server_;
  int client_ = -1;
  machine::MachineSpec spec_;
  os::TempFolder folder_ = *os::TempFolder::make(::testing::TempDir(), "ears-");
  SystemClock clock_;
  Sync<std::string> heard_;
  ConsoleHub hub_;
};

TEST_F(EarsTest, TheSessionHearsEachWordOnce) {
  const auto ears = listen();
  accept();
  ASSERT_TRUE(eventually([&] { return ears->up(); }));
  const Ears::Mark before = ears->mark();
  by_serial("Linux version 6.1 serial\n");
  // Until the port is bound nobody hears it.
  ASSERT_TRUE(eventually([&] {
    by_net("Linux version 6.1 net\n");
    return !ears->net_words().empty();
  }));
  EXPECT_TRUE(eventually([&] { return heard() == "Linux version 6.1 serial\n"; })) << heard();
  EXPECT_TRUE(
      ears->heard_since(before, [](const ConsoleHit& hit) { return hit.pattern == "kernel"; }));
  EXPECT_GE(ears->kernels_since(before), 1);
  ears->forget();
  EXPECT_EQ(ears->net_words(), "");
}

TEST_F(EarsTest, BothEarsOfOneBootAreOneKernel) {
  const auto ears = listen();
  accept();
  ASSERT_TRUE(eventually([&] { return ears->up(); }));
  ASSERT_TRUE(eventually([&] {
    by_net("are you there\n");
    return !ears->net_words().empty();
  }));
  const Ears::Mark before = ears->mark();
  by_serial("Linux version 6.1\n");
  by_net("Linux version 6.1\n");
  const auto both = [&] {
    return heard().find("version") != std::string::npos &&
           ears->net_words().find("version") != std::string::npos;
  };
  ASSERT_TRUE(eventually(both));
  EXPECT_EQ(ears->kernels_since(before), 1);
  by_serial("Linux version 6.2\n");
  EXPECT_TRUE(eventually([&] { return ears->kernels_since(before) == 2; }));
}

TEST_F(EarsTest, WhereTheSerialLineIsDownNetconsoleIsTheConsole) {
  const auto ears = listen();
  accept();
  ASSERT_TRUE(eventually([&] { return ears->up(); }));
  ::close(server_.fd);
  server_.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);  // takes no connection
  hang_up();
  ASSERT_TRUE(eventually([&] { return !ears->up(); }));
  EXPECT_TRUE(eventually([&] {
    by_net("Kernel panic - not syncing: by net\n");
    return heard().find("by net") != std::string::npos;
  }));
  EXPECT_TRUE(ears->writes());
}

TEST_F(EarsTest, AMachineMayHaveNetconsoleOnly) {
  spec_.console = machine::NoConsole{};
  const auto ears = listen();
  EXPECT_FALSE(ears->writes());
  EXPECT_FALSE(ears->take_writer("a person"));
  EXPECT_TRUE(eventually([&] {
    by_net("word\n");
    return heard().find("word\n") != std::string::npos;
  }));
  ears->hold();
  by_net("the old one\nreboot: Restarting system\n");
  by_net("the new one\n");
  EXPECT_TRUE(eventually([&] {
    return ears->heard_since({}, [](const ConsoleHit& hit) { return hit.pattern == "restart"; });
  }));
  ears->open();
  EXPECT_EQ(heard().find("the old one"), std::string::npos);
  EXPECT_TRUE(eventually([&] { return heard().ends_with("the new one\n"); }));
}

}  // namespace
}  // namespace kiln::agent
