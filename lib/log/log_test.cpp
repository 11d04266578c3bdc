#include "lib/log/log.h"

#include <gtest/gtest.h>

namespace kiln::log {
namespace {

constexpr const char* kTime = "2026-11-24T21:15:00.123Z";

TEST(Log, TextIsOneLineWhateverIsInIt) {
  EXPECT_EQ(render(Format::kText, kTime, Level::kInfo, "agent connected",
                   {{"agent", "rack-1"}, {"why", "it said \"hello\"\nagain"}, {"none", ""}}),
            "2026-11-24T21:15:00.123Z info    agent connected agent=rack-1"
            " why=\"it said \\\"hello\\\"\\nagain\" none=\"\"");
}

TEST(Log, JsonKeepsOrderAndStaysValid) {
  EXPECT_EQ(render(Format::kJson, kTime, Level::kError, "refused", {{"peer", "a\xff"}}),
            "{\"time\":\"2026-11-24T21:15:00.123Z\",\"level\":\"error\",\"event\":\"refused\","
            "\"peer\":\"a\xEF\xBF\xBD\"}");
}

TEST(Log, LevelsHaveWords) {
  EXPECT_EQ(level_from("warning"), Level::kWarning);
  EXPECT_FALSE(level_from("loud"));
}

}  // namespace
}  // namespace kiln::log
