#include "lib/conf/units.h"

#include <gtest/gtest.h>

namespace kiln::conf {
namespace {

TEST(Duration, Reads) {
  EXPECT_EQ(parse_duration("90s"), Millis(90'000));
  EXPECT_EQ(parse_duration("10m"), Millis(600'000));
  EXPECT_EQ(parse_duration("1h30m"), Millis(5'400'000));
  EXPECT_EQ(parse_duration("2d"), Millis(172'800'000));
  EXPECT_EQ(parse_duration("1s250ms"), Millis(1250));
  EXPECT_EQ(parse_duration("0s"), Millis(0));
}

TEST(Duration, Refuses) {
  for (const char* text : {"", "90", "s", "-1s", "1.5h", "1 h", "1m1h", "1s1s", "1h30", "5min",
                           "1S", "3661d", "99999999999999999999s", "9223372036854775807h", "+1s"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(Duration, WritesWhatItReads) {
  for (const char* text : {"0s", "1ms", "90ms", "1s", "1m30s", "1h30m", "2d3h4m5s6ms"}) {
    EXPECT_EQ(format_duration(*parse_duration(text)), text);
  }
}

TEST(Size, Reads) {
  EXPECT_EQ(parse_size("2GiB"), 2ULL << 30);
  EXPECT_EQ(parse_size("512MiB"), 512ULL << 20);
  EXPECT_EQ(parse_size("10GB"), 10'000'000'000ULL);
  EXPECT_EQ(parse_size("4096B"), 4096U);
  EXPECT_EQ(parse_size("3kB"), 3000U);
}

TEST(Size, Refuses) {
  for (const char* text : {"", "512", "GiB", "-1GiB", "1.5GiB", "2 GiB", "2gib", "2GiBs",
                           "18446744073709551615TiB", "8388609TiB"}) {
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
  }
}

TEST(Size, WritesWhatItReads) {
  for (const char* text : {"0B", "1B", "4KiB", "1536MiB", "2GiB", "3TiB"}) {
    EXPECT_EQ(format_size(*parse_size(text)), text);
  }
}

}  // namespace
}  // namespace kiln::conf
