#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/igt/results.h"

namespace kiln::igt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::string_view kWhole = R"({
 "__type__": "TestrunResult", "results_version": 10, "name": "r", "uname": "Linux vm 6.1.192",
 "cmdline": ["igt_runner", {"odd": [1, 2]}],
 "time_elapsed": {"__type__": "TimeAttribute", "start": 1.0, "end": 2.0},
 "tests": {
  "igt@a@one": {"out": "o", "err": "e", "igt-version": "IGT-Version: 2.5 (x86)\n", "result": "pass",
   "time": {"__type__": "TimeAttribute", "start": 0.0, "end": 1.25},
   "dmesg": "<6> [1.000000] fine\n", "attachments": ["igt@a@one/x"]},
  "igt@a@two": {"out": "", "err": "", "result": "pass", "time": {"end": 3},
   "dmesg": "<3> [2.000000] i915: bad\n<4> [2.200000] [IGT] own\n"},
  "igt@runner@aborted": {"out": "Aborting: tainted\n", "err": "", "dmesg": "", "result": "fail"}
 },
 "totals": {"": {"pass": 2}}, "runtimes": {"igt@a": {"time": {"end": 9}}}})";

TEST(ResultsJson, TestsInOrder) {
  const Results results = parse_results_json(kWhole);
  EXPECT_TRUE(results.from_json);
  EXPECT_THAT(results.notes, IsEmpty());
  EXPECT_EQ(results.uname, "Linux vm 6.1.192");
  EXPECT_EQ(results.aborted, "Aborting: tainted");
  ASSERT_THAT(results.tests, SizeIs(2));
  EXPECT_EQ(results.tests[0].test, "igt@a@one");
  EXPECT_EQ(results.tests[0].outcome, "pass");
  EXPECT_EQ(results.tests[0].seconds, 1.25);
  EXPECT_EQ(results.tests[0].out, "o");
  EXPECT_EQ(results.tests[0].err, "e");
  EXPECT_EQ(results.tests[0].kernel_words, "");
  EXPECT_EQ(results.tests[0].reason, "");
  // The runner was told another level: the kernel's error counts all the same.
  EXPECT_EQ(results.tests[1].outcome, "dmesg-warn");
  EXPECT_EQ(results.tests[1].kernel_words, "<3> [2.000000] i915: bad\n");
  EXPECT_EQ(results.tests[1].reason, "i915: bad");
}

TEST(ResultsJson, CutAfterAnyByteGivesWhatStandsBefore) {
  for (size_t length = 0; length < kWhole.size(); ++length) {
    const Results results = parse_results_json(kWhole.substr(0, length));
    EXPECT_FALSE(results.from_json) << length;
    EXPECT_THAT(results.notes, testing::Not(IsEmpty())) << length;
    if (length > kWhole.find("\"igt@a@two\"")) {
      ASSERT_THAT(results.tests, testing::Not(IsEmpty())) << length;
      EXPECT_EQ(results.tests[0].outcome, "pass");
    }
  }
}

TEST(ResultsJson, OddValues) {
  const auto notes = [](std::string_view text) { return parse_results_json(text).notes; };
  EXPECT_THAT(notes(R"({"results_version": 10, "tests": {"igt@a": {}}})"),
              ElementsAre("igt@a has no result in results.json"));
  EXPECT_THAT(notes(R"({"results_version": 11, "tests": {"igt@a": {"result": "pass"}}})"),
              ElementsAre("results.json is of version 11, known is 10"));
  EXPECT_THAT(notes(R"({"results_version": 10,
                        "tests": {"igt@a": {"result": "pass"}, "igt@a": {"result": "fail"}}})"),
              ElementsAre("igt@a stands twice in results.json; the last one counts"));
  EXPECT_THAT(notes("[]"),
              ElementsAre("results.json holds no tests", "results.json does not say its version"));
  EXPECT_THAT(notes("{\"tests\": {\"a\": {\"result\": \"\xff\"}}}"),
              testing::Contains(HasSubstr("results.json is cut or broken at byte")));
  EXPECT_THAT(
      parse_results_json(R"({"tests": {"a": {"result": 7, "time": "x", "out": null}}})").tests,
      SizeIs(1));
}

TEST(ResultsJson, DeepNestingAndManyTestsAreBounded) {
  EXPECT_THAT(parse_results_json(std::string(1'000'000, '[')).notes,
              testing::Contains("results.json is nested too deep"));
  Limits limits;
  limits.max_tests = 5;
  std::string many = R"({"results_version": 10, "tests": {)";
  for (int i = 0; i < 9; ++i)
    many += fmt::format("{}\"igt@t{}\": {{\"result\": \"pass\"}}", i ? "," : "", i);
  const Results results = parse_results_json(many + "}}", limits);
  EXPECT_THAT(results.tests, SizeIs(5));
  EXPECT_THAT(results.notes,
              ElementsAre("results.json holds more than 5 tests; the rest is left out"));
}

}  // namespace
}  // namespace kiln::igt
