#include <gmock/gmock.h>

#include "lib/db/history_table.h"
#include "lib/db/testing.h"

namespace kiln::db {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class HistoryTableTest : public DbTest {
 protected:
  /// A boot in which one test ended so; "" = it was not run there.
  TestBoot boot(int64_t run, const std::string& outcome) {
    StoredSession session = sample_session(run, "k" + std::to_string(++made_));
    session.machine = "m";
    session.id = *SessionTable(*database_).open(session);
    StoredSession end = sample_end(session);
    end.results.clear();
    if (!outcome.empty()) {
      verdict::ResultRow& result = end.results.emplace_back();
      result.test = "t";
      result.outcome = outcome;
    }
    EXPECT_TRUE(SessionTable(*database_).finish(end));
    TestBoot out;
    out.run_id = run;
    out.session_id = session.id;
    out.variant = "patched";
    return out;
  }
  std::vector<std::string> outcomes(const std::vector<TestBoot>& sessions) {
    const auto boots = HistoryTable(*database_).boots("t", sessions);
    EXPECT_TRUE(boots) << render(boots.error());
    std::vector<std::string> out;
    for (const TestBoot& each : *boots) out.push_back(each.outcome + " " + each.variant);
    return out;
  }
  int made_ = 0;
};

TEST_F(HistoryTableTest, BootsOfOthersBetweenThemDoNotCount) {
  const int64_t run = make_run();
  std::vector<TestBoot> mine;
  mine.push_back(boot(run, "pass"));
  boot(run, "crash");
  mine.push_back(boot(run, ""));
  mine.push_back(boot(run, "fail"));
  boot(run, "crash");
  EXPECT_THAT(outcomes(mine), ElementsAre("pass patched", "fail patched"));
}

TEST_F(HistoryTableTest, AFewAmongManyAreFoundToo) {
  const int64_t run = make_run();
  std::vector<TestBoot> mine{boot(run, "pass")};
  for (int i = 0; i < 30; ++i) boot(run, "crash");
  mine.push_back(boot(run, "fail"));
  EXPECT_THAT(outcomes(mine), ElementsAre("pass patched", "fail patched"));
  EXPECT_THAT(outcomes({}), IsEmpty());
}

}  // namespace
}  // namespace kiln::db
