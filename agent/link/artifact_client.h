#pragma once
/// Artifacts over gRPC: fetched into a cache, sent from the outbox.
#include <grpcpp/grpcpp.h>

#include <memory>
#include <set>
#include <string>

#include "agent/link/outbox.h"
#include "agent/test/artifacts.h"
#include "kiln/v1/agent.grpc.pb.h"
#include "lib/base/sync.h"

namespace kiln::agent {

/// Safe for concurrent use. The channel, the outbox and the folder outlive it.
class ArtifactClient final : public Artifacts {
 public:
  ArtifactClient(std::shared_ptr<grpc::Channel> channel, Outbox& outbox, os::Path cache)
      : stub_(v1::AgentLink::NewStub(channel)), outbox_(outbox), cache_(std::move(cache)) {}

  /// From the cache, else from the controller; a broken transfer goes on where it stopped, twice
  /// now and whenever the artifact is wanted again. What does not have the digest is never kept.
  Result<os::Path> fetch(const std::string& digest, std::stop_token stop) override;
  Result<std::string> put(const os::Path& file) override { return outbox_.keep(file); }
  /// Sends what the controller lacks of one artifact of the outbox.
  Status send(const std::string& digest, std::stop_token stop);
  /// Sends any file; its digest.
  Result<std::string> send_file(const os::Path& path, std::stop_token stop);
  /// Removes cached files that were not used for longest until at most max_bytes remain.
  void trim(uint64_t max_bytes);

 private:
  Result<os::Path> fetch_alone(const std::string& digest, const std::stop_token& stop);
  Status download(const std::string& digest, const os::Path& to, std::stop_token stop);
  /// So many of its bytes need not be sent; all of them when it is stored.
  Result<uint64_t> already_there(const std::string& digest, uint64_t size,
                                 const std::stop_token& stop);
  Status upload(const os::Path& path, const std::string& digest, std::stop_token stop);
  std::unique_ptr<v1::AgentLink::Stub> stub_;
  Outbox& outbox_;
  os::Path cache_;
  Sync<std::set<std::string>> fetching_;  ///< one at a time writes an artifact's file
};

}  // namespace kiln::agent
