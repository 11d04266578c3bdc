#pragma once
/// A controller of one session, for trials and integration tests: gives one order, serves files as
/// artifacts, keeps what comes back in a folder, acknowledges the end.
#include <grpcpp/grpcpp.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "kiln/v1/agent.grpc.pb.h"
#include "lib/base/clock.h"
#include "lib/base/sync.h"
#include "lib/os/files.h"

namespace kiln::agent {

class OneSessionController final : public v1::AgentLink::Service {
 public:
  /// Listens at `socket`; `store` is an existing folder for what comes back.
  static Result<std::unique_ptr<OneSessionController>> start(const os::Path& socket,
                                                             os::Path store);
  ~OneSessionController() override;

  /// Offers a file; its digest.
  Result<std::string> offer(const os::Path& file);
  /// Called with each event on a gRPC thread.
  std::function<void(const v1::SessionEvent&)> on_event{};
  /// Called with each machine of the hello and with what is told of it later, on a gRPC thread.
  std::function<void(const v1::MachineInfo&)> on_machine{};
  /// Sends the order to the agent as soon as one is there; waits for the session's end.
  std::optional<v1::SessionDone> run(const v1::SessionOrder& order, Millis timeout);
  void cancel(int64_t session_id, const std::string& why);
  [[nodiscard]] std::string target() const { return target_; }
  /// The bytes of an artifact that came back.
  [[nodiscard]] std::string stored(const std::string& digest) const;
  [[nodiscard]] std::optional<v1::Hello> hello();

 private:
  using Stream = grpc::ServerReaderWriter<v1::ToAgent, v1::FromAgent>;
  struct State {
    Stream* stream = nullptr;
    std::optional<v1::Hello> hello;
    std::optional<v1::SessionOrder> order;
    std::optional<v1::SessionDone> done;
    std::map<std::string, os::Path> offers;
  };
  explicit OneSessionController(os::Path store) : store_(std::move(store)) {}
  grpc::Status Connect(grpc::ServerContext* context, Stream* stream) override;
  grpc::Status FetchArtifact(grpc::ServerContext* context, const v1::FetchArtifactRequest* request,
                             grpc::ServerWriter<v1::Chunk>* writer) override;
  grpc::Status PutArtifact(grpc::ServerContext* context, grpc::ServerReader<v1::Chunk>* reader,
                           v1::PutArtifactReply* reply) override;

  os::Path store_;
  std::string target_;
  Sync<State> state_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace kiln::agent
