#include "controller/rpc/agent_link_service.h"

#include <fmt/format.h>

#include <fstream>
#include <thread>

#include "controller/rpc/agent_stream.h"
#include "lib/os/files.h"
#include "lib/rpc/status.h"

namespace kiln::controller {
namespace {

constexpr int64_t kChunk = 1 << 20;
constexpr int64_t kMaxArtifact = 4LL << 30;
constexpr Millis kLook{500};  // how late it is noticed that somebody has gone

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

grpc::Status AgentLinkService::AskArtifact(grpc::ServerContext* /*context*/,
                                           const v1::AskArtifactRequest* request,
                                           v1::AskArtifactReply* reply) {
  const auto state = arrivals_.ask(request->digest());
  if (!state) return rpc::to_grpc(state.error());
  reply->set_stored(state->stored);
  reply->set_received(static_cast<int64_t>(state->received));
  return grpc::Status::OK;
}

grpc::Status AgentLinkService::PutArtifact(grpc::ServerContext* /*context*/,
                                           grpc::ServerReader<v1::Chunk>* reader,
                                           v1::PutArtifactReply* reply) {
  v1::Chunk chunk;
  if (!reader->Read(&chunk)) return {grpc::StatusCode::INVALID_ARGUMENT, "no first chunk"};
  const std::string digest = chunk.digest();
  if (chunk.size() < 0 || chunk.size() > kMaxArtifact || chunk.offset() < 0)
    return {
        grpc::StatusCode::INVALID_ARGUMENT,
        fmt::format("an artifact of {} bytes from {} on is refused", chunk.size(), chunk.offset())};
  reply->set_digest(digest);
  if (chunk.offset() == 0 && static_cast<int64_t>(chunk.data().size()) == chunk.size())
    return put_whole(chunk);
  auto arrival = arrivals_.begin(digest, static_cast<uint64_t>(chunk.size()),
                                 static_cast<uint64_t>(chunk.offset()));
  if (!arrival) return rpc::to_grpc(arrival.error());
  do {
    if (const Status written = arrival->write(chunk.data()); !written)
      return rpc::to_grpc(written.error());
  } while (reader->Read(&chunk));
  const Status stored = arrival->commit();
  return stored ? grpc::Status::OK : rpc::to_grpc(stored.error());
}

/// Two threads while it is open; fleet::Tunnels bounds them.
grpc::Status AgentLinkService::Tunnel(
    grpc::ServerContext* context,
    grpc::ServerReaderWriter<v1::TunnelToAgent, v1::TunnelFromAgent>* stream) {
  v1::TunnelFromAgent message;
  if (!stream->Read(&message)) return {grpc::StatusCode::INVALID_ARGUMENT, "no first message"};
  const auto found = fleet_.tunnels().find(message.tunnel_id());
  if (!found) return rpc::to_grpc(found.error());
  fleet::Tunnel& tunnel = **found;
  if (message.ended()) {
    tunnel.end(message.why());
    return grpc::Status::OK;
  }
  if (const Status opened = tunnel.open(message.host_key()); !opened)
    return rpc::to_grpc(opened.error());
  std::jthread writer([&](const std::stop_token& stop) {
    v1::TunnelToAgent bytes;
    while (!stop.stop_requested()) {
      auto next = tunnel.next(kLook);
      if (!next) break;
      bytes.set_data(std::move(*next));
      if (!bytes.data().empty() && !stream->Write(bytes)) break;
    }
    context->TryCancel();  // wakes the read below
  });
  while (stream->Read(&message)) {
    if (message.ended() || !tunnel.put(message.data())) break;
  }
  tunnel.end(message.ended() ? message.why() : "its agent has gone");
  writer.request_stop();
  return grpc::Status::OK;
}

/// Most are small: they need no second file.
grpc::Status AgentLinkService::put_whole(const v1::Chunk& chunk) {
  if (os::sha256_hex(chunk.data()) != chunk.digest())
    return rpc::to_grpc(Error(ErrorKind::kInfrastructure, "the bytes have another digest"));
  const auto stored = blobs_.put(chunk.data());
  return stored ? grpc::Status::OK : rpc::to_grpc(stored.error());
}

}  // namespace kiln::controller
