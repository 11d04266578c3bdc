/// The short form of build/bench/bench/kiln_clean_sessions_bench (docs/performance.md).
#include "agent/integration/clean_sessions.h"

#include <gmock/gmock.h>

#include "agent/integration/quick_machine.h"

namespace kiln::agent {
namespace {

TEST(CleanSessionsTest, NoiseOfALabPutsNoMachineIntoQuarantine) {
  if (const std::string why = QuickMachine::missing(); !why.empty()) GTEST_SKIP() << why;
  std::string told;
  const CleanTally tally =
      run_clean_sessions({}, [&](const std::string& line) { told += line + "\n"; });
  EXPECT_EQ(tally.sessions, 10);
  EXPECT_EQ(tally.quarantines, 0) << told;
  EXPECT_TRUE(is_clean(tally)) << told;
  EXPECT_EQ(tally.tested, tally.sessions) << "a connection that breaks costs no session\n" << told;
  EXPECT_THAT(tally.noise, ::testing::SizeIs(::testing::Ge(3U))) << "what was there to bear?";
}

}  // namespace
}  // namespace kiln::agent
