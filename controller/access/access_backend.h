#pragma once
/// What the Access and Enrolment services need of the controller: the rpc folder knows the wire,
/// not the house.
#include <string>

#include "controller/access/gate.h"
#include "kiln/v1/access.pb.h"
#include "lib/base/result.h"

namespace kiln::controller {

/// Safe for concurrent use; calls may wait for the disk. `caller` was admitted by the Gate.
class AccessBackend {
 public:
  virtual ~AccessBackend() = default;
  virtual Result<v1::CreateTokenReply> create_token(const v1::CreateTokenRequest& request,
                                                    const Caller& caller) = 0;
  virtual Result<v1::ListTokensReply> list_tokens(const v1::ListTokensRequest& request) = 0;
  virtual Result<v1::RevokeTokenReply> revoke_token(const v1::RevokeTokenRequest& request,
                                                    const Caller& caller) = 0;
  virtual Result<v1::CreateEnrolmentReply> create_enrolment(
      const v1::CreateEnrolmentRequest& request, const Caller& caller) = 0;
  virtual Result<v1::ListEnrolmentsReply> list_enrolments() = 0;
  virtual Result<v1::ListCertificatesReply> list_certificates(
      const v1::ListCertificatesRequest& request) = 0;
  virtual Result<v1::RevokeAgentReply> revoke_agent(const v1::RevokeAgentRequest& request,
                                                    const Caller& caller) = 0;
  virtual Result<v1::ListAuditReply> list_audit(const v1::ListAuditRequest& request) = 0;
  /// `peer` is the address that it came from: wrong codes are counted by it.
  virtual Result<v1::EnrolReply> enrol(const v1::EnrolRequest& request,
                                       const std::string& peer) = 0;
  virtual Result<v1::EnrolReply> renew(const v1::RenewRequest& request, const Caller& agent,
                                       const std::string& peer) = 0;
};

}  // namespace kiln::controller
