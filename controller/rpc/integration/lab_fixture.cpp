#include "controller/rpc/integration/lab_fixture.h"

#include <grpcpp/generic/generic_stub.h>

#include "kiln/v1/access.grpc.pb.h"
#include "lib/rpc/protocol.h"

namespace kiln::controller {
namespace {

constexpr Millis kDeadline{10'000};

/// Without the pool of connections that gRPC shares between equal channels.
std::shared_ptr<grpc::Channel> own_channel(const std::string& target,
                                           const std::shared_ptr<grpc::ChannelCredentials>& with) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(target, with, arguments);
}

const Caller kLocal{Caller::Kind::kLocal, "local", access::Role::kAdmin};

}  // namespace

void LabFixture::SetUp() {
  const os::Path folder = temp_.path() / "pki";
  ASSERT_TRUE(pki::Authority::create(folder, "Test lab", {"localhost", "127.0.0.1"}, clock_.now()));
  authority_.emplace(std::move(*pki::Authority::open(folder)));
  database_.emplace(std::move(*db::Database::open(temp_.path() / "kiln.db")));
  audit_.emplace(*database_, clock_, [this](const std::string& line) {
    const std::lock_guard lock(log_mutex_);
    log_.push_back(line);
  });
  gate_.emplace(clock_);
  desk_.emplace(AccessParts{clock_, *database_, *authority_, *gate_, *audit_,
                            [this](const std::string& agent) { revoked_.push_back(agent); }});
  ASSERT_TRUE(desk_->start());
  blobs_.emplace(std::move(*blob::BlobStore::open(temp_.path() / "blobs")));
  serve();
}

void LabFixture::serve() {
  access_ = std::make_unique<AccessService>(*desk_, *gate_);
  enrolment_ = std::make_unique<EnrolmentService>(*desk_, *gate_);
  link_ = std::make_unique<AgentLinkService>(fleet_, *blobs_, temp_.path() / "arriving");
  const rpc::TlsFiles files{authority_->server_file().string(), authority_->ca_file().string(), 1};
  grpc::ServerBuilder users;
  rpc::configure(users);
  guard(users, *gate_, *audit_);
  add_port(users, "127.0.0.1:0", Port::kUsers, files, *gate_, *audit_, &user_port_);
  users.AddListeningPort("unix:" + (temp_.path() / "lab.sock").string(),
                         grpc::InsecureServerCredentials());
  users.RegisterService(access_.get());
  users.RegisterService(enrolment_.get());
  add_services(users);
  user_server_ = users.BuildAndStart();
  grpc::ServerBuilder agents;
  rpc::configure(agents);
  guard(agents, *gate_, *audit_);
  add_port(agents, "127.0.0.1:0", Port::kAgents, files, *gate_, *audit_, &agent_port_);
  agents.RegisterService(enrolment_.get());
  agents.RegisterService(link_.get());
  agent_server_ = agents.BuildAndStart();
  ASSERT_TRUE(user_server_ && agent_server_);
  ASSERT_GT(user_port_, 0);
  ASSERT_GT(agent_port_, 0);
}

void LabFixture::TearDown() {
  for (auto* server : {&user_server_, &agent_server_}) {
    if (!*server) continue;
    (*server)->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
    (*server)->Wait();
    server->reset();
  }
  audit_.reset();  // it logs to its end
}

LabFixture::Channel LabFixture::users(const std::string& token, const std::string& ca) const {
  auto with = rpc::user_credentials(ca.empty() ? authority_->certificate() : ca, token);
  EXPECT_TRUE(with);
  return own_channel(target(user_port_), with.value());
}

LabFixture::Channel LabFixture::agents(const os::Path& folder) const {
  return own_channel(target(agent_port_), rpc::agent_credentials(rpc::agent_files(folder)));
}

LabFixture::Channel LabFixture::local() const {
  return own_channel("unix:" + (temp_.path() / "lab.sock").string(),
                     grpc::InsecureChannelCredentials());
}

std::string LabFixture::token(const std::string& role, double seconds) {
  v1::CreateTokenRequest request;
  request.set_user("anna");
  request.set_role(role);
  request.set_lifetime_seconds(seconds);
  const auto reply = desk_->create_token(request, kLocal);
  EXPECT_TRUE(reply) << render(reply.error());
  return reply ? reply->token() : "";
}

v1::CreateEnrolmentReply LabFixture::invitation(const std::string& agent) {
  v1::CreateEnrolmentRequest request;
  request.set_agent(agent);
  auto reply = desk_->create_enrolment(request, kLocal);
  EXPECT_TRUE(reply) << render(reply.error());
  return reply.value_or(v1::CreateEnrolmentReply());
}

rpc::EnrolAsk LabFixture::ask(const v1::CreateEnrolmentReply& invitation) const {
  rpc::EnrolAsk ask;
  ask.target = target(user_port_);
  ask.code = invitation.code();
  ask.agent = invitation.stored().agent();
  ask.ca_fingerprint = invitation.ca_fingerprint();
  ask.folder = temp_.path() / ask.agent;
  return ask;
}

os::Path LabFixture::enrolled(const std::string& agent) {
  const rpc::EnrolAsk with = ask(invitation(agent));
  const auto facts = rpc::enrol(with);
  EXPECT_TRUE(facts) << render(facts.error());
  return with.folder;
}

std::vector<v1::AuditEntry> LabFixture::audit(const std::string& outcome) {
  v1::ListAuditRequest request;
  request.set_outcome(outcome);
  request.set_limit(1000);
  const auto reply = desk_->list_audit(request);
  EXPECT_TRUE(reply) << render(reply.error());
  return {reply->entries().begin(), reply->entries().end()};
}

std::vector<std::string> LabFixture::log_lines() {
  audit_->flush();
  const std::lock_guard lock(log_mutex_);
  return log_;
}

Answer who_am_i(const std::shared_ptr<grpc::Channel>& channel) {
  grpc::ClientContext context;
  rpc::set_deadline(context, kDeadline);
  Answer answer;
  answer.status = v1::Access::NewStub(channel)->WhoAmI(&context, {}, &answer.reply);
  return answer;
}

std::string words(const grpc::Status& status) {
  return status.error_message().substr(0, status.error_message().find('\n'));
}

grpc::Status make_token(const std::shared_ptr<grpc::Channel>& channel, const std::string& note) {
  grpc::ClientContext context;
  rpc::set_deadline(context, kDeadline);
  v1::CreateTokenRequest request;
  request.set_user("bob");
  request.set_role("viewer");
  request.set_note(note);
  v1::CreateTokenReply reply;
  return v1::Access::NewStub(channel)->CreateToken(&context, request, &reply);
}

grpc::Status fetch(const std::shared_ptr<grpc::Channel>& channel) {
  grpc::ClientContext context;
  rpc::set_deadline(context, kDeadline);
  v1::FetchArtifactRequest request;
  request.set_digest(std::string(64, 'a'));
  const auto stub = v1::AgentLink::NewStub(channel);
  const auto reader = stub->FetchArtifact(&context, request);
  v1::Chunk chunk;
  while (reader->Read(&chunk)) continue;
  return reader->Finish();
}

grpc::Status call(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                  const std::string& bytes) {
  grpc::ClientContext context;
  rpc::set_deadline(context, kDeadline);
  grpc::GenericStub stub(channel);
  const grpc::Slice slice(bytes);
  grpc::ByteBuffer answer;
  grpc::Status status;
  grpc::CompletionQueue queue;
  const auto reader = stub.PrepareUnaryCall(&context, method, grpc::ByteBuffer(&slice, 1), &queue);
  reader->StartCall();
  reader->Finish(&answer, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  return status;
}

grpc::Status say_hello(const std::shared_ptr<grpc::Channel>& channel, const std::string& agent) {
  grpc::ClientContext context;
  rpc::set_deadline(context, kDeadline);
  const auto stub = v1::AgentLink::NewStub(channel);
  const auto stream = stub->Connect(&context);
  v1::FromAgent hello;
  hello.mutable_hello()->set_agent(agent);
  hello.mutable_hello()->set_protocol(rpc::kAgentProtocol);
  stream->Write(hello);
  v1::ToAgent answer;
  if (stream->Read(&answer) && answer.has_welcome()) {
    context.TryCancel();
    (void)stream->Finish();
    return grpc::Status::OK;
  }
  return stream->Finish();
}

}  // namespace kiln::controller
