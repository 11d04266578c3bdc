#include "controller/app/machine_history.h"

#include <gmock/gmock.h>

#include "controller/results/testing.h"
#include "controller/results/timestamps.h"
#include "lib/db/machine_table.h"
#include "lib/db/session_table.h"

namespace kiln::controller {
namespace {

using ::testing::ElementsAre;

class MachineHistoryTest : public ::testing::Test {
 protected:
  struct Boot {
    std::string machine = "m1";
    std::string purpose = "functional";
    std::string ending = "tested";
    std::string error_class{};
    WallTime started{};
    double seconds = 60;
    int pair = 0;
    double value = 0;  ///< of "ns"; 0 = none
  };
  int64_t boot(const Boot& boot) {
    db::StoredSession row;
    row.run_id = run_;
    row.key = "k" + std::to_string(++made_);
    row.attempt = 1;
    row.purpose = boot.purpose;
    row.variant = "baseline";
    row.config = "hm";
    row.pair = boot.pair;
    row.build_key = "baseline-hm";
    row.machine = boot.machine;
    row.started = boot.started;
    row.id = *db::SessionTable(*runs_.database).open(row);
    row.state = "done";
    row.ending = boot.ending;
    row.error_class = boot.error_class;
    row.elapsed_seconds = boot.seconds;
    if (boot.value > 0) row.measurements = {{"bench", "ns", boot.value, "ns"}};
    EXPECT_TRUE(db::SessionTable(*runs_.database).finish(row));
    return row.id;
  }
  v1::MachineHistoryReply look(const std::string& machine, int limit = 0, int64_t before = 0) {
    v1::MachineHistoryRequest request;
    request.set_machine(machine);
    request.set_limit(limit);
    request.set_before_session(before);
    auto reply = machine_history(*runs_.database, request, now_);
    EXPECT_TRUE(reply) << render(reply.error());
    return reply.value_or(v1::MachineHistoryReply());
  }

  results::testing::StoredRuns runs_;
  const int64_t run_ = runs_.add({});
  const WallTime now_ = SystemClock().now();
  int made_ = 0;
};

TEST_F(MachineHistoryTest, NewestFirstWithTheTimeUntilTheNext) {
  using std::chrono::seconds;
  boot({.started = now_ - seconds(1000)});
  const int64_t bad = boot({.ending = "infrastructure",
                            .error_class = "INFRA_NET",
                            .started = now_ - seconds(900),
                            .seconds = 40});
  const int64_t last = boot({.started = now_ - seconds(700)});
  boot({.machine = "m2", .started = now_});
  const auto all = look("m1");
  ASSERT_EQ(all.sessions_size(), 3);
  EXPECT_EQ(all.sessions(0).id(), last);
  EXPECT_EQ(all.sessions(0).idle_seconds(), -1);
  EXPECT_EQ(all.sessions(1).id(), bad);
  EXPECT_EQ(all.sessions(1).error_class(), "INFRA_NET");
  EXPECT_NEAR(all.sessions(1).idle_seconds(), 160, 0.01);
  EXPECT_NEAR(all.sessions(2).idle_seconds(), 40, 0.01);
  EXPECT_EQ(all.sessions(2).job_name(), "sample");
  EXPECT_EQ(look("m1", 1).sessions_size(), 1);
  const auto older = look("m1", 0, bad);
  EXPECT_EQ(older.sessions_size(), 1);
  EXPECT_EQ(older.days(), 0) << "the figures come with the first page only";
}

TEST_F(MachineHistoryTest, EndingsAreCountedOverTwoWeeks) {
  const auto days = [&](int n) { return now_ - std::chrono::hours(24 * n); };
  for (int i = 0; i < 3; ++i) boot({.started = days(13)});
  boot({.ending = "infrastructure", .error_class = "INFRA_POWER", .started = days(1)});
  boot({.ending = "infrastructure", .error_class = "INFRA_POWER", .started = days(15)});
  const auto reply = look("m1");
  EXPECT_EQ(reply.days(), 14);
  ASSERT_EQ(reply.endings_size(), 2);
  EXPECT_EQ(reply.endings(0).ending(), "tested");
  EXPECT_EQ(reply.endings(0).sessions(), 3);
  EXPECT_EQ(reply.endings(0).seconds(), 180);
  EXPECT_EQ(reply.endings(1).error_class(), "INFRA_POWER");
  EXPECT_EQ(reply.endings(1).sessions(), 1);
}

TEST_F(MachineHistoryTest, NoiseIsOfItsOwnPairs) {
  // One pair a run would be usual; by pair number it is the same.
  for (int pair = 1; pair <= 12; ++pair) {
    boot({.purpose = "canary", .started = now_, .pair = pair, .value = 100});
    boot({.purpose = "canary", .started = now_, .pair = pair, .value = pair % 2 == 0 ? 101. : 99.});
    boot({.machine = "m2", .purpose = "canary", .started = now_, .pair = pair, .value = 100});
  }
  const auto reply = look("m1");
  ASSERT_EQ(reply.noise_size(), 1);
  const v1::MachineNoise& noise = reply.noise(0);
  EXPECT_EQ(noise.metric(), "ns");
  EXPECT_EQ(noise.pairs(), 12);
  EXPECT_NEAR(noise.sd_percent(), 1.05, 0.01);  // sd of +-0.01, n - 1
  EXPECT_GT(noise.detectable_percent(), 0.5);
  EXPECT_LT(noise.detectable_percent(), 3);
  EXPECT_EQ(noise.experiments(), 2);
  EXPECT_EQ(noise.alarms(), 0);
  EXPECT_TRUE(noise.believed());
  EXPECT_EQ(look("m2").noise_size(), 0) << "lone boots are no pairs";
}

TEST_F(MachineHistoryTest, AMachineThatNeverWasIsSaid) {
  v1::MachineHistoryRequest request;
  request.set_machine("nobody");
  const auto reply = machine_history(*runs_.database, request, now_);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind, ErrorKind::kNotFound);
}

TEST_F(MachineHistoryTest, ANewOneHasNoPastYet) {
  db::MachineRow row;
  row.name = "new";
  row.agent = "rack-1";
  ASSERT_TRUE(db::MachineTable(*runs_.database).put(row));
  const auto reply = look("new");
  EXPECT_EQ(reply.sessions_size(), 0);
  EXPECT_EQ(reply.days(), 14);
}

}  // namespace
}  // namespace kiln::controller
