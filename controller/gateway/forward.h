#pragma once
/// Hands calls of browsers on to the services of this process, whatever they are: each method is
/// declared once, in proto/. Never waits. Safe for concurrent use.
#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "lib/connect/connect.h"
#include "lib/http/server.h"

namespace kiln::controller {

/// In whose name a call is made.
struct OnBehalfOf {
  std::string authorization;  ///< "" = nobody's
  std::string peer;           ///< the browser's address, for the audit
};

/// `channel` leads to the services.
void forward(const std::shared_ptr<grpc::Channel>& channel, connect::Call call,
             const OnBehalfOf& who, http::AnswerPtr answer);

/// Answers with a failure, in the form that the call asks for.
void refuse(const connect::Failure& failure, bool stream, http::Answer& answer);
/// The error with all that it says.
connect::Failure failure_of(connect::Code code, const Error& error);

}  // namespace kiln::controller
