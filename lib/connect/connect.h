#pragma once
/// The Connect protocol with JSON, as browsers speak it to kiln.v1: requests and answers as plain
/// text and bytes. docs/decisions/0011-the-dashboards-gateway.md has the wire's form.
/// Thread-safety: pure functions.
#include <google/protobuf/descriptor.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/connect/code.h"

namespace kiln::connect {

/// Longest message that a browser may send.
inline constexpr size_t kMostBytes = 1 << 20;

/// What came, as the HTTP server has it; "" = the header did not come.
struct Incoming {
  std::string_view http_method;  ///< "POST"
  std::string_view path;         ///< "/kiln.v1.Lab/GetReport"
  std::string_view query;
  std::string_view content_type;
  std::string_view version;  ///< Connect-Protocol-Version
  std::string_view timeout;  ///< Connect-Timeout-Ms
  std::string_view body;
};

/// A call that is understood.
struct Call {
  const google::protobuf::MethodDescriptor* method = nullptr;
  std::string request;  ///< the message, binary
  bool stream = false;  ///< it is answered in envelopes
  std::optional<Millis> timeout{};
};

/// How a request that is no call is answered: by HTTP alone (405, 415), or by `failure`.
struct Refusal {
  int http_status = 400;
  std::optional<Failure> failure{};
  bool stream = false;  ///< the failure goes into an envelope, under 200
};

tl::expected<Call, Refusal> understand(const Incoming& incoming);

/// The message as JSON in lowerCamelCase. kInternal when the bytes are no such message.
Result<std::string> to_json(const google::protobuf::Descriptor& type, const std::string& bytes);
/// kBadInput; unknown fields are left out.
Result<std::string> from_json(const google::protobuf::Descriptor& type, std::string_view json);

inline constexpr const char* kUnaryType = "application/json";
inline constexpr const char* kStreamType = "application/connect+json";

/// One message of a stream.
std::string envelope(std::string_view json);
/// The last of a stream.
std::string end_envelope(const std::optional<Failure>& failure);
/// The one message in a request's body. kBadInput: torn, more than one, compressed.
Result<std::string_view> open_envelope(std::string_view body);

}  // namespace kiln::connect
