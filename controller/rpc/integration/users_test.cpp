/// Users at the lab's port: tokens and roles, over real TLS.
#include <thread>

#include "controller/rpc/integration/lab_fixture.h"
#include "kiln/v1/access.grpc.pb.h"
#include "lib/os/files.h"

namespace kiln::controller {
namespace {

using grpc::StatusCode;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

class UsersTest : public LabFixture {};

TEST_F(UsersTest, ARightTokenComesInWithItsRole) {
  const Answer answer = who_am_i(users(token("keeper")));
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.reply.user(), "anna");
  EXPECT_EQ(answer.reply.role(), "keeper");
  EXPECT_TRUE(answer.reply.has_expires());
  EXPECT_TRUE(make_token(users(token("admin"))).ok());
}

TEST_F(UsersTest, NoTokenAndWrongOnesAreRefusedInWords) {
  const std::string good = token("admin");
  std::string wrong = good;
  wrong.back() = wrong.back() == 'a' ? 'b' : 'a';
  const grpc::Status none = who_am_i(users("")).status;
  EXPECT_EQ(none.error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(words(none), "Access.WhoAmI needs the role viewer, and no token came with the call");
  for (const std::string& text :
       {wrong, std::string("x"), std::string("kiln_"), good.substr(0, 60), good + "a"}) {
    const grpc::Status status = make_token(users(text));
    EXPECT_EQ(status.error_code(), StatusCode::UNAUTHENTICATED) << text;
    EXPECT_EQ(words(status), "this lab does not know the token");
  }
  const Error error = rpc::from_grpc(none, "asking");
  EXPECT_EQ(error.kind, ErrorKind::kPermission);
  EXPECT_EQ(error.hint, "an admin of the lab makes tokens: kiln token add");
  EXPECT_TRUE(make_token(users(good)).ok()) << "others are not disturbed";
}

TEST_F(UsersTest, TooLowARoleIsNamedWithTheOneNeeded) {
  const grpc::Status status = make_token(users(token("submitter")));
  EXPECT_EQ(status.error_code(), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(words(status), "Access.CreateToken needs the role admin, anna has submitter");
  const auto refused = audit("refused");
  ASSERT_THAT(refused, SizeIs(1));
  EXPECT_EQ(refused[0].who(), "anna");
  EXPECT_EQ(refused[0].role(), "submitter");
  EXPECT_EQ(refused[0].method(), "Access.CreateToken");
  EXPECT_EQ(refused[0].detail(), "Access.CreateToken needs the role admin, anna has submitter");
}

TEST_F(UsersTest, AnExpiredTokenIsRefusedOnAnOpenConnection) {
  const Channel channel = users(token("viewer", 60));
  ASSERT_TRUE(who_am_i(channel).status.ok());
  clock_.advance(Millis(61'000));
  const grpc::Status status = who_am_i(channel).status;
  EXPECT_EQ(status.error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_THAT(words(status), AllOf(HasSubstr("of anna expired on"), HasSubstr("UTC")));
}

TEST_F(UsersTest, ARevokedTokenIsRefusedAtOnce) {
  const std::string secret = token("viewer");
  const Channel channel = users(secret);
  const Answer before = who_am_i(channel);
  ASSERT_TRUE(before.status.ok());
  grpc::ClientContext context;
  rpc::set_deadline(context, Millis(10'000));
  v1::RevokeTokenRequest request;
  request.set_id(before.reply.token_id());
  v1::RevokeTokenReply reply;
  const grpc::Status revoked =
      v1::Access::NewStub(users(token("admin")))->RevokeToken(&context, request, &reply);
  ASSERT_TRUE(revoked.ok()) << revoked.error_message();
  EXPECT_EQ(reply.token().state(), "revoked");
  EXPECT_EQ(reply.token().revoked_by(), "anna");
  const grpc::Status status = who_am_i(channel).status;
  EXPECT_EQ(status.error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_THAT(words(status), HasSubstr("was revoked on"));
}

TEST_F(UsersTest, AServerOfAnotherAuthorityIsNotTalkedTo) {
  const std::string secret = token("admin");
  const pki::Identity other = pki::test_ca(clock_.now());
  const grpc::Status status = make_token(users(secret, other.certificates));
  EXPECT_EQ(status.error_code(), StatusCode::UNAVAILABLE) << status.error_message();
  EXPECT_THAT(audit(), SizeIs(0)) << "the token was not even sent";
  EXPECT_FALSE(rpc::user_credentials("", secret)) << "the world's authorities are not the lab's";
}

TEST_F(UsersTest, WithoutTlsNothingIsServed) {
  const std::string secret = token("admin");
  grpc::ClientContext context;
  rpc::set_deadline(context, Millis(3000));
  context.AddMetadata("authorization", "Bearer " + secret);
  v1::WhoAmIReply reply;
  const auto channel = grpc::CreateChannel(target(user_port_), grpc::InsecureChannelCredentials());
  const grpc::Status status = v1::Access::NewStub(channel)->WhoAmI(&context, {}, &reply);
  EXPECT_THAT(status.error_code(),
              ::testing::AnyOf(StatusCode::UNAVAILABLE, StatusCode::DEADLINE_EXCEEDED));
  EXPECT_EQ(reply.user(), "");
  EXPECT_TRUE(who_am_i(users(secret)).status.ok());
}

TEST_F(UsersTest, ByTheSocketOfTheDataFolderOneIsTheLocalAdmin) {
  const Answer answer = who_am_i(local());
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.reply.user(), "local");
  EXPECT_EQ(answer.reply.role(), "admin");
  EXPECT_TRUE(make_token(local()).ok());
  EXPECT_EQ(audit("done").at(0).who(), "local");
  // A token makes nobody less, or somebody else, there.
  grpc::ClientContext context;
  rpc::set_deadline(context, Millis(10'000));
  context.AddMetadata("authorization", "Bearer " + token("viewer"));
  v1::WhoAmIReply reply;
  ASSERT_TRUE(v1::Access::NewStub(local())->WhoAmI(&context, {}, &reply).ok());
  EXPECT_EQ(reply.user(), "local");
}

TEST_F(UsersTest, TwoUsersOnOneConnectionStayApart) {
  const std::string high = token("admin");
  const std::string low = token("viewer");
  const Channel channel = users("");
  const auto stub = v1::Access::NewStub(channel);
  std::atomic<int> wrong{0};
  const auto work = [&](const std::string& secret, const std::string& role) {
    for (int i = 0; i < 100; ++i) {
      grpc::ClientContext context;
      rpc::set_deadline(context, Millis(20'000));
      context.AddMetadata("authorization", "Bearer " + secret);
      v1::WhoAmIReply reply;
      if (!stub->WhoAmI(&context, {}, &reply).ok() || reply.role() != role) ++wrong;
    }
  };
  {
    const std::jthread one(work, high, "admin");
    const std::jthread two(work, low, "viewer");
    const std::jthread three(work, high, "admin");
  }
  EXPECT_EQ(wrong, 0);
}

TEST_F(UsersTest, TwoTokensInOneCallAreNone) {
  grpc::ClientContext context;
  rpc::set_deadline(context, Millis(10'000));
  context.AddMetadata("authorization", "Bearer " + token("admin"));
  context.AddMetadata("authorization", "Bearer " + token("viewer"));
  v1::WhoAmIReply reply;
  const grpc::Status status = v1::Access::NewStub(users(""))->WhoAmI(&context, {}, &reply);
  EXPECT_EQ(status.error_code(), StatusCode::UNAUTHENTICATED);
}

TEST_F(UsersTest, ChangingCallsAreInTheAuditWithTheirOutcome) {
  const Channel channel = users(token("admin"));
  ASSERT_TRUE(make_token(channel).ok());
  EXPECT_EQ(make_token(channel, std::string(300, 'x')).error_code(), StatusCode::INVALID_ARGUMENT);
  ASSERT_TRUE(who_am_i(channel).status.ok());
  const auto entries = audit();
  ASSERT_THAT(entries, SizeIs(2)) << "looking is not in it";
  EXPECT_EQ(entries[1].outcome(), "done");
  EXPECT_EQ(entries[1].who(), "anna");
  EXPECT_EQ(entries[1].role(), "admin");
  EXPECT_EQ(entries[1].method(), "Access.CreateToken");
  EXPECT_EQ(entries[1].target(), "user bob, role viewer");
  EXPECT_THAT(entries[1].peer(), HasSubstr("127.0.0.1"));
  EXPECT_EQ(entries[0].outcome(), "failed");
  EXPECT_EQ(entries[0].detail(), "a note has at most 200 bytes of text");
}

TEST_F(UsersTest, RefusalsAreLoggedOnceAndCounted) {
  const Channel channel = users(token("viewer"));
  for (int i = 0; i < 50; ++i) (void)make_token(channel);
  EXPECT_THAT(audit("refused"), SizeIs(1));
  EXPECT_THAT(log_lines(), SizeIs(1));
  clock_.advance(Millis(61'000));
  EXPECT_EQ(make_token(channel).error_code(), StatusCode::PERMISSION_DENIED);
  const auto refused = audit("refused");
  ASSERT_THAT(refused, SizeIs(2));
  EXPECT_GE(refused[0].times(), 49);
  EXPECT_EQ(refused[1].times(), 1);
}

TEST_F(UsersTest, NoSecretIsInTheDatabaseOrTheLog) {
  const std::string secret = token("viewer");
  const std::string hidden = secret.substr(14);
  (void)make_token(users(secret));
  (void)make_token(users(secret + "x"));
  grpc::ClientContext context;
  rpc::set_deadline(context, Millis(10'000));
  v1::RevokeTokenRequest request;
  request.set_id("my token is " + secret);
  v1::RevokeTokenReply reply;
  (void)v1::Access::NewStub(users(token("admin")))->RevokeToken(&context, request, &reply);
  const auto invited = invitation("rack-1");
  std::string all;
  for (const std::string& line : log_lines()) all += line;
  for (const v1::AuditEntry& entry : audit()) all += entry.DebugString();
  const auto files = os::list_files(temp_.path()).value();
  for (const auto& path : files)
    if (path.string().starts_with("kiln.db")) all += os::read_file(temp_.path() / path).value();
  EXPECT_GT(all.size(), 1000U);
  EXPECT_EQ(all.find(hidden), std::string::npos);
  EXPECT_EQ(all.find(invited.code().substr(5)), std::string::npos);
}

TEST_F(UsersTest, AMethodThatIsNotThereIsNamed) {
  const grpc::Status status = call(users(token("admin")), "/kiln.v1.Access/Nothing", "");
  EXPECT_EQ(status.error_code(), StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(words(status), "this controller has no Access.Nothing");
}

}  // namespace
}  // namespace kiln::controller
