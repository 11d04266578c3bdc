#include "controller/access/messages.h"

#include "controller/results/timestamps.h"

namespace kiln::controller {
namespace {

using results::set_timestamp;

const char* state_word(const std::optional<WallTime>& revoked,
                       const std::optional<WallTime>& expires, WallTime now) {
  if (revoked) return "revoked";
  return expires && now >= *expires ? "expired" : "good";
}

}  // namespace

v1::AccessToken to_message(const access::Token& token, WallTime now) {
  v1::AccessToken out;
  out.set_id(token.id);
  out.set_user(token.user);
  out.set_role(std::string(access::to_string(token.role)));
  out.set_note(token.note);
  set_timestamp(token.created, out.mutable_created());
  out.set_created_by(token.created_by);
  if (token.expires) set_timestamp(*token.expires, out.mutable_expires());
  if (token.revoked) set_timestamp(*token.revoked, out.mutable_revoked());
  out.set_revoked_by(token.revoked_by);
  if (token.last_used) set_timestamp(*token.last_used, out.mutable_last_used());
  out.set_state(state_word(token.revoked, token.expires, now));
  return out;
}

v1::AgentEnrolment to_message(const access::Enrolment& enrolment, WallTime now) {
  v1::AgentEnrolment out;
  out.set_id(enrolment.id);
  out.set_agent(enrolment.agent);
  set_timestamp(enrolment.created, out.mutable_created());
  out.set_created_by(enrolment.created_by);
  set_timestamp(enrolment.expires, out.mutable_expires());
  if (enrolment.used) set_timestamp(*enrolment.used, out.mutable_used());
  out.set_attempts(enrolment.attempts);
  out.set_state(enrolment.used                                   ? "used"
                : enrolment.attempts >= access::kMaxCodeAttempts ? "blocked"
                : now >= enrolment.expires                       ? "expired"
                                                                 : "open");
  return out;
}

v1::AgentCertificate to_message(const access::AgentCertificate& certificate, WallTime now) {
  v1::AgentCertificate out;
  out.set_fingerprint(certificate.fingerprint);
  out.set_agent(certificate.agent);
  set_timestamp(certificate.created, out.mutable_created());
  set_timestamp(certificate.expires, out.mutable_expires());
  if (certificate.revoked) set_timestamp(*certificate.revoked, out.mutable_revoked());
  out.set_revoked_by(certificate.revoked_by);
  out.set_why(certificate.why);
  out.set_state(state_word(certificate.revoked, certificate.expires, now));
  return out;
}

v1::AuditEntry to_message(const access::AuditEntry& entry) {
  v1::AuditEntry out;
  out.set_id(entry.id);
  set_timestamp(entry.time, out.mutable_time());
  out.set_who(entry.who);
  out.set_role(entry.role);
  out.set_method(entry.method);
  out.set_target(entry.target);
  out.set_outcome(entry.outcome);
  out.set_detail(entry.detail);
  out.set_peer(entry.peer);
  out.set_times(entry.times);
  return out;
}

}  // namespace kiln::controller
