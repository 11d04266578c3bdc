#include "controller/rpc/agent_link_service.h"

#include <fmt/format.h>

#include <fstream>

#include "controller/rpc/agent_stream.h"
#include "lib/os/files.h"
#include "lib/rpc/status.h"

namespace kiln::controller {
namespace {

constexpr int64_t kChunk = 1 << 20;
constexpr int64_t kMaxArtifact = 4LL << 30;

}  // namespace

grpc::ServerBidiReactor<v1::FromAgent, v1::ToAgent>* AgentLinkService::Connect(
    grpc::CallbackServerContext* context) {
  return new AgentStream(fleet_, *context);  // deletes itself in OnDone
}

grpc::Status AgentLinkService::FetchArtifact(grpc::ServerContext* context,
                                             const v1::FetchArtifactRequest* request,
                                             grpc::ServerWriter<v1::Chunk>* writer) {
  const auto size = blobs_.size(request->digest());
  if (!size) return rpc::to_grpc(size.error());
  if (request->offset() < 0 || static_cast<uint64_t>(request->offset()) > *size)
    return {grpc::StatusCode::OUT_OF_RANGE, "offset beyond the artifact's end"};
  v1::Chunk chunk;
  chunk.set_digest(request->digest());
  chunk.set_size(static_cast<int64_t>(*size));
  bool connected = true;
  const Status read = blobs_.read(request->digest(), static_cast<uint64_t>(request->offset()),
                                  [&](std::string_view data) {
                                    for (; connected && !data.empty();) {
                                      const auto part = data.substr(0, static_cast<size_t>(kChunk));
                                      chunk.set_data(part.data(), part.size());
                                      connected = !context->IsCancelled() && writer->Write(chunk);
                                      data.remove_prefix(part.size());
                                    }
                                    return connected;
                                  });
  return read ? grpc::Status::OK : rpc::to_grpc(read.error());
}

grpc::Status AgentLinkService::PutArtifact(grpc::ServerContext* /*context*/,
                                           grpc::ServerReader<v1::Chunk>* reader,
                                           v1::PutArtifactReply* reply) {
  v1::Chunk chunk;
  if (!reader->Read(&chunk)) return {grpc::StatusCode::INVALID_ARGUMENT, "no first chunk"};
  const std::string digest = chunk.digest();
  const int64_t size = chunk.size();
  if (size < 0 || size > kMaxArtifact)
    return {grpc::StatusCode::INVALID_ARGUMENT,
            fmt::format("an artifact of {} bytes is refused", size)};
  auto sink = blobs_.writer();
  if (!sink) return rpc::to_grpc(sink.error());
  int64_t received = 0;
  do {
    received += static_cast<int64_t>(chunk.data().size());
    if (received > size) return {grpc::StatusCode::INVALID_ARGUMENT, "more bytes than announced"};
    if (const Status written = sink->write(chunk.data()); !written)
      return rpc::to_grpc(written.error());
  } while (reader->Read(&chunk));
  if (received != size)
    return {grpc::StatusCode::DATA_LOSS, fmt::format("{} of {} bytes arrived", received, size)};
  auto stored = sink->commit();
  if (!stored) return rpc::to_grpc(stored.error());
  if (*stored != digest)
    return {grpc::StatusCode::DATA_LOSS,
            fmt::format("the bytes have the digest {}, not {}", *stored, digest)};
  reply->set_digest(*stored);
  return grpc::Status::OK;
}

}  // namespace kiln::controller
