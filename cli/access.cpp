/// kiln token, agent invite and revoke, audit: who may come into a lab.
#include <fmt/format.h>

#include <iostream>

#include "cli/calls.h"
#include "cli/embedded.h"
#include "cli/terminal.h"
#include "lib/conf/units.h"
#include "lib/report/lab_lists.h"
#include "lib/report/report.h"
#include "lib/rpc/status.h"

namespace kiln::cli {
namespace {

constexpr auto kDeadline = std::chrono::seconds(30);

/// "90d" as seconds, "never" as -1, "" as 0: the lab's own.
Result<double> lifetime(const std::string& text) {
  if (text.empty()) return 0.0;
  if (text == "never") return -1.0;
  const auto parsed = conf::parse_duration(text);
  if (!parsed) return fail(ErrorKind::kBadInput, "`" + text + "` is no time: 12h, 90d, never");
  return static_cast<double>(parsed->count()) / 1000.0;
}

Result<int> token_add_checked(const Options& options) {
  v1::CreateTokenRequest request;
  request.set_user(options.lab.user);
  request.set_role(options.lab.role);
  request.set_note(options.lab.reason);
  KILN_ASSIGN(const double seconds, lifetime(options.lab.lifetime));
  request.set_lifetime_seconds(seconds);
  KILN_ASSIGN(const auto lab, EmbeddedLab::start(options, HostMode::kLab));
  KILN_ASSIGN(const auto reply,
              ask<v1::CreateTokenReply>(lab->access(), &v1::Access::Stub::CreateToken, request,
                                        "making a token", kDeadline));
  std::cerr << "shown only now; kiln lab join takes it\n";
  return print_reply(options, reply, reply.token());
}

Result<int> token_list_checked(const Options& options) {
  v1::ListTokensRequest request;
  request.set_with_ended(options.lab.with_ended);
  KILN_ASSIGN(const auto lab, EmbeddedLab::start(options, HostMode::kLab));
  KILN_ASSIGN(const auto reply,
              ask<v1::ListTokensReply>(lab->access(), &v1::Access::Stub::ListTokens, request,
                                       "asking for the tokens", kDeadline));
  return print_reply(options, reply, report::tokens_to_text(reply));
}

Result<int> token_revoke_checked(const Options& options) {
  v1::RevokeTokenRequest request;
  request.set_id(options.lab.id);
  KILN_ASSIGN(const auto lab, EmbeddedLab::start(options, HostMode::kLab));
  KILN_ASSIGN(const auto reply,
              ask<v1::RevokeTokenReply>(lab->access(), &v1::Access::Stub::RevokeToken, request,
                                        "revoking the token", kDeadline));
  std::cerr << fmt::format("the token {} of {} is revoked\n", reply.token().id(),
                           reply.token().user());
  return kOk;
}

Result<int> invite_checked(const Options& options) {
  v1::CreateEnrolmentRequest request;
  request.set_agent(options.lab.agent);
  KILN_ASSIGN(const double seconds, lifetime(options.lab.lifetime));
  request.set_lifetime_seconds(seconds);
  KILN_ASSIGN(const auto lab, EmbeddedLab::start(options, HostMode::kLab));
  KILN_ASSIGN(const auto reply,
              ask<v1::CreateEnrolmentReply>(lab->access(), &v1::Access::Stub::CreateEnrolment,
                                            request, "inviting " + options.lab.agent, kDeadline));
  return print_reply(options, reply,
                     fmt::format("on the agent's computer, once and within the code's time:\n\n"
                                 "  kiln-agent enrol --lab HOST:7420 --name {} --code {} \\\n"
                                 "      --fingerprint {} --folder /var/lib/kiln-agent\n",
                                 options.lab.agent, reply.code(), reply.ca_fingerprint()));
}

Result<int> revoke_agent_checked(const Options& options) {
  v1::RevokeAgentRequest request;
  request.set_agent(options.lab.agent);
  request.set_why(options.lab.reason);
  request.set_unknown(options.lab.unknown);
  KILN_ASSIGN(const auto lab, EmbeddedLab::start(options, HostMode::kLab));
  KILN_ASSIGN(const auto reply,
              ask<v1::RevokeAgentReply>(lab->access(), &v1::Access::Stub::RevokeAgent, request,
                                        "revoking the agent", kDeadline));
  std::cerr << fmt::format("{} may not come any more ({} certificate{})\n", options.lab.agent,
                           reply.certificates(), reply.certificates() == 1 ? "" : "s");
  return kOk;
}

Result<int> audit_checked(const Options& options) {
  v1::ListAuditRequest request;
  request.set_who(options.lab.user);
  request.set_outcome(options.lab.outcome);
  request.set_limit(options.limit);
  KILN_ASSIGN(const auto lab, EmbeddedLab::start(options, HostMode::kLab));
  KILN_ASSIGN(const auto reply,
              ask<v1::ListAuditReply>(lab->access(), &v1::Access::Stub::ListAudit, request,
                                      "asking for the audit", kDeadline));
  return print_reply(options, reply, report::audit_to_text(reply));
}

}  // namespace

int token_add_command(const Options& options) {
  return finish(options, token_add_checked(options));
}
int token_list_command(const Options& options) {
  return finish(options, token_list_checked(options));
}
int token_revoke_command(const Options& options) {
  return finish(options, token_revoke_checked(options));
}
int invite_command(const Options& options) {
  return finish(options, invite_checked(options));
}
int revoke_agent_command(const Options& options) {
  return finish(options, revoke_agent_checked(options));
}
int audit_command(const Options& options) {
  return finish(options, audit_checked(options));
}

}  // namespace kiln::cli
