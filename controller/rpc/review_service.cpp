#include "controller/rpc/review_service.h"

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

grpc::Status ReviewService::ChangeKnown(grpc::ServerContext* context,
                                        const v1::ChangeKnownRequest* request,
                                        v1::ChangeKnownReply* reply) {
  v1::ChangeKnownRequest named = *request;
  // Who comes by the network is whose the token is, whatever they say; on the controller's own
  // computer it is the caller's login name.
  if (const std::string user = user_of_(*context); user != "local") named.set_who(user);
  return answer(backend_.change_known(named), reply);
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

grpc::Status ReviewService::StartRepro(grpc::ServerContext* context,
                                       const v1::ReproRequest* request, v1::StartRunReply* reply) {
  return answer(backend_.start_repro(*request, user_of_(*context)), reply);
}

}  // namespace kiln::controller
