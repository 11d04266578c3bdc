/// Agents: how they get in, who they are, and how they are thrown out; over real TLS.
#include "controller/rpc/integration/lab_fixture.h"
#include "lib/pki/fetch.h"

namespace kiln::controller {
namespace {

using grpc::StatusCode;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class AgentsTest : public LabFixture {};

TEST_F(AgentsTest, OneComesInByItsCodeAndWorksUnderItsName) {
  const os::Path folder = enrolled("rack-1");
  EXPECT_EQ(fetch(agents(folder)).error_code(), StatusCode::NOT_FOUND) << "it was served";
  EXPECT_TRUE(say_hello(agents(folder), "rack-1").ok());
  const auto entries = audit("done");
  ASSERT_THAT(entries, SizeIs(1));
  EXPECT_EQ(entries[0].method(), "Enrolment.Enrol");
  EXPECT_EQ(entries[0].who(), "agent:rack-1");
  EXPECT_FALSE(std::filesystem::exists(folder / "agent.pending.pem"));
}

TEST_F(AgentsTest, OneThatPretendsAnotherNameIsRefused) {
  const os::Path folder = enrolled("rack-1");
  (void)enrolled("rack-2");
  const grpc::Status status = say_hello(agents(folder), "rack-2");
  EXPECT_EQ(status.error_code(), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(words(status), "the agent calls itself `rack-2`, its certificate says `rack-1`");
  EXPECT_TRUE(say_hello(local(), "anything").error_code() == StatusCode::UNIMPLEMENTED)
      << "this server has no AgentLink on its socket";
}

TEST_F(AgentsTest, WithoutACertificateThereIsNoConnection) {
  const auto plain = rpc::user_credentials(authority_->certificate(), "").value();
  const auto channel = grpc::CreateChannel(target(agent_port_), plain);
  EXPECT_EQ(fetch(channel).error_code(), StatusCode::UNAVAILABLE);
  // With a token neither: it is a port for agents.
  const auto with = rpc::user_credentials(authority_->certificate(), token("admin")).value();
  EXPECT_EQ(fetch(grpc::CreateChannel(target(agent_port_), with)).error_code(),
            StatusCode::UNAVAILABLE);
}

TEST_F(AgentsTest, ACertificateOfAnotherAuthorityIsRefused) {
  const os::Path folder = enrolled("rack-1");
  const pki::Identity stranger =
      pki::test_agent(pki::test_ca(clock_.now(), "Test lab"), "rack-1", clock_.now());
  ASSERT_TRUE(pki::write_identity(folder / "agent.pem", stranger));
  EXPECT_EQ(fetch(agents(folder)).error_code(), StatusCode::UNAVAILABLE);
}

TEST_F(AgentsTest, TheServersOwnCertificateIsNoAgents) {
  const os::Path folder = enrolled("rack-1");
  ASSERT_TRUE(pki::write_identity(folder / "agent.pem",
                                  pki::read_identity(authority_->server_file()).value()));
  EXPECT_EQ(fetch(agents(folder)).error_code(), StatusCode::UNAVAILABLE);
}

TEST_F(AgentsTest, AnAgentCannotPlayTheServer) {
  const os::Path folder = enrolled("localhost");
  grpc::ServerBuilder builder;
  rpc::TlsFiles files = rpc::agent_files(folder);
  int port = 0;
  AccessService service(*desk_, *gate_);
  builder.AddListeningPort(
      "127.0.0.1:0",
      rpc::server_credentials(files, rpc::ClientCertificate::kOptional,
                              std::make_shared<Authenticator>(Port::kUsers, *gate_, *audit_)),
      &port);
  builder.RegisterService(&service);
  const auto server = builder.BuildAndStart();
  const auto with = rpc::user_credentials(authority_->certificate(), token("admin")).value();
  const auto channel = grpc::CreateChannel(fmt::format("localhost:{}", port), with);
  EXPECT_EQ(who_am_i(channel).status.error_code(), StatusCode::UNAVAILABLE);
  server->Shutdown(std::chrono::system_clock::now());
}

TEST_F(AgentsTest, AnAgentIsNoUser) {
  const os::Path folder = enrolled("rack-1");
  const Channel on_users_port =
      grpc::CreateChannel(target(user_port_), rpc::agent_credentials(rpc::agent_files(folder)));
  EXPECT_EQ(who_am_i(on_users_port).status.error_code(), StatusCode::UNAUTHENTICATED);
  const grpc::Status status = who_am_i(agents(folder)).status;
  EXPECT_EQ(status.error_code(), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(words(status), "Access.WhoAmI is not served here: this port is for agents");
}

TEST_F(AgentsTest, ARevokedOneIsOutAtOnceOnOpenAndNewConnections) {
  const os::Path folder = enrolled("rack-1");
  const os::Path other = enrolled("rack-2");
  const Channel channel = agents(folder);
  ASSERT_EQ(fetch(channel).error_code(), StatusCode::NOT_FOUND);
  revoked_.clear();
  v1::RevokeAgentRequest request;
  request.set_agent("rack-1");
  request.set_why("stolen");
  ASSERT_TRUE(desk_->revoke_agent(request, {Caller::Kind::kUser, "anna", access::Role::kAdmin}));
  EXPECT_THAT(revoked_, ElementsAre("rack-1")) << "its stream is to be ended";
  revoked_.clear();
  ASSERT_TRUE(desk_->tick());
  EXPECT_THAT(revoked_, Contains("rack-1")) << "also one that came in at that moment";
  revoked_.clear();
  ASSERT_TRUE(desk_->tick());
  EXPECT_THAT(revoked_, SizeIs(0));
  for (const Channel& each : {channel, agents(folder)}) {
    const grpc::Status status = fetch(each);
    EXPECT_EQ(status.error_code(), StatusCode::PERMISSION_DENIED);
    EXPECT_EQ(words(status), "the certificate of agent rack-1 was revoked");
  }
  const auto refused = audit("refused");
  ASSERT_THAT(refused, SizeIs(1));
  EXPECT_EQ(refused[0].who(), "agent:rack-1");
  EXPECT_EQ(fetch(agents(other)).error_code(), StatusCode::NOT_FOUND) << "others go on";
  EXPECT_EQ(fetch(agents(enrolled("rack-1"))).error_code(), StatusCode::NOT_FOUND)
      << "enrolled again it is welcome";
}

TEST_F(AgentsTest, AnExpiredCertificateIsRefusedOnAnOpenConnection) {
  const Channel channel = agents(enrolled("rack-1"));
  ASSERT_EQ(fetch(channel).error_code(), StatusCode::NOT_FOUND);
  clock_.advance(pki::kAgentLifetime + Millis(1000));
  EXPECT_EQ(words(fetch(channel)), "the certificate of agent rack-1 has expired");
}

TEST_F(AgentsTest, ALostAnswerIsGivenAgainAndToNobodyElse) {
  rpc::EnrolAsk first = ask(invitation("rack-1"));
  // The agent wrote its key, asked, and never saw the answer.
  const auto request = pki::make_request("rack-1");
  ASSERT_TRUE(os::make_dirs(first.folder));
  ASSERT_TRUE(pki::write_request(first.folder / "agent.pending.pem", *request));
  v1::EnrolRequest message;
  message.set_code(first.code);
  message.set_csr(request->csr);
  const auto lost = desk_->enrol(message, "ipv4:192.0.2.7:1");
  ASSERT_TRUE(lost) << render(lost.error());
  const auto again = rpc::enrol(first);
  ASSERT_TRUE(again) << render(again.error());
  EXPECT_EQ(again->fingerprint, pki::read_certificate(lost->certificate())->fingerprint);
  EXPECT_EQ(fetch(agents(first.folder)).error_code(), StatusCode::NOT_FOUND);
  first.folder = temp_.path() / "thief";
  const auto thief = rpc::enrol(first);
  ASSERT_FALSE(thief);
  EXPECT_EQ(thief.error().kind, ErrorKind::kPermission);
  EXPECT_THAT(thief.error().message, HasSubstr("the code for rack-1 was used on"));
}

TEST_F(AgentsTest, ACodeHasItsTimeAndItsTries) {
  rpc::EnrolAsk late = ask(invitation("rack-1"));
  clock_.advance(std::chrono::hours(2));
  EXPECT_THAT(rpc::enrol(late).error().message, HasSubstr("the code for rack-1 expired on"));

  const rpc::EnrolAsk good = ask(invitation("rack-2"));
  rpc::EnrolAsk wrong = good;
  wrong.code.back() = wrong.code.back() == '7' ? '8' : '7';
  for (int i = 0; i < access::kMaxCodeAttempts; ++i)
    EXPECT_EQ(rpc::enrol(wrong).error().message, "this lab does not know the code");
  EXPECT_EQ(rpc::enrol(good).error().message, "the code was typed wrongly too often and is void");
  EXPECT_FALSE(std::filesystem::exists(good.folder / "agent.pem"));
}

TEST_F(AgentsTest, GuessingIsSlowedDown) {
  rpc::EnrolAsk guess = ask(invitation("rack-1"));
  const std::string code = guess.code;
  guess.code = "0000-0000-0000-0000";
  for (int i = 0; i < Attempts::kOfOne; ++i) EXPECT_FALSE(rpc::enrol(guess));
  guess.code = code;
  EXPECT_EQ(rpc::enrol(guess).error().message, "too many wrong codes came in");
  clock_.advance(Attempts::kWindow);
  EXPECT_TRUE(rpc::enrol(guess));
}

TEST_F(AgentsTest, TheCodeOfOneNameIsNotForAnother) {
  rpc::EnrolAsk other = ask(invitation("rack-1"));
  other.agent = "rack-2";
  const auto refused = rpc::enrol(other);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "the signing request is of `rack-2`, not of `rack-1`");
  EXPECT_TRUE(rpc::enrol(ask(invitation("rack-1"))));
}

TEST_F(AgentsTest, GarbageAsARequestIsRefusedAndTheCodeStaysGood) {
  const auto invited = invitation("rack-1");
  for (const std::string& csr : {std::string(), std::string("hello"), std::string(1 << 20, 'A'),
                                 authority_->certificate()}) {
    v1::EnrolRequest message;
    message.set_code(invited.code());
    message.set_csr(csr);
    const auto refused = desk_->enrol(message, "ipv4:192.0.2.7:1");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::kBadInput);
  }
  EXPECT_TRUE(rpc::enrol(ask(invited)));
}

TEST_F(AgentsTest, AControllerOfAnotherLabIsNotAskedForAnything) {
  rpc::EnrolAsk wrong = ask(invitation("rack-1"));
  wrong.ca_fingerprint = std::string(64, 'a');
  const auto refused = rpc::enrol(wrong);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kPermission);
  EXPECT_THAT(refused.error().message, HasSubstr("does not belong to the lab"));
  EXPECT_THAT(audit(), SizeIs(0)) << "no code was sent";
}

TEST_F(AgentsTest, TheFingerprintMayBePastedAsToolsPrintIt) {
  const std::string plain = authority_->fingerprint().value();
  std::string printed = "sha256:";
  for (size_t i = 0; i < plain.size(); i += 2)
    printed += (i == 0 ? "" : ":") + std::string(1, static_cast<char>(std::toupper(plain[i]))) +
               plain[i + 1];
  const auto ca = pki::fetch_authority(target(user_port_), printed, Millis(10'000));
  ASSERT_TRUE(ca) << render(ca.error());
  EXPECT_EQ(*ca, authority_->certificate());
  EXPECT_EQ(pki::fetch_authority("127.0.0.1:1", plain, Millis(5000)).error().kind,
            ErrorKind::kInfrastructure);
  EXPECT_EQ(pki::fetch_authority(target(user_port_), "abc", Millis(5000)).error().kind,
            ErrorKind::kBadInput);
}

TEST_F(AgentsTest, AnAgentRenewsItsCertificateWhileItIsConnected) {
  const os::Path folder = enrolled("rack-1");
  const auto first = pki::read_certificate(pki::read_identity(folder / "agent.pem")->certificates);
  rpc::TlsFiles files = rpc::agent_files(folder);
  files.look_again_seconds = 1;
  const Channel channel = grpc::CreateChannel(target(agent_port_), rpc::agent_credentials(files));
  ASSERT_EQ(fetch(channel).error_code(), StatusCode::NOT_FOUND);
  EXPECT_FALSE(rpc::renew_when_due(channel, folder, clock_.now()).value());
  clock_.advance(70 * pki::kDay);
  const auto renewed = rpc::renew_when_due(channel, folder, clock_.now());
  ASSERT_TRUE(renewed) << render(renewed.error());
  EXPECT_TRUE(*renewed);
  const auto second = pki::read_certificate(pki::read_identity(folder / "agent.pem")->certificates);
  EXPECT_NE(second->fingerprint, first->fingerprint);
  EXPECT_NE(second->public_key, first->public_key);
  EXPECT_GT(second->not_after, first->not_after);
  EXPECT_EQ(second->name, "rack-1");
}

TEST_F(AgentsTest, TheServersNewCertificateIsServedWithoutARestart) {
  const auto shown = [&] {
    grpc::ClientContext context;
    rpc::set_deadline(context, Millis(10'000));
    v1::WhoAmIReply reply;
    const auto stub = v1::Access::NewStub(users(token("viewer")));
    EXPECT_TRUE(stub->WhoAmI(&context, {}, &reply).ok());
    const auto pem = context.auth_context()->FindPropertyValues("x509_pem_cert");
    return pki::read_certificate({pem.front().data(), pem.front().size()})->fingerprint;
  };
  const std::string first = shown();
  const Channel open = users(token("viewer"));
  ASSERT_TRUE(who_am_i(open).status.ok());
  ASSERT_EQ(desk_->tick().value(), "");
  ASSERT_TRUE(authority_->set_hosts({"127.0.0.1", "localhost"}, clock_.now()).value());
  std::string now = first;
  for (int i = 0; i < 100 && now == first; ++i) {
    std::this_thread::sleep_for(Millis(100));
    now = shown();
  }
  EXPECT_NE(now, first);
  EXPECT_TRUE(who_am_i(open).status.ok()) << "who was connected stays so";
  clock_.advance(300 * pki::kDay);
  EXPECT_EQ(desk_->tick().value(), "the server has a new certificate");
}

}  // namespace
}  // namespace kiln::controller
