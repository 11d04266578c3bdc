#include "lib/os/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <thread>

#include "lib/os/children.h"

namespace kiln::os {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Command shell(std::string script) {
  Command command;
  command.argv = {"sh", "-c", std::move(script)};
  return command;
}

TEST(Process, ReturnsExitCodeAndBothStreams) {
  const auto exit = run(shell("echo out; echo err >&2; exit 3"));
  ASSERT_TRUE(exit) << render(exit.error());
  EXPECT_EQ(exit->code, 3);
  EXPECT_EQ(exit->out, "out\n");
  EXPECT_EQ(exit->err, "err\n");
}

TEST(Process, TellsASignalFromAnExitCode) {
  const auto exit = run(shell("kill -SEGV $$"));
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->code, -1);
  EXPECT_EQ(exit->signal, SIGSEGV);
  EXPECT_FALSE(exit->ok());
}

TEST(Process, FeedsStandardInput) {
  Command command = shell("wc -c");
  command.stdin_text = std::string(1 << 20, 'x');
  const auto exit = run(command);
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->out, "1048576\n");
}

TEST(Process, HandsOutLinesAndKeepsATailBound) {
  Command command = shell("printf 'a\\nb\\nc'");
  std::vector<std::string> lines;
  command.on_line = [&](std::string_view line) { lines.emplace_back(line); };
  command.max_capture = 3;
  const auto exit = run(command);
  ASSERT_TRUE(exit);
  EXPECT_THAT(lines, ElementsAre("a", "b", "c"));
  EXPECT_EQ(exit->out, "a\nb");
  EXPECT_TRUE(exit->truncated);
}

TEST(Process, EndsTheWholeGroupAtTheDeadline) {
  Command command = shell("sleep 1000 & sleep 1000");
  command.timeout = Millis(200);
  const auto exit = run(command);
  ASSERT_TRUE(exit);
  EXPECT_TRUE(exit->timed_out);
  EXPECT_FALSE(exit->ok());
}

TEST(Process, StopsWhenAsked) {
  std::stop_source stop;
  std::jthread asker([&] { stop.request_stop(); });
  const auto exit = run(shell("sleep 1000"), stop.get_token());
  ASSERT_FALSE(exit);
  EXPECT_EQ(exit.error().kind, ErrorKind::kCancelled);
}

TEST(Process, NamesAMissingProgram) {
  Command command;
  command.argv = {"no-such-program-here"};
  const auto exit = run(command);
  ASSERT_FALSE(exit);
  EXPECT_EQ(render(exit.error()),
            "error: program `no-such-program-here` is not installed\n"
            "  run `kiln doctor` to see what is missing");
}

TEST(Process, RunOkQuotesTheLastLinesOfAFailure) {
  const auto out = run_ok(shell("echo one >&2; echo two >&2; exit 1"));
  ASSERT_FALSE(out);
  EXPECT_THAT(render(out.error()), HasSubstr("failed with exit code 1\n  | one\n  | two"));
}

TEST(Process, ClearsTheEnvironmentWhenToldTo) {
  Command command;
  command.argv = {"/usr/bin/env"};
  command.clear_env = true;
  command.env = {{"ONLY", "this"}};
  const auto exit = run(command);
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->out, "ONLY=this\n");
}

TEST(Child, IsEndedByItsDestructor) {
  int pid = 0;
  {
    Command command = shell("sleep 1000");
    auto child = Child::start(command);
    ASSERT_TRUE(child);
    pid = child->pid();
    EXPECT_EQ(::kill(pid, 0), 0);
    EXPECT_FALSE(child->wait(Millis(0)));
  }
  EXPECT_NE(::kill(pid, 0), 0);
}

TEST(Child, AllThatRunAreKilledAtOnce) {
  auto running = Child::start(shell("sleep 1000 & wait"));
  auto gone = Child::start(shell("exit 3"));
  ASSERT_TRUE(running && gone);
  const auto ended = gone->wait(Millis(60'000));
  ASSERT_TRUE(ended);
  kill_children();
  const auto killed = running->wait(Millis(60'000));
  ASSERT_TRUE(killed);
  EXPECT_EQ(killed->signal, SIGKILL);
  kill_children();  // nobody is left; a number that was reaped may be another's
  const auto next = run(shell("echo well"));
  ASSERT_TRUE(next);
  EXPECT_EQ(next->out, "well\n");
}

}  // namespace
}  // namespace kiln::os
