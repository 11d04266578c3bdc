#pragma once
/// One connected agent's stream. Owns itself: gRPC's OnDone is its end.
#include <grpcpp/grpcpp.h>

#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "controller/fleet/fleet.h"
#include "kiln/v1/agent.grpc.pb.h"

namespace kiln::controller {

class AgentStream final : public grpc::ServerBidiReactor<v1::FromAgent, v1::ToAgent> {
 public:
  /// The context is the call's own.
  AgentStream(fleet::Fleet& fleet, const grpc::CallbackServerContext& context);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  /// Outlives the stream in the fleet's hands; after detach() it drops what it is given.
  class Sender final : public fleet::AgentSender {
   public:
    explicit Sender(AgentStream* stream) : stream_(stream) {}
    void send(v1::ToAgent message) override;
    void close() override;
    void detach();

   private:
    std::mutex mutex_;
    AgentStream* stream_;
  };

  Status welcome(const v1::Hello& hello);
  void enqueue(v1::ToAgent message);
  void finish_once(const grpc::Status& status);
  void write_next_locked();

  fleet::Fleet& fleet_;
  const grpc::CallbackServerContext& context_;
  std::shared_ptr<Sender> sender_;
  std::string agent_;  ///< set by hello; used on the reactor's thread only
  v1::FromAgent incoming_;

  std::mutex mutex_;
  std::deque<v1::ToAgent> outgoing_;  ///< front() is being written while writing_
  bool welcome_ = false;              ///< it may stay: nothing is written before
  bool writing_ = false;
  bool finished_ = false;
};

}  // namespace kiln::controller
