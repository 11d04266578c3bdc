#include "agent/console/taps.h"

#include <gmock/gmock.h>

#include <thread>

namespace kiln::agent {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

constexpr Millis kNow{0};
constexpr Millis kLong{30'000};

TEST(ConsoleTaps, EachReaderGetsAllOnce) {
  ConsoleTaps taps;
  uint64_t one = taps.begin();
  uint64_t two = taps.begin();
  taps.feed("login: ");
  EXPECT_EQ(taps.read(&one, kNow), "login: ");
  taps.feed("root\n");
  EXPECT_EQ(taps.read(&one, kNow), "root\n");
  EXPECT_EQ(taps.read(&two, kNow), "login: root\n");
  EXPECT_EQ(taps.read(&two, kNow), "");
}

TEST(ConsoleTaps, ANewReaderSeesWhatWasSaidLast) {
  ConsoleTaps taps(1000, 10);
  taps.feed("a long story, then a panic");
  uint64_t at = taps.begin();
  EXPECT_EQ(taps.read(&at, kNow), "en a panic");
}

TEST(ConsoleTaps, WhoIsTooSlowIsToldWhatHeMissed) {
  ConsoleTaps taps(100, 10);
  uint64_t at = taps.begin();
  for (int i = 0; i < 100; ++i) taps.feed("0123456789");
  const std::string read = taps.read(&at, kNow);
  EXPECT_THAT(read, HasSubstr("bytes were not shown"));
  EXPECT_LE(read.size(), 300U) << "what is kept is bounded";
  EXPECT_THAT(taps.read(&at, kNow), SizeIs(0));
  taps.feed("end");
  EXPECT_THAT(taps.read(&at, kNow), Not(HasSubstr("not shown")));
}

TEST(ConsoleTaps, AReaderWakesForNewBytes) {
  ConsoleTaps taps;
  uint64_t at = taps.begin();
  std::jthread machine([&] { taps.feed("[    0.000000] Linux version"); });
  EXPECT_EQ(taps.read(&at, kLong), "[    0.000000] Linux version");
}

}  // namespace
}  // namespace kiln::agent
