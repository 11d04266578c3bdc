#pragma once
/// kiln.v1.Access and kiln.v1.Enrolment over an AccessBackend.
#include "controller/access/access_backend.h"
#include "kiln/v1/access.grpc.pb.h"

namespace kiln::controller {

/// Synchronous, as the Lab service is (docs/decisions/0002-sync-lab-service.md).
class AccessService final : public v1::Access::Service {
 public:
  /// Both must outlive the server.
  AccessService(AccessBackend& backend, Gate& gate) : backend_(backend), gate_(gate) {}

  grpc::Status WhoAmI(grpc::ServerContext* context, const v1::WhoAmIRequest* request,
                      v1::WhoAmIReply* reply) override;
  grpc::Status CreateToken(grpc::ServerContext* context, const v1::CreateTokenRequest* request,
                           v1::CreateTokenReply* reply) override;
  grpc::Status ListTokens(grpc::ServerContext* context, const v1::ListTokensRequest* request,
                          v1::ListTokensReply* reply) override;
  grpc::Status RevokeToken(grpc::ServerContext* context, const v1::RevokeTokenRequest* request,
                           v1::RevokeTokenReply* reply) override;
  grpc::Status CreateEnrolment(grpc::ServerContext* context,
                               const v1::CreateEnrolmentRequest* request,
                               v1::CreateEnrolmentReply* reply) override;
  grpc::Status ListEnrolments(grpc::ServerContext* context,
                              const v1::ListEnrolmentsRequest* request,
                              v1::ListEnrolmentsReply* reply) override;
  grpc::Status ListCertificates(grpc::ServerContext* context,
                                const v1::ListCertificatesRequest* request,
                                v1::ListCertificatesReply* reply) override;
  grpc::Status RevokeAgent(grpc::ServerContext* context, const v1::RevokeAgentRequest* request,
                           v1::RevokeAgentReply* reply) override;
  grpc::Status ListAudit(grpc::ServerContext* context, const v1::ListAuditRequest* request,
                         v1::ListAuditReply* reply) override;

 private:
  AccessBackend& backend_;
  Gate& gate_;
};

/// For both network ports.
class EnrolmentService final : public v1::Enrolment::Service {
 public:
  EnrolmentService(AccessBackend& backend, Gate& gate) : backend_(backend), gate_(gate) {}

  grpc::Status Enrol(grpc::ServerContext* context, const v1::EnrolRequest* request,
                     v1::EnrolReply* reply) override;
  grpc::Status Renew(grpc::ServerContext* context, const v1::RenewRequest* request,
                     v1::EnrolReply* reply) override;

 private:
  AccessBackend& backend_;
  Gate& gate_;
};

}  // namespace kiln::controller
