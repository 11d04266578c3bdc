#include "controller/rpc/review_service.h"

#include "lib/rpc/status.h"

namespace kiln::controller {
namespace {

/// Moves the value into the reply, or maps the error.
template <typename T>
grpc::Status answer(Result<T> result, T* reply) {
  if (!result) return rpc::to_grpc(result.error());
  *reply = std::move(*result);
  return grpc::Status::OK;
}

}  // namespace

grpc::Status ReviewService::JudgeRun(grpc::ServerContext* /*context*/,
                                     const v1::JudgeRunRequest* request, v1::JudgeRunReply* reply) {
  return answer(backend_.judge_run(*request), reply);
}

grpc::Status ReviewService::ListKnown(grpc::ServerContext* /*context*/,
                                      const v1::ListKnownRequest* request,
                                      v1::ListKnownReply* reply) {
  return answer(backend_.list_known(*request), reply);
}

grpc::Status ReviewService::PreviewKnown(grpc::ServerContext* /*context*/,
                                         const v1::ChangeKnownRequest* request,
                                         v1::ChangeKnownReply* reply) {
  return answer(backend_.preview_known(*request), reply);
}

grpc::Status ReviewService::ChangeKnown(grpc::ServerContext* /*context*/,
                                        const v1::ChangeKnownRequest* request,
                                        v1::ChangeKnownReply* reply) {
  return answer(backend_.change_known(*request), reply);
}

grpc::Status ReviewService::AuditKnown(grpc::ServerContext* /*context*/,
                                       const v1::AuditKnownRequest* request,
                                       v1::AuditKnownReply* reply) {
  return answer(backend_.audit_known(*request), reply);
}

grpc::Status ReviewService::DescribeRepro(grpc::ServerContext* /*context*/,
                                          const v1::ReproRequest* request, v1::ReproReply* reply) {
  return answer(backend_.describe_repro(*request), reply);
}

grpc::Status ReviewService::StartRepro(grpc::ServerContext* /*context*/,
                                       const v1::ReproRequest* request, v1::StartRunReply* reply) {
  return answer(backend_.start_repro(*request), reply);
}

}  // namespace kiln::controller
