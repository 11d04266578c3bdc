#pragma once
/// kiln.v1.Logs over a LogsBackend.
#include "controller/rpc/answer.h"
#include "controller/rpc/logs_backend.h"
#include "kiln/v1/logs.grpc.pb.h"

namespace kiln::controller {

/// Synchronous, as the Lab service is (docs/decisions/0002-sync-lab-service.md).
class LogsService final : public v1::Logs::Service {
 public:
  /// The backend must outlive the server.
  explicit LogsService(LogsBackend& backend) : backend_(backend) {}

  grpc::Status ReadLog(grpc::ServerContext* context, const v1::ReadLogRequest* request,
                       v1::ReadLogReply* reply) override {
    return answer(backend_.read_log(*request, [context] { return context->IsCancelled(); }), reply);
  }
  grpc::Status SearchLog(grpc::ServerContext* context, const v1::SearchLogRequest* request,
                         v1::SearchLogReply* reply) override {
    return answer(backend_.search_log(*request, [context] { return context->IsCancelled(); }),
                  reply);
  }

 private:
  LogsBackend& backend_;
};

}  // namespace kiln::controller
