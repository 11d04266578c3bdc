#pragma once
/// kiln.v1.Keeping over a KeepingBackend.
#include "controller/rpc/answer.h"
#include "controller/rpc/keeping_backend.h"
#include "kiln/v1/keeping.grpc.pb.h"

namespace kiln::controller {

/// Synchronous, as the Lab service is (docs/decisions/0002-sync-lab-service.md).
class KeepingService final : public v1::Keeping::Service {
 public:
  /// The backend must outlive the server.
  KeepingService(KeepingBackend& backend, UserOf user_of)
      : backend_(backend), user_of_(std::move(user_of)) {}

  grpc::Status KeepRun(grpc::ServerContext* context, const v1::KeepRunRequest* request,
                       v1::KeptRun* reply) override {
    v1::KeepRunRequest asked = *request;
    if (const std::string user = user_of_(*context); user != "local") asked.set_who(user);
    return answer(backend_.keep(asked), reply);
  }
  grpc::Status LetRunGo(grpc::ServerContext* /*context*/, const v1::LetRunGoRequest* request,
                        v1::LetRunGoReply* reply) override {
    return answer(backend_.let_go(*request), reply);
  }
  grpc::Status ListKept(grpc::ServerContext* /*context*/, const v1::ListKeptRequest* /*request*/,
                        v1::ListKeptReply* reply) override {
    return answer(backend_.kept(), reply);
  }
  grpc::Status ClearAway(grpc::ServerContext* /*context*/, const v1::ClearAwayRequest* request,
                         v1::ClearReport* reply) override {
    return answer(backend_.clear(*request), reply);
  }

 private:
  KeepingBackend& backend_;
  UserOf user_of_;
};

}  // namespace kiln::controller
