#include "controller/rpc/caller.h"

#include <fmt/format.h>
#include <grpc/grpc_security_constants.h>

#include "lib/base/text.h"
#include "lib/rpc/status.h"

namespace kiln::controller {
namespace {

std::string_view view(grpc::string_ref text) {
  return {text.data(), text.size()};
}

/// The one value of a property; "" = none.
std::string property(const grpc::AuthContext& connection, const char* name) {
  const auto values = connection.FindPropertyValues(name);
  return values.empty() ? "" : std::string(view(values.front()));
}

bool is_tls(const grpc::ServerContextBase& context) {
  const auto connection = context.auth_context();
  if (connection == nullptr) return false;
  const std::string type = property(*connection, GRPC_TRANSPORT_SECURITY_TYPE_PROPERTY_NAME);
  return type == GRPC_TLS_TRANSPORT_SECURITY_TYPE || type == GRPC_SSL_TRANSPORT_SECURITY_TYPE;
}

}  // namespace

std::string certificate_of(const grpc::AuthContext& connection) {
  return property(connection, GRPC_X509_PEM_CERT_PROPERTY_NAME);
}

std::optional<std::string_view> authorization_of(
    const std::multimap<grpc::string_ref, grpc::string_ref>& metadata) {
  const auto [first, last] = metadata.equal_range("authorization");
  if (first == last) return std::nullopt;
  // Two of them are one too many: neither counts.
  return std::next(first) == last ? view(first->second) : std::string_view();
}

Port port_of(const grpc::ServerContextBase& context) {
  const std::string peer = context.peer();
  if (is_tls(context)) return Port::kUsers;
  // Only the gateway has a channel within the process, and only such a one has no address.
  if (peer == "unknown" || peer.starts_with("inproc")) return Port::kDashboard;
  return peer.starts_with("unix:") ? Port::kLocal : Port::kUsers;
}

namespace {

/// What the call brought; `certificate` keeps what the facts refer to. Nothing of a port that is
/// neither TLS nor the socket.
CallFacts facts_of(const grpc::ServerContextBase& context, std::string* certificate) {
  CallFacts facts;
  facts.port = port_of(context);
  if (facts.port == Port::kDashboard) {
    facts.authorization = authorization_of(context.client_metadata());
    return facts;
  }
  if (facts.port == Port::kLocal || !is_tls(context)) return facts;
  *certificate = certificate_of(*context.auth_context());
  facts.authorization = authorization_of(context.client_metadata());
  facts.certificate = *certificate;
  return facts;
}

}  // namespace

Caller caller_of(const grpc::ServerContextBase& context, Gate& gate) {
  std::string certificate;
  return gate.identify(facts_of(context, &certificate));
}

std::string peer_of(const grpc::ServerContextBase& context) {
  if (port_of(context) == Port::kDashboard) {
    const auto found = context.client_metadata().find(kPeerKey);
    if (found != context.client_metadata().end()) return std::string(view(found->second));
  }
  return context.peer();
}

Status still_admitted(const grpc::ServerContextBase& context, const std::string& method,
                      Gate& gate) {
  std::string certificate;
  CallFacts facts = facts_of(context, &certificate);
  facts.method = method;
  Decision decision = gate.decide(facts);
  if (decision.answer == Decision::Answer::kAdmit) return {};
  return fail(std::move(decision.why));
}

std::string peer_name(const grpc::ServerContextBase& context) {
  if (!is_tls(context)) return "";
  return property(*context.auth_context(), GRPC_X509_CN_PROPERTY_NAME);
}

grpc::Status check_agent(const grpc::ServerContextBase& context, const std::string& agent) {
  if (port_of(context) == Port::kLocal) return grpc::Status::OK;
  const std::string name = peer_name(context);
  if (!name.empty() && name == agent) return grpc::Status::OK;
  return rpc::to_grpc(Error(ErrorKind::kPermission,
                            fmt::format("the agent calls itself `{}`, its certificate says `{}`",
                                        to_valid_utf8(agent.substr(0, 80)), to_valid_utf8(name))));
}

}  // namespace kiln::controller
