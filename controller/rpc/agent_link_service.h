#pragma once
/// kiln.v1.AgentLink: agents come in here. The stream is a callback reactor that never blocks; the
/// artifact calls are synchronous, since they read and write the disk.
#include "controller/fleet/fleet.h"
#include "kiln/v1/agent.grpc.pb.h"
#include "lib/blob/blob_store.h"

namespace kiln::controller {

class AgentLinkService final
    : public v1::AgentLink::WithCallbackMethod_Connect<v1::AgentLink::Service> {
 public:
  /// Both must outlive the server.
  AgentLinkService(fleet::Fleet& fleet, blob::BlobStore& blobs) : fleet_(fleet), blobs_(blobs) {}

  grpc::ServerBidiReactor<v1::FromAgent, v1::ToAgent>* Connect(
      grpc::CallbackServerContext* context) override;
  grpc::Status FetchArtifact(grpc::ServerContext* context, const v1::FetchArtifactRequest* request,
                             grpc::ServerWriter<v1::Chunk>* writer) override;
  grpc::Status PutArtifact(grpc::ServerContext* context, grpc::ServerReader<v1::Chunk>* reader,
                           v1::PutArtifactReply* reply) override;

 private:
  fleet::Fleet& fleet_;
  blob::BlobStore& blobs_;
};

}  // namespace kiln::controller
