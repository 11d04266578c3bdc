#pragma once
/// Errors over the wire and back, and how channels and servers are set up. Thread-safety: pure
/// functions.
#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "kiln/v1/error.pb.h"
#include "lib/base/result.h"

namespace kiln::rpc {

/// The whole Error travels in the status' details, so that the other side shows it as it was.
grpc::Status to_grpc(const Error& error);
/// An error of the wire itself (no server, deadline) gets words for people: `doing` names the call.
Error from_grpc(const grpc::Status& status, const std::string& doing);

v1::ErrorDetail to_proto(const Error& error);

/// Keepalive on both sides (libraries.md: client 20 s, server accepts that).
std::shared_ptr<grpc::Channel> make_channel(const std::string& target);
/// With TLS (lib/rpc/credentials.h).
std::shared_ptr<grpc::Channel> make_channel(
    const std::string& target, const std::shared_ptr<grpc::ChannelCredentials>& credentials);
void configure(grpc::ServerBuilder& builder);

/// A context with a deadline from now; every unary call has one.
void set_deadline(grpc::ClientContext& context, std::chrono::milliseconds timeout);

}  // namespace kiln::rpc
