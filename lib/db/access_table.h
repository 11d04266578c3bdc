#pragma once
/// Who may come in, and what was done or refused: tokens, enrolments, agents' certificates, audit.
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lib/access/rows.h"
#include "lib/db/database.h"

namespace kiln::db {

/// Which entries of the audit; "" and 0 = all.
struct AuditQuery {
  std::string who;
  std::string outcome;
  int64_t before_id = 0;  ///< older than this one: the next page
  int limit = 100;
};

/// Safe for concurrent use, as the Database is; the Database must outlive it.
class AccessTable {
 public:
  explicit AccessTable(Database& database) : database_(&database) {}

  /// kConflict when the id is taken.
  Status add_token(const access::Token& token);
  /// In the order in which they were made.
  [[nodiscard]] Result<std::vector<access::Token>> tokens() const;
  /// The token as it is now; one that is revoked stays as it was. kNotFound: no such id.
  Result<access::Token> revoke_token(const std::string& id, const std::string& who, WallTime now);
  Status touch_token(const std::string& id, WallTime now);

  Status add_enrolment(const access::Enrolment& enrolment);
  [[nodiscard]] Result<std::vector<access::Enrolment>> enrolments() const;
  [[nodiscard]] Result<access::Enrolment> enrolment(const std::string& id) const;
  /// A wrong code was tried.
  Status count_attempt(const std::string& id);
  /// The enrolment is used: the agent's earlier certificates end, `given` is in force; all or
  /// nothing. kConflict when it was used already.
  Status use_enrolment(const access::Enrolment& enrolment, const access::AgentCertificate& given);
  /// Those that ended before this are forgotten.
  Status forget_enrolments(WallTime before);

  Status add_certificate(const access::AgentCertificate& certificate);
  /// add_certificate() for who holds the certificate `old`; kPermission when that was revoked, also
  /// at this very moment.
  Status renew_certificate(const access::AgentCertificate& certificate, const std::string& old);
  /// By agent, oldest first.
  [[nodiscard]] Result<std::vector<access::AgentCertificate>> certificates() const;
  /// Ends all certificates of an agent that are in force; their number. One that never had any is
  /// kNotFound, or with `unknown` noted as revoked now: its certificates may be in no backup.
  Result<int> revoke_agent(const std::string& agent, const std::string& who, const std::string& why,
                           WallTime now, bool unknown = false);

  /// Adds them and forgets all but the newest `keep`.
  Status append_audit(std::span<const access::AuditEntry> entries, int64_t keep);
  /// Newest first.
  [[nodiscard]] Result<std::vector<access::AuditEntry>> audit(const AuditQuery& query) const;

 private:
  Database* database_;
};

}  // namespace kiln::db
