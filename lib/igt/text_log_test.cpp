#include "lib/igt/text_log.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::igt {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> read(std::string_view journal, std::string_view out,
                              std::string_view err = "", std::vector<Told>* tests = nullptr) {
  Budget budget{1 << 20};
  Collector collector("asked", 4096, 100, budget);
  read_text_log(journal, out, collector);
  std::vector<Told> told = collector.take();
  add_err(err, told, budget);
  std::vector<std::string> lines;
  for (const Told& test : told)
    lines.push_back(fmt::format("{}{} {} {}", test.subtest,
                                test.dynamic.empty() ? "" : "@" + test.dynamic, test.outcome,
                                test.seconds));
  if (tests) *tests = std::move(told);
  return lines;
}

TEST(TextLog, SubtestsWithTimes) {
  std::vector<Told> tests;
  EXPECT_THAT(
      read("basic\nexit:98 (1.5s)\n",
           "IGT-Version: 1.26 (x86)\nStarting subtest: basic\nStarting dynamic subtest: one\n"
           "Dynamic subtest one: SUCCESS (0.1s)\nSubtest basic: FAIL (0.003s)\n",
           "Starting subtest: basic\nwords\nSubtest basic failed.\n", &tests),
      ElementsAre("basic fail 0.003", "basic@one pass 0.1"));
  EXPECT_EQ(tests[0].err.str(),
            "Starting subtest: basic\nStarting dynamic subtest: one\n"
            "Dynamic subtest one: SUCCESS (0.100s)\nSubtest basic: FAIL (0.003s)\n"
            "words\nSubtest basic failed.\n");
}

TEST(TextLog, StartedAndNoMore) {
  EXPECT_THAT(read("basic\n", "Starting subtest: basic\n"), ElementsAre("basic incomplete 0"));
  EXPECT_THAT(read("basic\n", ""), ElementsAre("basic incomplete 0"));
  EXPECT_THAT(read("", ""), ElementsAre("asked incomplete 0"));
}

TEST(TextLog, TimeLimit) {
  EXPECT_THAT(read("basic\ntimeout:-15 (60.5s)\n", "Starting subtest: basic\n"),
              ElementsAre("basic timeout 60.5"));
}

TEST(TextLog, WithoutSubtests) {
  EXPECT_THAT(read("exit:0 (1s)\n", "words\n"), ElementsAre("asked pass 1"));
  EXPECT_THAT(read("exit:77 (1s)\n", "words\n"), ElementsAre("asked skip 1"));
  EXPECT_THAT(read("timeout:-15 (9s)\n", "words\n"), ElementsAre("asked timeout 9"));
}

TEST(TextLog, LinesThatOnlyLookLikeMarks) {
  EXPECT_THAT(read("a\nexit:0 (1s)\n",
                   "Starting subtest: a\nSubtest of mine: SUCCESS\nSubtest a: success\n"
                   "Subtest a: SUCCESS (1s)\n"),
              ElementsAre("a pass 1"));
}

}  // namespace
}  // namespace kiln::igt
