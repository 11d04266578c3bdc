#pragma once
/// kiln.v1.AgentLink: agents come in here. The stream is a callback reactor that never blocks; the
/// artifact calls are synchronous, since they read and write the disk.
#include "controller/fleet/fleet.h"
#include "kiln/v1/agent.grpc.pb.h"
#include "lib/blob/arrivals.h"
#include "lib/blob/blob_store.h"

namespace kiln::controller {

class AgentLinkService final
    : public v1::AgentLink::WithCallbackMethod_Connect<v1::AgentLink::Service> {
 public:
  /// Both must outlive the server. `arriving` is the folder of artifacts that are not whole yet.
  AgentLinkService(fleet::Fleet& fleet, blob::BlobStore& blobs, os::Path arriving)
      : fleet_(fleet), blobs_(blobs), arrivals_(blobs, std::move(arriving)) {}

  grpc::ServerBidiReactor<v1::FromAgent, v1::ToAgent>* Connect(
      grpc::CallbackServerContext* context) override;
  grpc::Status FetchArtifact(grpc::ServerContext* context, const v1::FetchArtifactRequest* request,
                             grpc::ServerWriter<v1::Chunk>* writer) override;
  grpc::Status AskArtifact(grpc::ServerContext* context, const v1::AskArtifactRequest* request,
                           v1::AskArtifactReply* reply) override;
  grpc::Status PutArtifact(grpc::ServerContext* context, grpc::ServerReader<v1::Chunk>* reader,
                           v1::PutArtifactReply* reply) override;
  grpc::Status Tunnel(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::TunnelToAgent, v1::TunnelFromAgent>* stream) override;

 private:
  grpc::Status put_whole(const v1::Chunk& chunk);

  fleet::Fleet& fleet_;
  blob::BlobStore& blobs_;
  blob::Arrivals arrivals_;
};

}  // namespace kiln::controller
