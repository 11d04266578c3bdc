#include "agent/console/console_log.h"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "agent/console/fd_reader.h"

namespace kiln::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ConsoleLogTest : public testing::Test {
 protected:
  void SetUp() override { dir_ = *os::make_temp_dir(testing::TempDir(), "console"); }
  void TearDown() override { (void)os::remove_tree(dir_); }
  std::unique_ptr<ConsoleLog> open(ConsoleLimits limits = {}) {
    return *ConsoleLog::create(clock_, dir_ / "console", limits,
                               [this](const ConsoleLine& line) { seen_.push_back(line.text); });
  }
  FakeClock clock_;
  os::Path dir_;
  std::vector<std::string> seen_;
};

TEST_F(ConsoleLogTest, CutsLinesAndStampsThemWithTheTimeOfTheirFirstByte) {
  auto log = open();
  log->append("[    0.0");
  clock_.advance(Millis(1500));
  log->append("00000] Linux version 6.1\r\nRun /sbin");
  const auto lines = log->after(0, 10);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].text, "[    0.000000] Linux version 6.1");
  EXPECT_EQ(lines[0].time, FakeClock().now());
  EXPECT_EQ(log->unfinished(), "Run /sbin");
  EXPECT_THAT(seen_, ElementsAre("[    0.000000] Linux version 6.1"));
}

TEST_F(ConsoleLogTest, KeepsRawBytesAndAnIndexOnDisk) {
  auto log = open();
  const std::string bytes("a\xff\x00z\r\nsecond\n", 13);
  log->append(bytes);
  log->mark("power off");
  EXPECT_EQ(*os::read_file(dir_ / "console"), bytes);
  const std::string index = *os::read_file(dir_ / "console.index");
  EXPECT_THAT(index, HasSubstr("1 0 2026-"));
  EXPECT_THAT(index, HasSubstr("\n2 6 2026-"));
  EXPECT_THAT(index, HasSubstr(" power off\n"));
}

TEST_F(ConsoleLogTest, ALineWithoutEndIsCutAndTheFileIsBounded) {
  auto log = open({.max_file_bytes = 100, .max_line = 64, .max_lines_kept = 3});
  log->append(std::string(1000, 'x'));
  EXPECT_EQ(log->last(), 15);
  EXPECT_EQ(log->after(0, 100).size(), 3U) << "old lines are forgotten";
  EXPECT_EQ(os::file_size(dir_ / "console").value(), 100U);
  EXPECT_EQ(log->dropped_bytes(), 900U);
}

TEST_F(ConsoleLogTest, WaitFindsALineThatComesLaterAndNoneThatWasBefore) {
  auto log = open();
  log->append("kiln-init: ready\n");
  const int64_t seen = log->last();
  std::thread machine([&] { log->append("noise\nkiln-init: ready\n"); });
  const auto found =
      log->wait(seen, [](const ConsoleLine& l) { return l.text == "kiln-init: ready"; },
                Millis(60'000), {}, {});
  machine.join();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->number, 3);
}

TEST_F(ConsoleLogTest, WaitEndsWhenToldToGiveUp) {
  auto log = open();
  int asked = 0;
  EXPECT_FALSE(log->wait(
      0, [](const ConsoleLine&) { return true; }, Millis(60'000), [&] { return ++asked == 2; },
      {}));
}

TEST_F(ConsoleLogTest, MarkEndsTheUnfinishedLine) {
  auto log = open();
  log->append("BUG: unable to hand");
  log->mark("power off");
  EXPECT_THAT(seen_, ElementsAre("BUG: unable to hand"));
  EXPECT_EQ(log->unfinished(), "");
}

TEST_F(ConsoleLogTest, ReaderHandsOnAllBytesUpToTheEnd) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  auto log = open();
  FdReader reader(ends[0], [&](std::string_view bytes) { log->append(bytes); });
  const std::string text(100'000, 'k');
  std::string all = text + "\n";
  size_t sent = 0;
  while (sent < all.size()) {
    const ssize_t n = ::write(ends[1], all.data() + sent, all.size() - sent);
    ASSERT_GT(n, 0);
    sent += static_cast<size_t>(n);
  }
  ::close(ends[1]);
  ASSERT_TRUE(reader.wait_end(60'000));
  EXPECT_EQ(os::file_size(dir_ / "console").value(), all.size());
}

}  // namespace
}  // namespace kiln::agent
