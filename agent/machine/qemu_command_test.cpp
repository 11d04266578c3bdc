#include "agent/machine/qemu_command.h"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "agent/machine/qmp.h"
#include "lib/base/text.h"

namespace kiln::agent {
namespace {

using testing::HasSubstr;
using testing::Not;

QemuSettings settings() {
  QemuSettings s;
  s.kernel = "/k/bzImage";
  s.cmdline = machine_cmdline() + " kiln.session=1-x";
  s.disk = "/d/root,1.qcow2";
  s.console_socket = "/tmp/c";
  s.qmp_socket = "/tmp/q";
  s.ssh_port = 40022;
  return s;
}

TEST(QemuCommand, EmulatesWithAllProcessors) {
  const std::string line = join(qemu_argv(settings()), " ");
  EXPECT_THAT(line, HasSubstr("-accel tcg,thread=multi -smp 2"));
  EXPECT_THAT(line, HasSubstr("-cpu Haswell-noTSX -m 2048"));
  EXPECT_THAT(line, HasSubstr("-no-reboot"));
  EXPECT_THAT(line, HasSubstr("hostfwd=tcp:127.0.0.1:40022-:22"));
  EXPECT_THAT(line, HasSubstr("-device i6300esb -action watchdog=reset"));
  EXPECT_THAT(line, HasSubstr("file=/d/root,,1.qcow2,if=virtio"));
  EXPECT_THAT(line, HasSubstr("panic=5 oops=panic kiln.session=1-x"));
}

TEST(QemuCommand, CountsInstructionsOnOneEmulatedProcessor) {
  QemuSettings s = settings();
  s.kvm = true;
  s.count_instructions = true;
  const std::string line = join(qemu_argv(s), " ");
  EXPECT_THAT(line, HasSubstr("-accel tcg -icount shift=1,sleep=off -smp 1"));
  EXPECT_THAT(line, Not(HasSubstr("kvm")));
}

TEST(QemuCommand, UsesKvmWhenItWorks) {
  QemuSettings s = settings();
  s.kvm = true;
  EXPECT_THAT(join(qemu_argv(s), " "), HasSubstr("-accel kvm -smp 2"));
}

/// The other end of a control channel, in a thread.
class QmpTest : public testing::Test {
 protected:
  QmpTest() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends_), 0); }
  ~QmpTest() override {
    if (qemu_.joinable()) qemu_.join();
    ::close(ends_[1]);
  }
  /// Sends each text; between two of them it takes one command.
  void play(std::vector<std::string> texts) {
    qemu_ = std::thread([this, texts = std::move(texts)] {
      for (size_t i = 0; i < texts.size(); ++i) {
        char buffer[1000];
        if (i > 0) (void)!::read(ends_[1], buffer, sizeof buffer);
        (void)!::write(ends_[1], texts[i].data(), texts[i].size());
      }
      ::shutdown(ends_[1], SHUT_WR);
    });
  }
  int ends_[2] = {-1, -1};
  std::thread qemu_;
};

TEST_F(QmpTest, EventsAmongRepliesAreKeptApart) {
  play({"{\"QMP\":{}}\n", "{\"event\":\"RESUME\",\"timestamp\":{}}\n{\"return\":{}}\n",
        "{\"event\":\"SHUTDOWN\",\"data\":{\"guest\":true,\"reason\":\"guest-reset\"}}\n"
        "garbage\n{\"return\":{}}\n"});
  auto qmp = Qmp::open(ends_[0], Millis(60'000));
  ASSERT_TRUE(qmp) << render(qmp.error());
  ASSERT_TRUE(qmp->command("quit", Millis(60'000)));
  const auto events = qmp->events();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[1].name, "SHUTDOWN");
  EXPECT_EQ(events[1].reason, "guest-reset");
}

TEST_F(QmpTest, ARefusalAndAClosedChannelAreErrors) {
  play({"{\"QMP\":{}}\n", "{\"return\":{}}\n", "{\"error\":{\"class\":\"CommandNotFound\"}}\n"});
  auto qmp = Qmp::open(ends_[0], Millis(60'000));
  ASSERT_TRUE(qmp);
  EXPECT_EQ(qmp->command("fly", Millis(60'000)).error().message,
            "QEMU refused `fly`: {\"error\":{\"class\":\"CommandNotFound\"}}");
  EXPECT_EQ(qmp->command("quit", Millis(60'000)).error().message,
            "QEMU closed its control channel");
}

TEST_F(QmpTest, SilenceIsBounded) {
  const auto qmp = Qmp::open(ends_[0], Millis(50));
  ASSERT_FALSE(qmp);
  EXPECT_EQ(qmp.error().message, "QEMU does not answer on its control channel");
}

}  // namespace
}  // namespace kiln::agent
