#pragma once
/// How a call fails, in the words of Connect. Thread-safety: pure functions.
#include <string>
#include <string_view>
#include <vector>

namespace kiln::connect {

/// With the numbers of gRPC's codes.
enum class Code {
  kCanceled = 1,
  kUnknown,
  kInvalidArgument,
  kDeadlineExceeded,
  kNotFound,
  kAlreadyExists,
  kPermissionDenied,
  kResourceExhausted,
  kFailedPrecondition,
  kAborted,
  kOutOfRange,
  kUnimplemented,
  kInternal,
  kUnavailable,
  kDataLoss,
  kUnauthenticated,
};
/// kUnknown for what is none.
Code code_of(int grpc_code);
std::string_view word_of(Code code);  ///< "not_found"
int http_status(Code code);

/// A message that says more.
struct Detail {
  std::string type;    ///< "kiln.v1.ErrorDetail"
  std::string bytes;   ///< binary
  std::string json{};  ///< the same for people, "" = none
};
struct Failure {
  Code code = Code::kUnknown;
  std::string message{};
  std::vector<Detail> details{};
};
/// {"code":"not_found","message":"...","details":[...]}
std::string to_json(const Failure& failure);

}  // namespace kiln::connect
