#include "controller/access/gate.h"

#include <gmock/gmock.h>

#include "lib/db/testing.h"
#include "lib/os/random.h"
#include "lib/pki/testing.h"

namespace kiln::controller {
namespace {

using ::testing::HasSubstr;
using Answer = Decision::Answer;

class GateTest : public db::DbTest {
 protected:
  void SetUp() override {
    DbTest::SetUp();
    ca_ = pki::test_ca(clock_.now());
  }
  db::AccessTable table() { return db::AccessTable(*database_); }
  std::string token(access::Role role, std::optional<WallTime> expires = {}) {
    const access::NewSecret made =
        access::make_token(os::random_bytes(access::kTokenEntropy).value());
    access::Token token;
    token.id = made.id;
    token.hash = made.hash;
    token.user = "anna";
    token.role = role;
    token.created = clock_.now();
    token.expires = expires;
    EXPECT_TRUE(table().add_token(token));
    EXPECT_TRUE(gate_.load(table()));
    return "Bearer " + made.text;
  }
  Decision decide(const char* method, std::optional<std::string> authorization,
                  const std::string& certificate = "", Port port = Port::kUsers) {
    CallFacts facts{port, method, {}, certificate};
    if (authorization) facts.authorization = *authorization;
    return gate_.decide(facts);
  }

  FakeClock clock_;
  Gate gate_{clock_};
  pki::Identity ca_;
};

TEST_F(GateTest, RolesOpenWhatIsTheirs) {
  const std::string viewer = token(access::Role::kViewer);
  EXPECT_EQ(decide("/kiln.v1.Lab/ListRuns", viewer).answer, Answer::kAdmit);
  const Decision denied = decide("/kiln.v1.Lab/SubmitRun", viewer);
  EXPECT_EQ(denied.answer, Answer::kDenied);
  EXPECT_EQ(denied.why.message, "Lab.SubmitRun needs the role submitter, anna has viewer");
  EXPECT_EQ(denied.caller.who(), "anna");
  EXPECT_EQ(denied.caller.role_word(), "viewer");
  EXPECT_EQ(decide("/kiln.v1.Lab/SubmitRun", token(access::Role::kKeeper)).answer, Answer::kAdmit);
}

TEST_F(GateTest, TheSchemeIsBearerInAnyLetters) {
  const std::string good = token(access::Role::kAdmin);
  const std::string bare = good.substr(7);
  for (const std::string& text : {"bearer " + bare, "BEARER " + bare, "Bearer   " + bare + " "})
    EXPECT_EQ(decide("/kiln.v1.Lab/ListRuns", text).answer, Answer::kAdmit) << text;
  for (const std::string& text : {bare, "Basic " + bare, "Bearer" + bare, std::string(),
                                  std::string("Bearer "), "Bearer " + bare + " " + bare}) {
    EXPECT_EQ(decide("/kiln.v1.Lab/ListRuns", text).answer, Answer::kUnauthenticated) << text;
  }
}

TEST_F(GateTest, ATokenEndsWhenItsTimeIsOver) {
  const std::string short_lived =
      token(access::Role::kAdmin, clock_.now() + std::chrono::seconds(10));
  EXPECT_EQ(decide("/kiln.v1.Lab/ListRuns", short_lived).answer, Answer::kAdmit);
  clock_.advance(std::chrono::seconds(10));
  const Decision late = decide("/kiln.v1.Lab/ListRuns", short_lived);
  EXPECT_EQ(late.answer, Answer::kUnauthenticated);
  EXPECT_THAT(late.why.message, HasSubstr("expired on"));
  EXPECT_EQ(late.caller.who(), "anna") << "the audit knows whose it was";
  EXPECT_EQ(gate_.identify({Port::kUsers, "", short_lived, ""}).kind, Caller::Kind::kNobody);
}

TEST_F(GateTest, WhatNobodyKnowsIsServedToNobody) {
  const std::string admin = token(access::Role::kAdmin);
  EXPECT_EQ(decide("/kiln.v1.Lab/Nothing", admin).answer, Answer::kUnknownMethod);
  EXPECT_EQ(decide("", admin).answer, Answer::kUnknownMethod);
  EXPECT_EQ(decide("/kiln.v1.Lab/Nothing", {}, "", Port::kLocal).answer, Answer::kUnknownMethod);
}

TEST_F(GateTest, AgentsComeByTheirCertificateAlone) {
  const std::string pem = pki::test_agent(ca_, "rack-1", clock_.now()).certificates;
  const Decision admitted = decide("/kiln.v1.AgentLink/Connect", {}, pem);
  EXPECT_EQ(admitted.answer, Answer::kAdmit);
  EXPECT_EQ(admitted.caller.who(), "agent:rack-1");
  EXPECT_EQ(decide("/kiln.v1.AgentLink/Connect", token(access::Role::kAdmin)).answer,
            Answer::kUnauthenticated);
  EXPECT_EQ(decide("/kiln.v1.Lab/ListRuns", {}, pem).answer, Answer::kUnauthenticated);
  EXPECT_EQ(decide("/kiln.v1.Lab/ListRuns", token(access::Role::kAdmin), pem, Port::kAgents).answer,
            Answer::kDenied);
  EXPECT_EQ(decide("/kiln.v1.AgentLink/Connect", {}, "garbage").answer, Answer::kDenied);
}

TEST_F(GateTest, ACertificateThatTheDatabaseDoesNotKnowEndsWithItsAgent) {
  // As after a restore: the agent renewed its certificate after the backup.
  const auto agent = pki::test_agent(ca_, "rack-1", clock_.now());
  EXPECT_EQ(decide("/kiln.v1.AgentLink/Connect", {}, agent.certificates).answer, Answer::kAdmit);
  ASSERT_TRUE(table().revoke_agent("rack-1", "anna", "", clock_.now(), true));
  ASSERT_TRUE(gate_.load(table()));
  const Decision refused = decide("/kiln.v1.AgentLink/Connect", {}, agent.certificates);
  EXPECT_EQ(refused.answer, Answer::kDenied);
  EXPECT_EQ(refused.caller.who(), "agent:rack-1");
  const auto other = pki::test_agent(ca_, "rack-2", clock_.now());
  EXPECT_EQ(decide("/kiln.v1.AgentLink/Connect", {}, other.certificates).answer, Answer::kAdmit);
}

TEST_F(GateTest, FilesOfTheControllersComputerAreNamedOnItOnly) {
  const Decision refused = decide("/kiln.v1.Lab/StartRun", token(access::Role::kAdmin));
  EXPECT_EQ(refused.answer, Answer::kDenied);
  EXPECT_EQ(refused.why.message, "Lab.StartRun is for the controller's own computer");
  EXPECT_EQ(decide("/kiln.v1.Lab/StartRun", {}, "", Port::kLocal).answer, Answer::kAdmit);
}

TEST_F(GateTest, ByTheSocketOneIsTheLocalAdmin) {
  const Decision local = decide("/kiln.v1.Access/CreateToken", {}, "", Port::kLocal);
  EXPECT_EQ(local.answer, Answer::kAdmit);
  EXPECT_EQ(local.caller.who(), "local");
  EXPECT_EQ(local.caller.role, access::Role::kAdmin);
}

}  // namespace
}  // namespace kiln::controller
