#include "lib/igt/comms.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/igt/packets.h"

namespace kiln::igt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

/// The tests that a comms file tells, as `subtest[@dynamic] outcome seconds`.
struct Reading {
  std::vector<Told> tests;
  std::vector<std::string> lines;
  std::string flaw;
  bool used = false;
  std::string binary;
};

Reading read(std::string_view bytes, const std::string& requested = "asked", size_t portion = 0,
             size_t max_tests = 100) {
  Budget budget{1 << 20};
  Collector collector(requested, 4096, max_tests, budget);
  CommsReader reader(collector);
  if (portion == 0) portion = bytes.size() + 1;
  for (size_t at = 0; at < bytes.size(); at += portion) reader.feed(bytes.substr(at, portion));
  Reading reading;
  reading.flaw = reader.finish();
  reading.used = reader.used();
  reading.binary = reader.binary();
  reading.tests = collector.take();
  for (const Told& told : reading.tests)
    reading.lines.push_back(fmt::format("{}{} {} {}", told.subtest,
                                        told.dynamic.empty() ? "" : "@" + told.dynamic,
                                        told.outcome, told.seconds));
  return reading;
}

using namespace packets;

const std::string& whole() {
  static const std::string bytes =
      exec("/usr/libexec/igt-gpu-tools/i915_selftest --run-subtest mock") + version("IGT 2.5\n") +
      log(false, "hello\n") + start("mock") + dynamic_start("sanitycheck") +
      log(true, "a warning\n") + dynamic_result("sanitycheck", "SUCCESS", "0.250") +
      dynamic_start("requests") + dynamic_result("requests", "FAIL", "1.5", "-22") +
      result("mock", "FAIL", "2.000") + exit(98, "2.5");
  return bytes;
}

TEST(Comms, SubtestWithDynamicSubtests) {
  const Reading reading = read(whole());
  EXPECT_THAT(reading.lines,
              ElementsAre("mock fail 2", "mock@sanitycheck pass 0.25", "mock@requests fail 1.5"));
  EXPECT_EQ(reading.flaw, "");
  EXPECT_TRUE(reading.used);
  EXPECT_EQ(reading.binary, "i915_selftest");
  EXPECT_EQ(reading.tests[0].out.str(),
            "hello\nStarting subtest: mock\nStarting dynamic subtest: sanitycheck\n"
            "Dynamic subtest sanitycheck: SUCCESS (0.250s)\nStarting dynamic subtest: requests\n"
            "Dynamic subtest requests: FAIL (1.500s)\nSubtest mock: FAIL (2.000s)\n");
  EXPECT_EQ(reading.tests[1].err.str(),
            "Starting dynamic subtest: sanitycheck\na warning\n"
            "Dynamic subtest sanitycheck: SUCCESS (0.250s)\n");
  EXPECT_TRUE(reading.tests[1].err_text);
  EXPECT_FALSE(reading.tests[2].err_text);
  EXPECT_EQ(reading.tests[2].reason, "-22");
}

TEST(Comms, PortionsOfAnySizeAreTheSame) {
  for (const size_t portion : {1U, 3U, 19U, 20U, 21U, 64U})
    EXPECT_EQ(read(whole(), "asked", portion).lines, read(whole()).lines) << portion;
}

/// A machine can die after any byte: what had ended keeps its result, what ran is incomplete.
TEST(Comms, CutAnywhere) {
  for (size_t length = 0; length < whole().size(); ++length) {
    const Reading reading = read(whole().substr(0, length));
    ASSERT_THAT(reading.tests, ::testing::Not(::testing::IsEmpty()));
    for (const Told& told : reading.tests) {
      if (told.dynamic == "sanitycheck" && length > whole().find("0.250") + 7) {
        EXPECT_EQ(told.outcome, "pass") << length;
      }
      if (told.subtest == "mock" && told.dynamic.empty() && length < whole().find("2.000")) {
        EXPECT_EQ(told.outcome, "incomplete") << length;
      }
    }
  }
  EXPECT_EQ(read(whole().substr(0, whole().size() - 1)).flaw, "ends within a packet");
}

TEST(Comms, KilledWithinADynamicSubtest) {
  const Reading reading = read(exec("x") + start("mock") + dynamic_start("one") +
                               dynamic_result("one", "SUCCESS", "1") + dynamic_start("two"));
  EXPECT_THAT(reading.lines,
              ElementsAre("mock incomplete 0", "mock@one pass 1", "mock@two incomplete 0"));
}

TEST(Comms, TimeLimitOverridesTheRunningTests) {
  const Reading reading = read(exec("x") + start("mock") + dynamic_start("one") +
                               override_with("timeout") + exit(-15, "60.5"));
  EXPECT_THAT(reading.lines, ElementsAre("mock timeout 60.5", "mock@one timeout 0"));
}

TEST(Comms, AbortAndGracefulExit) {
  EXPECT_THAT(read(exec("x") + start("a") + exit(112, "1")).lines, ElementsAre("a abort 1"));
  EXPECT_THAT(read(exec("x") + start("a") + exit(-1, "1")).lines, ElementsAre("a notrun 1"));
}

TEST(Comms, BinaryWithoutSubtests) {
  EXPECT_THAT(read(exec("x") + log(false, "words") + exit(0, "0.5"), "").lines,
              ElementsAre(" pass 0.5"));
  EXPECT_THAT(read(exec("x") + version("v") + exit(77, "0.5")).lines,
              ElementsAre("asked skip 0.5"));
  EXPECT_THAT(read(exec("x") + version("v") + exit(139, "0.5")).lines,
              ElementsAre("asked fail 0.5"));
}

TEST(Comms, FixtureSkipsSubtestsThatNeverStarted) {
  const Reading reading =
      read(exec("x") + log(false, "Test requirement: gpu\n") + result("a", "SKIP", "0") +
           result("b", "SKIP", "0") + exit(77, "0.1"));
  EXPECT_THAT(reading.lines, ElementsAre("a skip 0", "b skip 0"));
  EXPECT_THAT(reading.tests[0].out.str(), HasSubstr("Test requirement: gpu"));
  EXPECT_THAT(reading.tests[1].out.str(), HasSubstr("Test requirement: gpu"));
}

TEST(Comms, SubtestStillRunningWhenTheNextStarts) {
  EXPECT_THAT(
      read(exec("x") + start("a") + start("b") + result("b", "SUCCESS", "1") + exit(0, "1")).lines,
      ElementsAre("a incomplete 0", "b pass 1"));
}

TEST(Comms, ResumedInTheSameFile) {
  EXPECT_THAT(read(exec("x") + start("a") + result("a", "SUCCESS", "1") + start("b") + exec("x") +
                   start("c") + result("c", "SKIP", "2") + exit(0, "1"))
                  .lines,
              ElementsAre("a pass 1", "b incomplete 0", "c skip 2"));
}

TEST(Comms, OnlyTheCommandLineIsNotUse) {
  const Reading reading = read(exec("/x/gem_pread --run-subtest basic"));
  EXPECT_FALSE(reading.used);
  EXPECT_EQ(reading.binary, "gem_pread");
}

TEST(Comms, DamageIsSkippedUpToTheNextPacket) {
  const std::string zeros(100, '\0');
  const Reading reading =
      read(exec("x") + start("a") + zeros + result("a", "SUCCESS", "1") + "1TGI" + u32(3) + zeros);
  EXPECT_THAT(reading.lines, ElementsAre("a pass 1"));
  EXPECT_THAT(reading.flaw, HasSubstr("bytes that are no packet skipped"));
}

TEST(Comms, NonsenseValues) {
  const Reading reading =
      read(exec("x") + start("") + start("a") + result("a", "WAT", "-1e999") + packet(3, "") +
           packet(1, "") + packet(5, "") + packet(77, "zzz") + packet(4, "no end"));
  EXPECT_THAT(reading.lines, ElementsAre(" incomplete 0", "a incomplete 0", "no end incomplete 0"));
}

TEST(Comms, NumberOfTestsAndTextAreBounded) {
  std::string bytes = exec("x");
  for (int i = 0; i < 30; ++i)
    bytes += start("t" + std::to_string(i)) + log(false, std::string(9000, 'x'));
  const Reading reading = read(bytes, "asked", 0, 10);
  EXPECT_THAT(reading.tests, SizeIs(10));
  EXPECT_LT(reading.tests[0].out.str().size(), 4200U);
  EXPECT_THAT(reading.tests[0].out.str(), HasSubstr(" bytes left out ...]"));
}

}  // namespace
}  // namespace kiln::igt
