#include "lib/rpc/status.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "lib/base/text.h"

namespace kiln::rpc {
namespace {

struct KindRow {
  ErrorKind kind;
  const char* word;
  grpc::StatusCode code;
};
/// The one table: kind <-> word in JSON <-> gRPC code.
constexpr std::array<KindRow, 9> kKinds{{
    {ErrorKind::kBadInput, "bad-input", grpc::StatusCode::INVALID_ARGUMENT},
    {ErrorKind::kNotFound, "not-found", grpc::StatusCode::NOT_FOUND},
    {ErrorKind::kConflict, "conflict", grpc::StatusCode::ABORTED},
    {ErrorKind::kInfrastructure, "infrastructure", grpc::StatusCode::UNAVAILABLE},
    {ErrorKind::kTimeout, "timeout", grpc::StatusCode::DEADLINE_EXCEEDED},
    {ErrorKind::kCancelled, "cancelled", grpc::StatusCode::CANCELLED},
    {ErrorKind::kNoSpace, "no-space", grpc::StatusCode::RESOURCE_EXHAUSTED},
    {ErrorKind::kPermission, "permission", grpc::StatusCode::PERMISSION_DENIED},
    {ErrorKind::kInternal, "internal", grpc::StatusCode::INTERNAL},
}};

}  // namespace

v1::ErrorDetail to_proto(const Error& error) {
  v1::ErrorDetail out;
  for (const KindRow& row : kKinds)
    if (row.kind == error.kind) out.set_kind(row.word);
  out.set_message(to_valid_utf8(error.message));
  if (error.position) {
    out.set_file(to_valid_utf8(error.position->file));
    out.set_line(error.position->line);
    out.set_column(error.position->column);
  }
  out.set_source_line(to_valid_utf8(error.source_line));
  out.set_span(error.span);
  out.set_hint(to_valid_utf8(error.hint));
  for (const std::string& c : error.context) out.add_context(to_valid_utf8(c));
  return out;
}

grpc::Status to_grpc(const Error& error) {
  grpc::StatusCode code = grpc::StatusCode::INTERNAL;
  for (const KindRow& row : kKinds)
    if (row.kind == error.kind) code = row.code;
  // Trailers have a size limit (8 KiB by default); the message alone always fits.
  v1::ErrorDetail detail = to_proto(error);
  std::string bytes = detail.SerializeAsString();
  if (bytes.size() > 6000) {
    detail.clear_context();
    detail.clear_source_line();
    if (detail.message().size() > 4000)
      detail.set_message(to_valid_utf8(detail.message().substr(0, 4000)));
    bytes = detail.SerializeAsString();
  }
  return {code, detail.message().substr(0, 500), bytes};
}

Error from_grpc(const grpc::Status& status, const std::string& doing) {
  v1::ErrorDetail detail;
  if (!status.error_details().empty() && detail.ParseFromString(status.error_details())) {
    Error error(ErrorKind::kInternal, detail.message());
    for (const KindRow& row : kKinds)
      if (detail.kind() == row.word) error.kind = row.kind;
    if (!detail.file().empty())
      error.position = Position{detail.file(), detail.line(), detail.column()};
    error.source_line = detail.source_line();
    error.span = detail.span();
    error.hint = detail.hint();
    error.context.assign(detail.context().begin(), detail.context().end());
    return error;
  }
  ErrorKind kind = ErrorKind::kInfrastructure;
  for (const KindRow& row : kKinds)
    if (row.code == status.error_code()) kind = row.kind;
  // A port's guard says it with a code alone: nobody knows the caller.
  if (status.error_code() == grpc::StatusCode::UNAUTHENTICATED) kind = ErrorKind::kPermission;
  const std::string message = status.error_message();
  const size_t line = std::min(message.find('\n'), message.size());
  return Error(kind, fmt::format("{} failed: {}", doing, message.substr(0, line)))
      .with_hint(message.substr(std::min(line + 1, message.size())));
}

std::shared_ptr<grpc::Channel> make_channel(const std::string& target) {
  return make_channel(target, grpc::InsecureChannelCredentials());
}

std::shared_ptr<grpc::Channel> make_channel(
    const std::string& target, const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 20'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2'000);
  arguments.SetMaxReceiveMessageSize(64 << 20);
  return grpc::CreateCustomChannel(target, credentials, arguments);
}

void configure(grpc::ServerBuilder& builder) {
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.SetMaxReceiveMessageSize(64 << 20);
}

void set_deadline(grpc::ClientContext& context, std::chrono::milliseconds timeout) {
  context.set_deadline(std::chrono::system_clock::now() + timeout);
}

}  // namespace kiln::rpc
