#include "lib/dmesg/console.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace kiln::dmesg {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> kinds(const std::vector<Event>& events) {
  std::vector<std::string> out;
  for (const Event& event : events)
    out.push_back(std::to_string(event.line_number) + " " + std::string(to_string(event.kind)));
  return out;
}

std::vector<std::string> kinds_of(std::string_view log, bool running = false) {
  ConsoleWatcher watcher(running);
  return kinds(watcher.feed(log));
}

TEST(Console, RealBootWithAWarning) {
  std::ifstream file(std::string(KILN_SOURCE_DIR) + "/lib/dmesg/testdata/console-boot-warning.log",
                     std::ios::binary);
  const std::string log{std::istreambuf_iterator<char>(file), {}};
  ASSERT_FALSE(log.empty());
  const std::vector<std::string> expected{"1 kernel-banner", "262 ready", "334 warning"};
  EXPECT_EQ(kinds_of(log), expected);
  // The same bytes one by one give the same events.
  ConsoleWatcher watcher;
  std::vector<Event> events;
  for (const char byte : log) {
    for (Event& event : watcher.feed(std::string_view(&byte, 1)))
      events.push_back(std::move(event));
  }
  EXPECT_EQ(kinds(events), expected);
}

TEST(Console, RealPanicAndReboot) {
  std::ifstream file(std::string(KILN_SOURCE_DIR) + "/lib/dmesg/testdata/console-panic-reboot.log",
                     std::ios::binary);
  const std::string log{std::istreambuf_iterator<char>(file), {}};
  EXPECT_THAT(kinds_of(log, true), ElementsAre("21 panic", "47 reboot", "48 kernel-banner"));
}

TEST(Console, OopsIsToldOnce) {
  EXPECT_THAT(kinds_of("[    9.0] BUG: kernel NULL pointer dereference, address: 00000000\n"
                       "[    9.1] #PF: supervisor read access in kernel mode\n"
                       "[    9.2] Oops: 0000 [#1] SMP\n"),
              ElementsAre("1 oops"));
  EXPECT_THAT(kinds_of("[    9.2] Oops: 0000 [#1] SMP\n"), ElementsAre("1 oops"));
}

TEST(Console, BootPanicAndStartAgain) {
  EXPECT_THAT(
      kinds_of("SeaBIOS (version 1.16.2-debian)\r\nBooting from ROM..\r\n"
               "[    0.000000] Linux version 6.1.192 (kiln@kiln)\r\n[   20.0] kiln-init: ready\r\n"
               "[   30.0] Kernel panic - not syncing: provoked\r\n"
               "[   30.1] ---[ end Kernel panic - not syncing: provoked ]---\r\n"
               "SeaBIOS (version 1.16.2-debian)\r\n[    0.000000] Linux version 6.1.192\r\n"),
      ElementsAre("1 firmware", "2 firmware", "3 kernel-banner", "4 ready", "5 panic", "7 reboot",
                  "7 firmware", "8 kernel-banner"));
}

TEST(Console, NewBannerWithoutFirmwareIsAReboot) {
  EXPECT_THAT(kinds_of("[    0.000000] Linux version 6.1.192 (x)\n", true),
              ElementsAre("1 reboot", "1 kernel-banner"));
  EXPECT_THAT(kinds_of("[   99.0] reboot: Restarting system\n", true), ElementsAre("1 reboot"));
  EXPECT_THAT(kinds_of("[   99.0] reboot: Power down\n", true), ElementsAre("1 power-off"));
}

TEST(Console, OrderlyRebootIsToldOnce) {
  EXPECT_THAT(kinds_of("[   99.0] reboot: Restarting system\nSeaBIOS (version 1)\n"
                       "[    0.0] Linux version 6.1.192\n",
                       true),
              ElementsAre("1 reboot", "2 firmware", "3 kernel-banner"));
}

TEST(Console, LoginPromptNeedsNoNewline) {
  ConsoleWatcher watcher;
  EXPECT_THAT(watcher.feed("Debian GNU/Linux 12 kiln ttyS0\r\n\r\nkiln log"), IsEmpty());
  const auto events = watcher.feed("in: ");
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].kind, EventKind::kLogin);
  EXPECT_EQ(events[0].line, "kiln login:");
  EXPECT_THAT(watcher.feed("root\r\n"), IsEmpty());  // told once a line
}

TEST(Console, LockupsWarningsAndHungTasks) {
  EXPECT_THAT(
      kinds_of("watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [x:1]\n"
               "rcu: INFO: rcu_sched self-detected stall on CPU\n"
               "INFO: task x:1 blocked for more than 120 seconds.\n"
               "WARNING: CPU: 0 PID: 1 at a.c:1 f+0x1/0x2\nBUG: scheduling while atomic: x\n"
               "[drm] *ERROR* not an event of the machine\n"),
      ElementsAre("1 lockup", "2 lockup", "3 hung-task", "4 warning", "5 bug"));
}

TEST(Console, EndlessLineIsBoundedAndStillWatched) {
  ConsoleWatcher watcher(true);
  const std::string noise(1 << 20, '\xff');
  EXPECT_THAT(watcher.feed(noise), IsEmpty());
  EXPECT_LE(watcher.last_line().size(), 3 * 4096U);
  const auto events = watcher.feed("\nKernel panic - not syncing: x\n");
  EXPECT_THAT(kinds(events), ElementsAre(std::to_string(watcher.lines()) + " panic"));
}

}  // namespace
}  // namespace kiln::dmesg
