#include "controller/access/audit_log.h"

#include <gmock/gmock.h>

#include "controller/access/attempts.h"
#include "lib/db/sql.h"
#include "lib/db/testing.h"
#include "lib/os/random.h"

namespace kiln::controller {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

access::AuditEntry entry(const std::string& who, const std::string& detail) {
  access::AuditEntry e;
  e.who = who;
  e.method = "Lab.StartRun";
  e.detail = detail;
  e.outcome = "done";
  return e;
}

class AuditTest : public db::DbTest {
 protected:
  void start(AuditOptions options = {}) {
    log_.emplace(
        *database_, clock_, [this](const std::string& line) { lines_.lock()->push_back(line); },
        options);
  }
  void TearDown() override {
    log_.reset();
    DbTest::TearDown();
  }
  std::vector<access::AuditEntry> stored() {
    db::AuditQuery query;
    query.limit = 100'000;
    return db::AccessTable(*database_).audit(query).value();
  }
  FakeClock clock_;
  Sync<std::vector<std::string>> lines_;
  std::optional<AuditLog> log_;
};

TEST_F(AuditTest, WhatWasRecordedIsStoredInOrder) {
  start();
  for (int i = 0; i < 100; ++i) log_->record(entry("anna", std::to_string(i)));
  ASSERT_TRUE(log_->flush());
  const auto all = stored();
  ASSERT_THAT(all, SizeIs(100));
  EXPECT_EQ(all[0].detail, "99");
  EXPECT_EQ(all[99].detail, "0");
  EXPECT_EQ(all[0].time, clock_.now());
  EXPECT_THAT(*lines_.lock(), SizeIs(0));
}

TEST_F(AuditTest, ItsEndWritesWhatIsLeft) {
  start();
  log_->record(entry("anna", "last"));
  for (int i = 0; i < 3; ++i) log_->refused(entry("eve", "no"));
  log_.reset();
  const auto all = stored();
  ASSERT_THAT(all, SizeIs(3));
  EXPECT_EQ(all[0].times, 2) << "the repeated ones";
}

TEST_F(AuditTest, RepeatedRefusalsAreOneEntryAWindow) {
  start();
  for (int i = 0; i < 1000; ++i) log_->refused(entry("eve", "no"));
  log_->refused(entry("eve", "no, and why not"));
  ASSERT_TRUE(log_->flush());
  ASSERT_THAT(stored(), SizeIs(2));
  EXPECT_THAT(*lines_.lock(), SizeIs(2));
  EXPECT_EQ(lines_.lock()->at(0), "refused Lab.StartRun: no (eve)");
  clock_.advance(Millis(60'000));
  ASSERT_TRUE(log_->flush());
  const auto all = stored();
  ASSERT_THAT(all, SizeIs(3));
  EXPECT_EQ(all[0].times, 999);
  EXPECT_EQ(all[0].outcome, "refused");
  EXPECT_EQ(lines_.lock()->at(2), "refused Lab.StartRun: no (eve): 999 more like this");
  clock_.advance(Millis(60'000));
  ASSERT_TRUE(log_->flush());
  EXPECT_THAT(stored(), SizeIs(3)) << "a quiet window is no entry";
  log_->refused(entry("eve", "no"));
  ASSERT_TRUE(log_->flush());
  EXPECT_THAT(stored(), SizeIs(4)) << "and after it, the first is one again";
}

TEST_F(AuditTest, AFloodOfDifferentRefusalsStaysBounded) {
  AuditOptions options;
  options.kinds = 10;
  start(options);
  for (int i = 0; i < 10'000; ++i) log_->refused(entry("eve" + std::to_string(i), "no"));
  ASSERT_TRUE(log_->flush());
  const auto all = stored();
  ASSERT_THAT(all, SizeIs(11));
  EXPECT_EQ(all[0].detail, "many different refusals");
  clock_.advance(Millis(60'000));
  ASSERT_TRUE(log_->flush());
  EXPECT_EQ(stored()[0].times, 9'989);
}

TEST_F(AuditTest, MoreThanTheQueueHoldsIsCounted) {
  AuditOptions options;
  options.queue = 10;
  start(options);
  int64_t seen = 0;
  {
    // The disk is busy: another holds the database's lock.
    const std::lock_guard busy(database_->impl().mutex);
    for (int i = 0; i < 1000; ++i) log_->record(entry("anna", std::to_string(i)));
  }
  ASSERT_TRUE(log_->flush());
  ASSERT_TRUE(log_->flush());
  for (const auto& e : stored()) seen += e.times;
  EXPECT_EQ(seen, 1000);
  EXPECT_LT(stored().size(), 100U);
}

TEST_F(AuditTest, WhatOthersWroteIsMadeHarmless) {
  start();
  const std::string token =
      access::make_token(os::random_bytes(access::kTokenEntropy).value()).text;
  log_->record(entry("a\xff", "token " + token + std::string(10'000, 'x')));
  ASSERT_TRUE(log_->flush());
  const auto all = stored();
  EXPECT_LE(all[0].detail.size(), 600U);
  EXPECT_EQ(all[0].detail.find(token.substr(14, 10)), std::string::npos);
  EXPECT_EQ(all[0].who, "a\xEF\xBF\xBD");
}

TEST_F(AuditTest, ATokensUseIsNotedNowAndThen) {
  start();
  db::AccessTable table(*database_);
  access::Token token;
  token.id = "t1";
  token.user = "anna";
  ASSERT_TRUE(table.add_token(token));
  log_->used("t1");
  ASSERT_TRUE(log_->flush());
  const WallTime first = clock_.now();
  EXPECT_EQ(table.tokens()->at(0).last_used, first);
  clock_.advance(Millis(60'000));
  log_->used("t1");
  ASSERT_TRUE(log_->flush());
  EXPECT_EQ(table.tokens()->at(0).last_used, first);
  clock_.advance(Millis(300'000));
  log_->used("t1");
  ASSERT_TRUE(log_->flush());
  EXPECT_EQ(table.tokens()->at(0).last_used, clock_.now());
}

TEST(Attempts, AreBoundedByPeerAndInAll) {
  FakeClock clock;
  Attempts attempts(clock);
  for (int i = 0; i < Attempts::kOfOne; ++i) {
    EXPECT_TRUE(attempts.allowed("ipv4:192.0.2.7:" + std::to_string(i)));
    attempts.failed("ipv4:192.0.2.7:" + std::to_string(i));
  }
  EXPECT_FALSE(attempts.allowed("ipv4:192.0.2.7:9999"));
  EXPECT_TRUE(attempts.allowed("ipv4:192.0.2.8:1"));
  for (int i = 0; i < 10'000; ++i) attempts.failed("ipv6:[2001:db8::" + std::to_string(i) + "]:1");
  EXPECT_FALSE(attempts.allowed("ipv4:192.0.2.8:1")) << "too many by all";
  clock.advance(Attempts::kWindow);
  EXPECT_TRUE(attempts.allowed("ipv4:192.0.2.7:1"));
}

}  // namespace
}  // namespace kiln::controller
