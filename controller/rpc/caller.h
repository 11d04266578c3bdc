#pragma once
/// Who is at the other end of a call. Thread-safety: pure reads of a call's context.
#include <grpcpp/grpcpp.h>

#include <string>

#include "controller/access/gate.h"

namespace kiln::controller {

/// Where it came in: by a unix socket, by TLS, or from this process' own gateway. What is none of
/// them has no rights (kUsers, without token and certificate).
Port port_of(const grpc::ServerContextBase& context);
/// The caller of a call that was admitted; kNobody for Enrolment.Enrol.
Caller caller_of(const grpc::ServerContextBase& context, Gate& gate);
/// The address at the other end; of a call that the gateway handed on, the browser's.
std::string peer_of(const grpc::ServerContextBase& context);
/// Metadata of the gateway's calls: the browser's address.
inline constexpr const char* kPeerKey = "kiln-peer";
/// Whether the call would be admitted now; the refusal's words when not.
Status still_admitted(const grpc::ServerContextBase& context, const std::string& method,
                      Gate& gate);
/// The name in the verified client certificate; "" = none came (also by the data folder's socket).
std::string peer_name(const grpc::ServerContextBase& context);
/// An agent may only call itself what its certificate says; by the data folder's socket, anything.
grpc::Status check_agent(const grpc::ServerContextBase& context, const std::string& agent);

/// Both over a connection's properties, for the port's authenticator.
std::string certificate_of(const grpc::AuthContext& connection);
std::optional<std::string_view> authorization_of(
    const std::multimap<grpc::string_ref, grpc::string_ref>& metadata);

}  // namespace kiln::controller
