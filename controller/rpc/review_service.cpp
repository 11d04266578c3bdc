#include "controller/rpc/review_service.h"

#include "controller/rpc/answer.h"

namespace kiln::controller {

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
