#pragma once
/// Where admins make and end tokens, codes and agents, and agents get their certificates. Over the
/// database; after each change the gate knows it.
#include <functional>
#include <set>
#include <string>

#include "controller/access/access_backend.h"
#include "controller/access/attempts.h"
#include "controller/access/audit_log.h"
#include "lib/base/sync.h"
#include "lib/pki/authority.h"

namespace kiln::controller {

/// References to parts that outlive it.
struct AccessParts {
  const Clock& clock;
  db::Database& database;
  pki::Authority& authority;
  Gate& gate;
  AuditLog& audit;
  /// An agent's certificates have ended: its connection must end, too. May be empty.
  std::function<void(const std::string& agent)> agent_revoked{};
  Millis agent_lifetime = pki::kAgentLifetime;
};

/// Safe for concurrent use.
class AccessDesk final : public AccessBackend {
 public:
  explicit AccessDesk(AccessParts parts)
      : parts_(std::move(parts)), table_(parts_.database), attempts_(parts_.clock) {}

  /// The gate gets what is stored: before the ports are opened.
  Status start() { return parts_.gate.load(table_); }
  /// What comes due by itself: the server's certificate, old enrolments. Call it every few
  /// minutes; the words of what was done, "" = nothing.
  Result<std::string> tick();

  Result<v1::CreateTokenReply> create_token(const v1::CreateTokenRequest& request,
                                            const Caller& caller) override;
  Result<v1::ListTokensReply> list_tokens(const v1::ListTokensRequest& request) override;
  Result<v1::RevokeTokenReply> revoke_token(const v1::RevokeTokenRequest& request,
                                            const Caller& caller) override;
  Result<v1::CreateEnrolmentReply> create_enrolment(const v1::CreateEnrolmentRequest& request,
                                                    const Caller& caller) override;
  Result<v1::ListEnrolmentsReply> list_enrolments() override;
  Result<v1::ListCertificatesReply> list_certificates(
      const v1::ListCertificatesRequest& request) override;
  Result<v1::RevokeAgentReply> revoke_agent(const v1::RevokeAgentRequest& request,
                                            const Caller& caller) override;
  Result<v1::ListAuditReply> list_audit(const v1::ListAuditRequest& request) override;
  Result<v1::EnrolReply> enrol(const v1::EnrolRequest& request, const std::string& peer) override;
  Result<v1::EnrolReply> renew(const v1::RenewRequest& request, const Caller& agent,
                               const std::string& peer) override;

 private:
  /// The enrolment that the code opens (again, for the same key), or why not.
  Result<access::Enrolment> open_code(const v1::EnrolRequest& request, const std::string& peer);
  Result<v1::EnrolReply> enrol_with(access::Enrolment enrolment, const v1::EnrolRequest& request);
  /// A certificate for the request, as it is stored and as it is sent.
  struct Signed {
    std::string pem;
    access::AgentCertificate row;
  };
  Result<Signed> sign(const std::string& csr, const std::string& agent);
  v1::EnrolReply reply(const std::string& pem, const std::string& agent) const;
  void audit(const char* method, const std::string& agent, const std::string& peer,
             const Status& outcome);

  AccessParts parts_;
  /// The connection that the agent has, and, at the next tick(), one that was let in at this very
  /// moment.
  void drop(const std::string& agent);

  db::AccessTable table_;
  Attempts attempts_;
  Sync<std::set<std::string>> drop_again_;
};

/// A token, stored; its text is told here and never again. For `kiln lab init`, which has no
/// controller yet, and for the desk.
Result<v1::CreateTokenReply> make_stored_token(db::AccessTable table,
                                               const v1::CreateTokenRequest& request,
                                               const std::string& who, WallTime now);

}  // namespace kiln::controller
