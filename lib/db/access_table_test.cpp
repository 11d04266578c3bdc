#include "lib/db/access_table.h"

#include <gmock/gmock.h>

#include "lib/db/testing.h"

namespace kiln::db {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

access::Token sample_token(const std::string& id) {
  access::Token t;
  t.id = id;
  t.hash = std::string(64, 'a');
  t.user = "anna";
  t.role = access::Role::kKeeper;
  t.note = "laptop";
  t.created = at(0);
  t.created_by = "local";
  t.expires = at(1000);
  return t;
}

access::Enrolment sample_enrolment(const std::string& id, const std::string& agent) {
  access::Enrolment e;
  e.id = id;
  e.hash = std::string(64, 'b');
  e.agent = agent;
  e.created = at(0);
  e.created_by = "anna";
  e.expires = at(3600);
  return e;
}

access::AgentCertificate certificate(const std::string& fingerprint, const std::string& agent,
                                     int64_t created) {
  access::AgentCertificate c;
  c.fingerprint = fingerprint;
  c.agent = agent;
  c.created = at(created);
  c.expires = at(created + 1000);
  return c;
}

TEST_F(DbTest, ATokenIsStoredOnceAndRevokedOnce) {
  AccessTable table(*database_);
  ASSERT_TRUE(table.add_token(sample_token("t1")));
  EXPECT_EQ(table.add_token(sample_token("t1")).error().kind, ErrorKind::kConflict);
  ASSERT_TRUE(table.touch_token("t1", at(5)));
  auto tokens = table.tokens().value();
  ASSERT_THAT(tokens, SizeIs(1));
  EXPECT_EQ(tokens[0].user, "anna");
  EXPECT_EQ(tokens[0].hash, std::string(64, 'a'));
  EXPECT_EQ(tokens[0].role, access::Role::kKeeper);
  EXPECT_EQ(tokens[0].note, "laptop");
  EXPECT_EQ(tokens[0].created_by, "local");
  EXPECT_EQ(tokens[0].expires, at(1000));
  EXPECT_EQ(tokens[0].last_used, at(5));
  EXPECT_FALSE(tokens[0].revoked);
  EXPECT_EQ(table.revoke_token("t1", "bob", at(9))->revoked, at(9));
  EXPECT_EQ(table.revoke_token("t1", "eve", at(10))->revoked_by, "bob") << "the first one counts";
  EXPECT_EQ(table.revoke_token("t2", "bob", at(9)).error().kind, ErrorKind::kNotFound);
}

TEST_F(DbTest, ACodeIsUsedOnceAndEndsTheAgentsEarlierCertificates) {
  AccessTable table(*database_);
  ASSERT_TRUE(table.add_certificate(certificate("f0", "rack-1", 0)));
  ASSERT_TRUE(table.add_certificate(certificate("f9", "rack-2", 0)));
  access::Enrolment e = sample_enrolment("E1", "rack-1");
  ASSERT_TRUE(table.add_enrolment(e));
  EXPECT_EQ(table.add_enrolment(e).error().kind, ErrorKind::kConflict);
  ASSERT_TRUE(table.count_attempt("E1"));
  EXPECT_EQ(table.enrolment("E1")->attempts, 1);
  e.used = at(20);
  e.public_key = "k";
  e.certificate = "pem";
  ASSERT_TRUE(table.use_enrolment(e, certificate("f1", "rack-1", 20)));
  EXPECT_EQ(table.use_enrolment(e, certificate("f2", "rack-1", 21)).error().kind,
            ErrorKind::kConflict);
  const auto stored = table.enrolment("E1");
  EXPECT_EQ(stored->used, at(20));
  EXPECT_EQ(stored->public_key, "k");
  EXPECT_EQ(stored->certificate, "pem");
  const auto all = table.certificates().value();
  ASSERT_THAT(all, SizeIs(3));
  EXPECT_EQ(all[0].fingerprint, "f0");
  EXPECT_EQ(all[0].revoked, at(20));
  EXPECT_EQ(all[0].why, "enrolled again");
  EXPECT_EQ(all[1].fingerprint, "f1");
  EXPECT_FALSE(all[1].revoked);
  EXPECT_FALSE(all[2].revoked) << "another agent's";
}

TEST_F(DbTest, AnAgentIsRevokedWithAllItsCertificates) {
  AccessTable table(*database_);
  ASSERT_TRUE(table.add_certificate(certificate("f0", "rack-1", 0)));
  ASSERT_TRUE(table.add_certificate(certificate("f1", "rack-1", 5)));
  ASSERT_TRUE(table.add_certificate(certificate("f1", "rack-1", 5))) << "twice is once";
  EXPECT_EQ(table.revoke_agent("rack-1", "anna", "stolen", at(10)).value(), 2);
  EXPECT_EQ(table.revoke_agent("rack-1", "eve", "again", at(11)).value(), 0);
  EXPECT_EQ(table.certificates()->at(0).revoked_by, "anna");
  EXPECT_EQ(table.revoke_agent("rack-7", "anna", "", at(10)).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(table.revoke_agent("rack-7", "anna", "", at(10), true).value(), 0);
  EXPECT_EQ(table.revoke_agent("rack-7", "anna", "", at(20), true).value(), 0);
  ASSERT_THAT(table.certificates().value(), SizeIs(3));
  EXPECT_EQ(table.certificates()->at(2).revoked, at(20));
}

TEST_F(DbTest, WhoWasRevokedRenewsNothing) {
  AccessTable table(*database_);
  ASSERT_TRUE(table.add_certificate(certificate("f0", "rack-1", 0)));
  ASSERT_TRUE(table.renew_certificate(certificate("f1", "rack-1", 5), "f0"));
  ASSERT_TRUE(table.revoke_agent("rack-1", "anna", "", at(6)));
  EXPECT_EQ(table.renew_certificate(certificate("f2", "rack-1", 7), "f1").error().kind,
            ErrorKind::kPermission);
  EXPECT_THAT(table.certificates().value(), SizeIs(2));
}

TEST_F(DbTest, OldEnrolmentsAreForgotten) {
  AccessTable table(*database_);
  ASSERT_TRUE(table.add_enrolment(sample_enrolment("E1", "rack-1")));
  ASSERT_TRUE(table.forget_enrolments(at(3600)));
  EXPECT_THAT(table.enrolments().value(), SizeIs(1));
  ASSERT_TRUE(table.forget_enrolments(at(3601)));
  EXPECT_THAT(table.enrolments().value(), SizeIs(0));
}

TEST_F(DbTest, TheAuditKeepsItsNewestEntries) {
  AccessTable table(*database_);
  std::vector<access::AuditEntry> entries;
  for (int i = 1; i <= 30; ++i) {
    access::AuditEntry e;
    e.time = at(i);
    e.who = i % 2 == 0 ? "anna" : "agent:rack-1";
    e.role = "admin";
    e.method = "Lab.StartRun";
    e.target = "run " + std::to_string(i);
    e.outcome = i % 3 == 0 ? "refused" : "done";
    e.detail = "d";
    e.peer = "ipv4:127.0.0.1:1";
    e.times = i;
    entries.push_back(e);
  }
  ASSERT_TRUE(table.append_audit({entries.data(), 20}, 12));
  ASSERT_TRUE(table.append_audit({entries.data() + 20, 10}, 12));
  const auto newest = table.audit({}).value();
  ASSERT_THAT(newest, SizeIs(12));
  EXPECT_EQ(newest[0].target, "run 30");
  EXPECT_EQ(newest[0].times, 30);
  EXPECT_EQ(newest[0].peer, "ipv4:127.0.0.1:1");
  EXPECT_EQ(newest[11].target, "run 19");
  AuditQuery query;
  query.who = "anna";
  query.outcome = "refused";
  const auto refused = table.audit(query).value();
  ASSERT_THAT(refused, SizeIs(2));
  EXPECT_EQ(refused[1].target, "run 24");
  query = {};
  query.limit = 2;
  query.before_id = newest[4].id;
  const auto page = table.audit(query).value();
  ASSERT_THAT(page, SizeIs(2));
  EXPECT_EQ(page[0].id, newest[5].id);
}

}  // namespace
}  // namespace kiln::db
