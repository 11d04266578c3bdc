#include "lib/connect/connect.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/message.h>
#include <google/protobuf/stubs/strutil.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <memory>

#include "lib/base/number.h"
#include "lib/base/text.h"
#include "lib/http/fields.h"

namespace kiln::connect {
namespace {

namespace pb = google::protobuf;

constexpr size_t kHead = 5;  ///< of an envelope: flags, and the length in 4 bytes
constexpr uint8_t kEnd = 2;

std::string sealed(uint8_t flags, std::string_view payload) {
  std::string out;
  out.reserve(kHead + payload.size());
  out += static_cast<char>(flags);
  for (int shift = 24; shift >= 0; shift -= 8)
    out += static_cast<char>((payload.size() >> static_cast<unsigned>(shift)) & 0xffU);
  return out.append(payload);
}

/// "/kiln.v1.Lab/GetReport" -> its method; nullptr = there is none.
const pb::MethodDescriptor* method_of(std::string_view path) {
  if (!path.starts_with("/kiln.v1.")) return nullptr;
  std::string name(path.substr(1));
  const size_t slash = name.find('/');
  if (slash == std::string::npos) return nullptr;
  name[slash] = '.';
  return pb::DescriptorPool::generated_pool()->FindMethodByName(name);
}

/// "application/json; charset=utf-8" -> "application/json"
std::string media_type(std::string_view content_type) {
  std::string type(trim(content_type.substr(0, content_type.find(';'))));
  std::transform(type.begin(), type.end(), type.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return type;
}

tl::unexpected<Refusal> refuse(const Call& call, Code code, std::string message) {
  return tl::unexpected<Refusal>(
      {http_status(code), Failure{code, std::move(message)}, call.stream});
}
tl::unexpected<Refusal> refuse(int http_status) {
  return tl::unexpected<Refusal>({http_status, std::nullopt, false});
}

/// The message's JSON out of a GET's query; nullopt: there is none in it that can be read.
std::optional<std::string> message_in(std::string_view query) {
  auto message = http::query_value(query, "message");
  if (!message || http::query_value(query, "base64") != "1") return message;
  std::string bytes;
  if (!pb::WebSafeBase64Unescape(*message, &bytes)) return std::nullopt;
  return bytes;
}

/// nullopt and no error = none was set.
Result<std::optional<Millis>> timeout_of(std::string_view text) {
  if (text.empty()) return std::optional<Millis>();
  const size_t digits = text.size();
  const auto number = take_number(text);
  if (!number || !text.empty() || digits > 10)
    return fail(ErrorKind::kBadInput, "Connect-Timeout-Ms is no number of at most 10 digits");
  return std::optional<Millis>(Millis(static_cast<int64_t>(*number)));
}

tl::expected<Call, Refusal> understand_get(Call call, const Incoming& incoming) {
  // Another site's page can make a browser send these: they must not change anything.
  if (call.stream || call.method->options().idempotency_level() !=
                         pb::MethodOptions_IdempotencyLevel_NO_SIDE_EFFECTS)
    return refuse(405);
  if (http::query_value(incoming.query, "connect").value_or("v1") != "v1")
    return refuse(call, Code::kInvalidArgument, "this version of Connect is not spoken here");
  if (http::query_value(incoming.query, "encoding") != "json") return refuse(415);
  const auto json = message_in(incoming.query);
  if (!json) return refuse(call, Code::kInvalidArgument, "the query has no message");
  auto request = from_json(*call.method->input_type(), *json);
  if (!request) return refuse(call, Code::kInvalidArgument, request.error().message);
  call.request = std::move(*request);
  return call;
}

tl::expected<Call, Refusal> understand_post(Call call, const Incoming& incoming) {
  if (media_type(incoming.content_type) != (call.stream ? kStreamType : kUnaryType))
    return refuse(415);
  if (!incoming.version.empty() && incoming.version != "1")
    return refuse(call, Code::kInvalidArgument, "this version of Connect is not spoken here");
  std::string_view json = incoming.body;
  if (call.stream) {
    const auto opened = open_envelope(incoming.body);
    if (!opened) return refuse(call, Code::kInvalidArgument, opened.error().message);
    json = *opened;
  }
  auto request = from_json(*call.method->input_type(), json);
  if (!request) return refuse(call, Code::kInvalidArgument, request.error().message);
  call.request = std::move(*request);
  return call;
}

}  // namespace

tl::expected<Call, Refusal> understand(const Incoming& incoming) {
  Call call;
  call.method = method_of(incoming.path);
  if (call.method == nullptr)
    return refuse(call, Code::kUnimplemented, "this controller has no such method");
  // Needs both directions at once, which browsers cannot do.
  if (call.method->client_streaming())
    return refuse(call, Code::kUnimplemented, "this method is not for browsers");
  call.stream = call.method->server_streaming();
  auto timeout = timeout_of(incoming.timeout);
  if (!timeout) return refuse(call, Code::kInvalidArgument, timeout.error().message);
  call.timeout = *timeout;
  if (call.timeout && call.timeout->count() == 0)
    return refuse(call, Code::kDeadlineExceeded, "there was no time for an answer");
  if (incoming.http_method == "GET") return understand_get(std::move(call), incoming);
  return understand_post(std::move(call), incoming);
}

Result<std::string> to_json(const pb::Descriptor& type, const std::string& bytes) {
  const std::unique_ptr<pb::Message> message(
      pb::MessageFactory::generated_factory()->GetPrototype(&type)->New());
  std::string json;
  if (!message->ParseFromString(bytes))
    return fail(ErrorKind::kInternal, fmt::format("what came is no {}", type.full_name()));
  const auto status = pb::util::MessageToJsonString(*message, &json);
  if (!status.ok())
    return fail(ErrorKind::kInternal,
                fmt::format("{} has no JSON: {}", type.full_name(), status.ToString()));
  return json;
}

Result<std::string> from_json(const pb::Descriptor& type, std::string_view json) {
  const std::unique_ptr<pb::Message> message(
      pb::MessageFactory::generated_factory()->GetPrototype(&type)->New());
  pb::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  // No body at all is the message without fields.
  if (trim(json).empty()) return std::string();
  if (json.size() > kMostBytes) return fail(ErrorKind::kBadInput, "the message is too long");
  const auto status = pb::util::JsonStringToMessage(
      pb::StringPiece(json.data(), static_cast<ptrdiff_t>(json.size())), message.get(), options);
  if (!status.ok())
    return fail(
        ErrorKind::kBadInput,
        fmt::format(
            "this is no {}: {}", type.full_name(),
            to_valid_utf8(
                std::string(status.message().data(), status.message().size()).substr(0, 300))));
  return message->SerializeAsString();
}

std::string envelope(std::string_view json) {
  return sealed(0, json);
}

std::string end_envelope(const std::optional<Failure>& failure) {
  return sealed(kEnd, failure ? "{\"error\":" + to_json(*failure) + "}" : "{}");
}

Result<std::string_view> open_envelope(std::string_view body) {
  if (body.size() < kHead) return fail(ErrorKind::kBadInput, "the envelope is torn");
  if (body[0] != 0)
    return fail(ErrorKind::kBadInput, "the envelope has flags: compression is not spoken here");
  size_t length = 0;
  for (size_t i = 1; i < kHead; ++i) length = length << 8U | static_cast<uint8_t>(body[i]);
  if (length != body.size() - kHead)
    return fail(ErrorKind::kBadInput, "the body is not one envelope");
  return body.substr(kHead);
}

}  // namespace kiln::connect
