#include "controller/access/access_desk.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "controller/access/messages.h"
#include "lib/base/text.h"
#include "lib/os/random.h"

namespace kiln::controller {
namespace {

constexpr Millis kTokenLifetime = 90 * pki::kDay;
constexpr Millis kCodeLifetime = std::chrono::hours(1);
constexpr Millis kMaxCodeLifetime = 7 * pki::kDay;
constexpr Millis kKeepEnrolments = 30 * pki::kDay;
constexpr int kMaxAuditPage = 1000;
constexpr size_t kMaxNote = 200;

/// Seconds of a request as a lifetime: 0 = the usual one.
Result<Millis> lifetime_of(double seconds, Millis usual, Millis most) {
  if (seconds == 0) return usual;
  const double most_seconds = std::chrono::duration<double>(most).count();
  if (!std::isfinite(seconds) || seconds < 1 || seconds > most_seconds)
    return fail(ErrorKind::kBadInput, fmt::format("a lifetime of {} s is refused: 1 s to {}",
                                                  seconds, human_duration(most)));
  return Millis(static_cast<int64_t>(seconds * 1000));
}

Status check_note(const std::string& note) {
  if (note.size() <= kMaxNote && to_valid_utf8(note) == note) return {};
  return fail(ErrorKind::kBadInput, fmt::format("a note has at most {} bytes of text", kMaxNote));
}

/// Makes secrets until store(secret) finds the id free.
template <typename Make, typename Store>
Result<access::NewSecret> stored_secret(size_t entropy, Make make, Store store) {
  for (int i = 0;; ++i) {
    KILN_ASSIGN(const std::string bytes, os::random_bytes(entropy));
    access::NewSecret secret = make(bytes);
    const Status stored = store(secret);
    if (stored) return secret;
    if (stored.error().kind != ErrorKind::kConflict || i == 9) return fail(stored.error());
  }
}

}  // namespace

Result<v1::CreateTokenReply> make_stored_token(db::AccessTable table,
                                               const v1::CreateTokenRequest& request,
                                               const std::string& who, WallTime now) {
  KILN_TRY(access::check_user_name(request.user()));
  KILN_TRY(check_note(request.note()));
  access::Token token;
  KILN_ASSIGN(token.role, access::parse_role(request.role()));
  if (request.lifetime_seconds() != -1) {
    KILN_ASSIGN(const Millis lifetime,
                lifetime_of(request.lifetime_seconds(), kTokenLifetime, pki::kCaLifetime));
    token.expires = now + lifetime;
  }
  token.user = request.user();
  token.note = request.note();
  token.created = now;
  token.created_by = who;
  KILN_ASSIGN(
      const access::NewSecret secret,
      stored_secret(access::kTokenEntropy, access::make_token, [&](const access::NewSecret& made) {
        token.id = made.id;
        token.hash = made.hash;
        return table.add_token(token);
      }));
  v1::CreateTokenReply reply;
  reply.set_token(secret.text);
  *reply.mutable_stored() = to_message(token, now);
  return reply;
}

Result<std::string> AccessDesk::tick() {
  const WallTime now = parts_.clock.now();
  const std::set<std::string> again = std::exchange(*drop_again_.lock(), {});
  for (const std::string& agent : again)
    if (parts_.agent_revoked) parts_.agent_revoked(agent);
  KILN_TRY(table_.forget_enrolments(now - kKeepEnrolments));
  KILN_ASSIGN(const bool renewed, parts_.authority.renew_server(now));
  return std::string(renewed ? "the server has a new certificate" : "");
}

void AccessDesk::drop(const std::string& agent) {
  if (parts_.agent_revoked) parts_.agent_revoked(agent);
  drop_again_.lock()->insert(agent);
}

Result<v1::CreateTokenReply> AccessDesk::create_token(const v1::CreateTokenRequest& request,
                                                      const Caller& caller) {
  KILN_ASSIGN(auto reply, make_stored_token(table_, request, caller.who(), parts_.clock.now()));
  KILN_TRY(parts_.gate.load(table_));
  return reply;
}

Result<v1::ListTokensReply> AccessDesk::list_tokens(const v1::ListTokensRequest& request) {
  KILN_ASSIGN(const auto tokens, table_.tokens());
  v1::ListTokensReply reply;
  for (const access::Token& token : tokens) {
    v1::AccessToken message = to_message(token, parts_.clock.now());
    if (request.with_ended() || message.state() == "good") *reply.add_tokens() = std::move(message);
  }
  return reply;
}

Result<v1::RevokeTokenReply> AccessDesk::revoke_token(const v1::RevokeTokenRequest& request,
                                                      const Caller& caller) {
  const WallTime now = parts_.clock.now();
  // People paste what they have: the whole token names itself, too.
  const auto whole = access::parse_token(request.id());
  KILN_ASSIGN(const access::Token token,
              table_.revoke_token(whole ? whole->id : to_valid_utf8(request.id().substr(0, 80)),
                                  caller.who(), now));
  KILN_TRY(parts_.gate.load(table_));
  v1::RevokeTokenReply reply;
  *reply.mutable_token() = to_message(token, now);
  return reply;
}

Result<v1::CreateEnrolmentReply> AccessDesk::create_enrolment(
    const v1::CreateEnrolmentRequest& request, const Caller& caller) {
  KILN_TRY(pki::check_agent_name(request.agent()));
  KILN_ASSIGN(const Millis lifetime,
              lifetime_of(request.lifetime_seconds(), kCodeLifetime, kMaxCodeLifetime));
  access::Enrolment enrolment;
  enrolment.agent = request.agent();
  enrolment.created = parts_.clock.now();
  enrolment.created_by = caller.who();
  enrolment.expires = enrolment.created + lifetime;
  KILN_ASSIGN(
      const access::NewSecret secret,
      stored_secret(access::kCodeEntropy, access::make_code, [&](const access::NewSecret& made) {
        enrolment.id = made.id;
        enrolment.hash = made.hash;
        return table_.add_enrolment(enrolment);
      }));
  v1::CreateEnrolmentReply reply;
  reply.set_code(secret.text);
  KILN_ASSIGN(*reply.mutable_ca_fingerprint(), parts_.authority.fingerprint());
  *reply.mutable_stored() = to_message(enrolment, enrolment.created);
  return reply;
}

Result<v1::ListEnrolmentsReply> AccessDesk::list_enrolments() {
  KILN_ASSIGN(const auto enrolments, table_.enrolments());
  v1::ListEnrolmentsReply reply;
  for (const access::Enrolment& enrolment : enrolments)
    *reply.add_enrolments() = to_message(enrolment, parts_.clock.now());
  return reply;
}

Result<v1::ListCertificatesReply> AccessDesk::list_certificates(
    const v1::ListCertificatesRequest& request) {
  KILN_ASSIGN(const auto certificates, table_.certificates());
  v1::ListCertificatesReply reply;
  for (const access::AgentCertificate& each : certificates) {
    v1::AgentCertificate message = to_message(each, parts_.clock.now());
    if (request.with_ended() || message.state() == "good")
      *reply.add_certificates() = std::move(message);
  }
  return reply;
}

Result<v1::RevokeAgentReply> AccessDesk::revoke_agent(const v1::RevokeAgentRequest& request,
                                                      const Caller& caller) {
  KILN_TRY(pki::check_agent_name(request.agent()));
  KILN_TRY(check_note(request.why()));
  KILN_ASSIGN(const int ended, table_.revoke_agent(request.agent(), caller.who(), request.why(),
                                                   parts_.clock.now(), request.unknown()));
  KILN_TRY(parts_.gate.load(table_));
  drop(request.agent());
  v1::RevokeAgentReply reply;
  reply.set_certificates(ended);
  return reply;
}

Result<v1::ListAuditReply> AccessDesk::list_audit(const v1::ListAuditRequest& request) {
  if (!request.outcome().empty() && request.outcome() != "done" && request.outcome() != "failed" &&
      request.outcome() != "refused") {
    return fail(ErrorKind::kBadInput, "an outcome is done, failed or refused");
  }
  // What was done a moment ago belongs in the answer.
  parts_.audit.flush(Millis(1000));
  db::AuditQuery query;
  query.who = request.who();
  query.outcome = request.outcome();
  query.before_id = std::max<int64_t>(0, request.before_id());
  query.limit = request.limit() <= 0 ? 100 : std::min(request.limit(), kMaxAuditPage);
  KILN_ASSIGN(const auto entries, table_.audit(query));
  v1::ListAuditReply reply;
  for (const access::AuditEntry& entry : entries) *reply.add_entries() = to_message(entry);
  return reply;
}

}  // namespace kiln::controller
