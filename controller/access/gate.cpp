#include "controller/access/gate.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "lib/base/text.h"

namespace kiln::controller {
namespace {

constexpr size_t kMaxRead = 4096;

/// The token in "Bearer TOKEN"; "" = something else.
std::string_view bearer(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() < kScheme.size()) return "";
  for (size_t i = 0; i < kScheme.size(); ++i)
    if ((authorization[i] | 0x20) != kScheme[i]) return "";
  return trim(authorization.substr(kScheme.size()));
}

Decision refuse(Decision::Answer answer, Caller caller, Error why) {
  return {answer, std::move(caller), std::move(why)};
}

Error permission(std::string message, std::string hint) {
  return Error(ErrorKind::kPermission, std::move(message)).with_hint(std::move(hint));
}

Caller local_caller() {
  return {Caller::Kind::kLocal, "local", access::Role::kAdmin};
}

}  // namespace

std::string Caller::who() const {
  return kind == Kind::kAgent ? "agent:" + name : name;
}

std::string Caller::role_word() const {
  switch (kind) {
    case Kind::kNobody:
      return "";
    case Kind::kAgent:
      return "agent";
    case Kind::kLocal:
    case Kind::kUser:
      break;
  }
  return std::string(access::to_string(role));
}

Status Gate::load(db::AccessTable table) {
  KILN_ASSIGN(auto tokens, table.tokens());
  KILN_ASSIGN(auto certificates, table.certificates());
  auto known = std::make_shared<Known>();
  for (access::Token& token : tokens) known->tokens.emplace(token.id, std::move(token));
  for (access::AgentCertificate& each : certificates) {
    if (each.revoked) {
      WallTime& newest = known->revoked[each.agent];
      newest = std::max(newest, *each.revoked);
    }
    known->certificates.emplace(each.fingerprint, std::move(each));
  }
  *known_.lock() = std::move(known);
  return {};
}

std::shared_ptr<const Gate::Known> Gate::known() {
  return *known_.lock();
}

Result<pki::Facts> Gate::read(std::string_view certificate) {
  const std::string key(certificate);
  {
    auto cache = read_.lock();
    if (const auto found = cache->find(key); found != cache->end()) return found->second;
  }
  KILN_ASSIGN(pki::Facts facts, pki::read_certificate(certificate));
  auto cache = read_.lock();
  if (cache->size() >= kMaxRead) cache->clear();
  cache->emplace(key, facts);
  return facts;
}

Gate::Proved Gate::agent_of(std::string_view certificate) {
  const auto facts = read(certificate);
  if (!facts) return {{}, fail(facts.error())};
  if (Status name = pki::check_agent_name(facts->name); !name) return {{}, std::move(name)};
  Caller caller{Caller::Kind::kAgent, facts->name};
  caller.expires = facts->not_after;
  caller.fingerprint = facts->fingerprint;
  const auto refused = [&](const char* how) -> Proved {
    return {caller, fail(permission(fmt::format("the certificate of agent {} {}", facts->name, how),
                                    "enrol it again: kiln-agent enrol"))};
  };
  // A connection may outlive the certificate that it began with.
  if (clock_.now() >= facts->not_after) return refused("has expired");
  const auto known = this->known();
  const auto row = known->certificates.find(facts->fingerprint);
  const auto revoked = known->revoked.find(facts->name);
  // One that is not in the database (a restored older one) ends with the others of its agent.
  const bool ended = row != known->certificates.end()
                         ? row->second.revoked.has_value()
                         : revoked != known->revoked.end() && facts->not_before <= revoked->second;
  if (ended) return refused("was revoked");
  return {std::move(caller), {}};
}

Gate::Proved Gate::user_of(std::string_view authorization) {
  const auto claim = access::parse_token(bearer(authorization));
  if (!claim) return {{}, fail(access::unknown_token())};
  const auto known = this->known();
  const auto found = known->tokens.find(claim->id);
  if (found == known->tokens.end()) return {{}, fail(access::unknown_token())};
  const access::Token& token = found->second;
  if (!access::matches(token.hash, claim->secret)) return {{}, fail(access::unknown_token())};
  Caller caller{Caller::Kind::kUser, token.user, token.role};
  caller.token_id = token.id;
  caller.expires = token.expires;
  return {std::move(caller), access::check_token(token, claim->secret, clock_.now())};
}

Caller Gate::identify(const CallFacts& facts) {
  if (facts.port == Port::kLocal) return local_caller();
  Proved proved{{}, fail(access::unknown_token())};
  if (facts.authorization && facts.port != Port::kAgents) {
    proved = user_of(*facts.authorization);
  } else if (!facts.certificate.empty()) {
    proved = agent_of(facts.certificate);
  }
  return proved.good ? std::move(proved.caller) : Caller{};
}

Decision Gate::decide_guest(const access::MethodRule& rule) const {
  if (guests_ && rule.role == access::Role::kViewer && !rule.changes)
    return {Decision::Answer::kAdmit, Caller{}};
  return refuse(
      Decision::Answer::kUnauthenticated, {},
      permission(fmt::format("{} needs the role {}, and nobody is signed in",
                             access::short_name(rule.method), access::to_string(rule.role)),
                 "sign in with a token; an admin of the lab makes them: kiln token add"));
}

Decision Gate::decide(const CallFacts& facts) {
  using Answer = Decision::Answer;
  const access::MethodRule* rule = access::rule_of(facts.method);
  const auto name = [&] { return access::short_name(facts.method); };
  if (rule == nullptr)
    return refuse(Answer::kUnknownMethod, {},
                  Error(ErrorKind::kNotFound, fmt::format("this controller has no {}", name())));
  if (facts.port == Port::kLocal) return {Answer::kAdmit, local_caller()};
  if (rule->need == access::Need::kLocal)
    return refuse(Answer::kDenied, identify(facts),
                  permission(fmt::format("{} is for the controller's own computer", name()),
                             "send the job with its files: kiln submit"));
  if (rule->need == access::Need::kNothing) return {Answer::kAdmit, identify(facts)};
  if (rule->need == access::Need::kAgent) {
    if (facts.certificate.empty())
      return refuse(Answer::kUnauthenticated, {},
                    permission(fmt::format("{} needs an agent's certificate, none came", name()),
                               "enrol the agent: kiln-agent enrol"));
    Proved agent = agent_of(facts.certificate);
    if (!agent.good)
      return refuse(Answer::kDenied, std::move(agent.caller), std::move(agent.good).error());
    return {Answer::kAdmit, std::move(agent.caller)};
  }
  if (facts.port == Port::kAgents) {
    return refuse(Answer::kDenied, identify(facts),
                  permission(fmt::format("{} is not served here: this port is for agents", name()),
                             "users have a port of their own"));
  }
  if (!facts.authorization && facts.port == Port::kDashboard) return decide_guest(*rule);
  if (!facts.authorization)
    return refuse(Answer::kUnauthenticated, identify(facts),
                  permission(fmt::format("{} needs the role {}, and no token came with the call",
                                         name(), access::to_string(rule->role)),
                             "an admin of the lab makes tokens: kiln token add"));
  Proved user = user_of(*facts.authorization);
  if (!user.good)
    return refuse(Answer::kUnauthenticated, std::move(user.caller), std::move(user.good).error());
  if (Status enough = access::require(*rule, user.caller.name, user.caller.role); !enough)
    return refuse(Answer::kDenied, std::move(user.caller), std::move(enough).error());
  return {Answer::kAdmit, std::move(user.caller)};
}

}  // namespace kiln::controller
