#include <fmt/format.h>

#include "controller/access/access_desk.h"

namespace kiln::controller {

Result<access::Enrolment> AccessDesk::open_code(const v1::EnrolRequest& request,
                                                const std::string& peer) {
  if (!attempts_.allowed(peer))
    return fail(Error(ErrorKind::kConflict, "too many wrong codes came in")
                    .with_hint("wait a minute, then look at the code again"));
  const access::Enrolment nobodys;
  const auto claim = access::parse_code(request.code());
  auto enrolment = claim ? table_.enrolment(claim->id)
                         : Result<access::Enrolment>(fail(ErrorKind::kNotFound, "no code"));
  if (!enrolment) {
    if (enrolment.error().kind != ErrorKind::kNotFound) return enrolment;
    attempts_.failed(peer);
    return fail(access::code_error(access::CodeState::kWrong, nobodys));
  }
  const access::CodeState state = access::state_of(*enrolment, claim->secret, parts_.clock.now());
  if (state == access::CodeState::kGood || state == access::CodeState::kUsed) return enrolment;
  attempts_.failed(peer);
  if (state == access::CodeState::kWrong) KILN_TRY(table_.count_attempt(enrolment->id));
  return fail(access::code_error(state, *enrolment));
}

Result<AccessDesk::Signed> AccessDesk::sign(const std::string& csr, const std::string& agent) {
  const WallTime now = parts_.clock.now();
  Signed made;
  KILN_ASSIGN(made.pem, parts_.authority.sign_agent(csr, agent, now, parts_.agent_lifetime));
  KILN_ASSIGN(const pki::Facts facts, pki::read_certificate(made.pem));
  made.row.fingerprint = facts.fingerprint;
  made.row.agent = agent;
  made.row.created = now;
  made.row.expires = facts.not_after;
  return made;
}

v1::EnrolReply AccessDesk::reply(const std::string& pem, const std::string& agent) const {
  v1::EnrolReply reply;
  reply.set_certificate(pem);
  reply.set_ca(parts_.authority.certificate());
  reply.set_agent(agent);
  return reply;
}

Result<v1::EnrolReply> AccessDesk::enrol_with(access::Enrolment enrolment,
                                              const v1::EnrolRequest& request) {
  KILN_ASSIGN(const pki::RequestFacts facts, pki::read_request(request.csr()));
  if (enrolment.used) {
    // The answer to the first time was lost; its certificate is no secret.
    if (enrolment.public_key == facts.public_key && parts_.clock.now() < enrolment.expires)
      return reply(enrolment.certificate, enrolment.agent);
    return fail(access::code_error(access::CodeState::kUsed, enrolment));
  }
  KILN_ASSIGN(const Signed made, sign(request.csr(), enrolment.agent));
  enrolment.used = parts_.clock.now();
  enrolment.public_key = facts.public_key;
  enrolment.certificate = made.pem;
  KILN_TRY(table_.use_enrolment(enrolment, made.row));
  KILN_TRY(parts_.gate.load(table_));
  // Whoever is still connected with an earlier certificate of this name is somebody else now.
  if (parts_.agent_revoked) parts_.agent_revoked(enrolment.agent);
  return reply(made.pem, enrolment.agent);
}

Result<v1::EnrolReply> AccessDesk::enrol(const v1::EnrolRequest& request, const std::string& peer) {
  auto enrolment = open_code(request, peer);
  Result<v1::EnrolReply> result =
      enrolment ? enrol_with(*enrolment, request) : Result<v1::EnrolReply>(fail(enrolment.error()));
  audit("Enrolment.Enrol", enrolment ? enrolment->agent : "", peer,
        result ? Status() : fail(result.error()));
  return result;
}

Result<v1::EnrolReply> AccessDesk::renew(const v1::RenewRequest& request, const Caller& agent,
                                         const std::string& peer) {
  auto made = sign(request.csr(), agent.name);
  Status stored =
      made ? table_.renew_certificate(made->row, agent.fingerprint) : fail(made.error());
  if (stored) stored = parts_.gate.load(table_);
  audit("Enrolment.Renew", agent.name, peer, stored);
  KILN_TRY(stored);
  return reply(made->pem, agent.name);
}

void AccessDesk::audit(const char* method, const std::string& agent, const std::string& peer,
                       const Status& outcome) {
  access::AuditEntry entry;
  entry.method = method;
  entry.who = agent.empty() ? "" : "agent:" + agent;
  entry.role = agent.empty() ? "" : "agent";
  entry.peer = peer.substr(0, peer.rfind(':'));
  entry.outcome = "done";
  if (outcome) return parts_.audit.record(std::move(entry));
  entry.detail = outcome.error().message;
  if (outcome.error().kind == ErrorKind::kPermission ||
      outcome.error().kind == ErrorKind::kConflict)
    return parts_.audit.refused(std::move(entry));
  entry.outcome = "failed";
  parts_.audit.record(std::move(entry));
}

}  // namespace kiln::controller
