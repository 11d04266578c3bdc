#include "agent/serial/machine_console.h"

#include <gmock/gmock.h>
#include <sys/un.h>

#include "agent/power/testing.h"

namespace kiln::agent {
namespace {

using testing::eventually;
using ::testing::HasSubstr;
using ::testing::Not;

/// A console behind a socket, as QEMU serves it.
class MachineConsoleTest : public ::testing::Test {
 protected:
  void SetUp() override {
    listen_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = (folder_.path() / "s").string();
    ASSERT_LT(path.size(), sizeof address.sun_path);
    std::copy(path.begin(), path.end(), address.sun_path);
    ASSERT_EQ(::bind(listen_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(listen_, 1), 0);
    open();
  }
  void TearDown() override {
    console_.reset();
    ::close(machine_);
    ::close(listen_);
  }
  void open() {
    auto console = MachineConsole::create(hub_, make_unix_port({(folder_.path() / "s").string()}),
                                          folder_.path() / "log", clock_);
    ASSERT_TRUE(console) << render(console.error());
    console_ = std::move(*console);
    machine_ = ::accept(listen_, nullptr, nullptr);
  }
  void say(std::string_view text) {
    ASSERT_EQ(::write(machine_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  std::string file(const char* name) {
    return os::read_file(folder_.path() / "log" / name).value_or("");
  }
  int listen_ = -1;
  int machine_ = -1;
  os::TempFolder folder_ = *os::TempFolder::make("/tmp", "mc-");
  SystemClock clock_;
  ConsoleHub hub_{{.first_retry = Millis(10), .longest_retry = Millis(50), .quiet = Millis(20)}};
  std::unique_ptr<MachineConsole> console_;
};

TEST_F(MachineConsoleTest, KeepsRawBytesAndAReadableCopyWithTimes) {
  const std::string raw = "\x1b[32mok\x1b[0m caf\xe9 \xff\r\nnext\r\n";
  say(raw);
  EXPECT_TRUE(eventually([&] { return file("console.txt").find("next") != std::string::npos; }));
  EXPECT_EQ(file("console"), raw);
  EXPECT_THAT(file("console.txt"), HasSubstr("Z ok caf\xef\xbf\xbd \xef\xbf\xbd\n"));
  EXPECT_THAT(file("console.index"), HasSubstr(" the console stands\n"));
}

TEST_F(MachineConsoleTest, ManyHearItAndPatternsAreKeptWithTheirTime) {
  Sync<std::string> one;
  Sync<std::string> two;
  console_->attach([&](std::string_view bytes) { one.lock()->append(bytes); });
  const int number = console_->listen([&](std::string_view bytes) { two.lock()->append(bytes); });
  say("[1.0] Kernel panic - not syn");
  say("cing: \x1b[1mFatal\n");
  EXPECT_TRUE(eventually([&] { return !console_->hits_after(0).empty(); }));
  const auto hits = console_->hits_after(0);
  ASSERT_EQ(hits.size(), 1U);
  EXPECT_EQ(hits[0].pattern, "panic");
  EXPECT_EQ(hits[0].line, "[1.0] Kernel panic - not syncing: Fatal");
  EXPECT_TRUE(console_->hits_after(hits[0].number).empty());
  EXPECT_TRUE(eventually([&] { return two.lock()->ends_with("Fatal\n"); }));
  console_->stop_listening(number);
  say("more\n");
  EXPECT_TRUE(eventually([&] { return one.lock()->ends_with("more\n"); }));
  EXPECT_THAT(*two.lock(), Not(HasSubstr("more")));
}

TEST_F(MachineConsoleTest, AFirmwareThatWaitsIsSeenThoughItsLineHasNoEnd) {
  say("Press F1 to continue");
  EXPECT_TRUE(eventually([&] { return !console_->hits_after(0).empty(); }));
  EXPECT_EQ(console_->hits_after(0)[0].pattern, "firmware-waits");
}

TEST_F(MachineConsoleTest, ABreakIsMarkedAndWhatTheRunBeforeSaidIsKept) {
  say("before\n");
  EXPECT_TRUE(eventually([&] { return file("console") == "before\n"; }));
  ::close(machine_);
  machine_ = ::accept(listen_, nullptr, nullptr);
  say("after\n");
  EXPECT_TRUE(eventually([&] { return file("console") == "before\nafter\n"; }));
  EXPECT_THAT(file("console.index"), HasSubstr("the console is down: "));
  console_.reset();
  ::close(machine_);
  open();
  EXPECT_EQ(file("console.1"), "before\nafter\n");
}

}  // namespace
}  // namespace kiln::agent
