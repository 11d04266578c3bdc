#pragma once
/// How a service answers, and who asks.
#include <grpcpp/grpcpp.h>

#include <functional>
#include <string>

#include "lib/rpc/status.h"

namespace kiln::controller {

/// Moves the value into the reply, or maps the error.
template <typename T>
grpc::Status answer(Result<T> result, T* reply) {
  if (!result) return rpc::to_grpc(result.error());
  *reply = std::move(*result);
  return grpc::Status::OK;
}

/// The name of the user behind a call, for runs and holds.
using UserOf = std::function<std::string(const grpc::ServerContextBase&)>;
/// Whether the caller of a call that is still open would be let in to it now.
using StillIn = std::function<Status(const grpc::ServerContextBase&, const std::string& method)>;
/// Whether that user may keep machines: what others hold, too.
using MayKeep = std::function<bool(const grpc::ServerContextBase&)>;

}  // namespace kiln::controller
