#include "controller/rpc/access_service.h"

#include "controller/results/timestamps.h"
#include "controller/rpc/answer.h"
#include "controller/rpc/caller.h"

namespace kiln::controller {

grpc::Status AccessService::WhoAmI(grpc::ServerContext* context,
                                   const v1::WhoAmIRequest* /*request*/, v1::WhoAmIReply* reply) {
  const Caller caller = caller_of(*context, gate_);
  reply->set_user(caller.name);
  reply->set_role(caller.role_word());
  reply->set_token_id(caller.token_id);
  if (caller.expires) results::set_timestamp(*caller.expires, reply->mutable_expires());
  return grpc::Status::OK;
}

grpc::Status AccessService::CreateToken(grpc::ServerContext* context,
                                        const v1::CreateTokenRequest* request,
                                        v1::CreateTokenReply* reply) {
  return answer(backend_.create_token(*request, caller_of(*context, gate_)), reply);
}

grpc::Status AccessService::ListTokens(grpc::ServerContext* /*context*/,
                                       const v1::ListTokensRequest* request,
                                       v1::ListTokensReply* reply) {
  return answer(backend_.list_tokens(*request), reply);
}

grpc::Status AccessService::RevokeToken(grpc::ServerContext* context,
                                        const v1::RevokeTokenRequest* request,
                                        v1::RevokeTokenReply* reply) {
  return answer(backend_.revoke_token(*request, caller_of(*context, gate_)), reply);
}

grpc::Status AccessService::CreateEnrolment(grpc::ServerContext* context,
                                            const v1::CreateEnrolmentRequest* request,
                                            v1::CreateEnrolmentReply* reply) {
  return answer(backend_.create_enrolment(*request, caller_of(*context, gate_)), reply);
}

grpc::Status AccessService::ListEnrolments(grpc::ServerContext* /*context*/,
                                           const v1::ListEnrolmentsRequest* /*request*/,
                                           v1::ListEnrolmentsReply* reply) {
  return answer(backend_.list_enrolments(), reply);
}

grpc::Status AccessService::ListCertificates(grpc::ServerContext* /*context*/,
                                             const v1::ListCertificatesRequest* request,
                                             v1::ListCertificatesReply* reply) {
  return answer(backend_.list_certificates(*request), reply);
}

grpc::Status AccessService::RevokeAgent(grpc::ServerContext* context,
                                        const v1::RevokeAgentRequest* request,
                                        v1::RevokeAgentReply* reply) {
  return answer(backend_.revoke_agent(*request, caller_of(*context, gate_)), reply);
}

grpc::Status AccessService::ListAudit(grpc::ServerContext* /*context*/,
                                      const v1::ListAuditRequest* request,
                                      v1::ListAuditReply* reply) {
  return answer(backend_.list_audit(*request), reply);
}

grpc::Status EnrolmentService::Enrol(grpc::ServerContext* context, const v1::EnrolRequest* request,
                                     v1::EnrolReply* reply) {
  return answer(backend_.enrol(*request, context->peer()), reply);
}

grpc::Status EnrolmentService::Renew(grpc::ServerContext* context, const v1::RenewRequest* request,
                                     v1::EnrolReply* reply) {
  const Caller caller = caller_of(*context, gate_);
  if (caller.kind != Caller::Kind::kAgent)
    return rpc::to_grpc(Error(ErrorKind::kPermission, "only an agent renews its certificate"));
  return answer(backend_.renew(*request, caller, context->peer()), reply);
}

}  // namespace kiln::controller
