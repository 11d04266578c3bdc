#include "controller/rpc/authenticator.h"

#include <fmt/format.h>
#include <google/protobuf/message.h>

#include "controller/rpc/caller.h"
#include "lib/access/role.h"
#include "lib/base/text.h"

namespace kiln::controller {
namespace {

namespace pb = google::protobuf;

grpc::StatusCode code_of(Decision::Answer answer) {
  switch (answer) {
    case Decision::Answer::kAdmit:
      return grpc::StatusCode::OK;
    case Decision::Answer::kUnknownMethod:
      return grpc::StatusCode::UNIMPLEMENTED;
    case Decision::Answer::kUnauthenticated:
      return grpc::StatusCode::UNAUTHENTICATED;
    case Decision::Answer::kDenied:
      break;
  }
  return grpc::StatusCode::PERMISSION_DENIED;
}

std::string_view value_of(const grpc::AuthMetadataProcessor::InputMetadata& metadata,
                          const char* key) {
  const auto found = metadata.find(key);
  return found == metadata.end() ? std::string_view()
                                 : std::string_view(found->second.data(), found->second.size());
}

/// What a request is about, from the few fields that name things: "run_id 412". Others may be
/// long, or secret.
std::string target_of(const pb::Message& request) {
  std::string words;
  for (const char* name : {"run_id", "session_id", "id", "agent", "machine", "user", "role", "name",
                           "finding", "schedule", "remove"}) {
    const pb::FieldDescriptor* field = request.GetDescriptor()->FindFieldByName(name);
    if (field == nullptr || field->is_repeated()) continue;
    const pb::Reflection& reflection = *request.GetReflection();
    std::string value;
    if (field->cpp_type() == pb::FieldDescriptor::CPPTYPE_STRING) {
      value = reflection.GetString(request, field).substr(0, 100);
    } else if (field->cpp_type() == pb::FieldDescriptor::CPPTYPE_INT64) {
      const int64_t number = reflection.GetInt64(request, field);
      if (number != 0) value = fmt::to_string(number);
    } else if (field->cpp_type() == pb::FieldDescriptor::CPPTYPE_BOOL) {
      if (reflection.GetBool(request, field)) value = "yes";
    }
    if (value.empty()) continue;
    words += fmt::format("{}{} {}", words.empty() ? "" : ", ", name, to_valid_utf8(value));
  }
  return words;
}

/// Of one changing call; gRPC owns it.
class OneCall final : public grpc::experimental::Interceptor {
 public:
  OneCall(grpc::experimental::ServerRpcInfo* info, Gate& gate, AuditLog& audit)
      : info_(info), gate_(gate), audit_(audit) {}

  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    using Hook = grpc::experimental::InterceptionHookPoints;
    if (methods->QueryInterceptionHookPoint(Hook::POST_RECV_MESSAGE)) {
      // All requests of kiln.v1 are generated messages.
      const auto* request = static_cast<const pb::Message*>(methods->GetRecvMessage());
      if (request != nullptr && target_.empty()) target_ = target_of(*request);
    }
    if (methods->QueryInterceptionHookPoint(Hook::PRE_SEND_STATUS))
      record(methods->GetSendStatus());
    methods->Proceed();
  }

 private:
  void record(const grpc::Status& status) {
    const Caller caller = caller_of(*info_->server_context(), gate_);
    access::AuditEntry entry;
    entry.who = caller.who();
    entry.role = caller.role_word();
    entry.method = access::short_name(info_->method());
    entry.target = target_;
    entry.peer = peer_of(*info_->server_context());
    entry.outcome = "done";
    if (status.ok()) return audit_.record(std::move(entry));
    entry.detail = status.error_message();
    if (status.error_code() == grpc::StatusCode::PERMISSION_DENIED ||
        status.error_code() == grpc::StatusCode::UNAUTHENTICATED)
      return audit_.refused(std::move(entry));
    entry.outcome = "failed";
    audit_.record(std::move(entry));
  }

  grpc::experimental::ServerRpcInfo* info_;
  Gate& gate_;
  AuditLog& audit_;
  std::string target_;
};

}  // namespace

grpc::Status Authenticator::Process(const InputMetadata& metadata, grpc::AuthContext* connection,
                                    OutputMetadata* /*consumed*/, OutputMetadata* /*response*/) {
  // The connection's properties are shared by all its calls: nothing of one call is put there, and
  // caller_of() looks at the call again.
  const std::string certificate = certificate_of(*connection);
  CallFacts facts;
  facts.port = port_;
  facts.method = value_of(metadata, ":path");
  facts.authorization = authorization_of(metadata);
  facts.certificate = certificate;
  const Decision decision = gate_.decide(facts);
  if (decision.answer == Decision::Answer::kAdmit) {
    if (!decision.caller.token_id.empty()) audit_.used(decision.caller.token_id);
    return grpc::Status::OK;
  }
  access::AuditEntry entry;
  entry.who = decision.caller.who();
  entry.role = decision.caller.role_word();
  // A method that is not there can have any name: all of them are one.
  entry.method =
      decision.answer == Decision::Answer::kUnknownMethod ? "?" : access::short_name(facts.method);
  entry.detail =
      decision.answer == Decision::Answer::kUnknownMethod ? "no such method" : decision.why.message;
  audit_.refused(std::move(entry));
  // A port's guard cannot send details: the hint is the message's second line (rpc::from_grpc).
  return {code_of(decision.answer), decision.why.hint.empty()
                                        ? decision.why.message
                                        : decision.why.message + "\n" + decision.why.hint};
}

grpc::experimental::Interceptor* CallAudit::CreateServerInterceptor(
    grpc::experimental::ServerRpcInfo* info) {
  const access::MethodRule* rule = access::rule_of(info->method());
  if (rule == nullptr || !rule->changes) return nullptr;
  return new OneCall(info, gate_, audit_);
}

void guard(
    grpc::ServerBuilder& builder, Gate& gate, AuditLog& audit,
    std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> further) {
  rpc::harden(builder);
  further.push_back(std::make_unique<CallAudit>(gate, audit));
  builder.experimental().SetInterceptorCreators(std::move(further));
}

void add_port(grpc::ServerBuilder& builder, const std::string& address, Port port,
              const rpc::TlsFiles& files, Gate& gate, AuditLog& audit, int* bound) {
  const auto client =
      port == Port::kAgents ? rpc::ClientCertificate::kRequired : rpc::ClientCertificate::kOptional;
  builder.AddListeningPort(
      address,
      rpc::server_credentials(files, client, std::make_shared<Authenticator>(port, gate, audit)),
      bound);
}

}  // namespace kiln::controller
