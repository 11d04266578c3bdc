/// kiln findings: what needs a person, over all runs, and what was decided of it.
#include <fmt/format.h>

#include <ctime>

#include "cli/calls.h"
#include "cli/embedded.h"
#include "lib/base/number.h"
#include "lib/conf/units.h"
#include "lib/report/findings_list.h"

namespace kiln::cli {
namespace {

using Stub = v1::Findings::Stub;

/// "412/f3"
Result<v1::FindingRef> ref_of(const std::string& name) {
  std::string_view rest = name;
  const auto run = take_number(rest);
  if (!run || *run > INT64_MAX || rest.size() < 3 || !rest.starts_with("/f"))
    return fail(Error(ErrorKind::kBadInput, fmt::format("`{}` names no finding", name))
                    .with_hint("412/f3 is the finding f3 of run 412 (kiln findings list)"));
  v1::FindingRef ref;
  ref.set_run_id(static_cast<int64_t>(*run));
  ref.set_finding(std::string(rest.substr(1)));
  return ref;
}

Result<int> list_checked(const Options& options) {
  v1::ListFindingsRequest request;
  request.set_state(options.findings.state);
  request.set_where(options.findings.where);
  request.set_limit(options.findings.limit);
  KILN_ASSIGN(const auto host, EmbeddedLab::start(options, HostMode::kReadOnly));
  KILN_ASSIGN(const auto reply, ask<v1::ListFindingsReply>(host->findings(), &Stub::ListFindings,
                                                           request, "listing the findings"));
  return print_reply(options, reply, report::findings_to_text(reply));
}

Result<int> decide_checked(const Options& options, const char* action) {
  v1::DecideFindingsRequest request;
  request.set_action(action);
  request.set_reason(options.findings.reason);
  request.set_owner(options.findings.owner);
  request.set_who(who_asks());
  if (!options.findings.span.empty()) {
    const auto span = conf::parse_duration(options.findings.span);
    if (!span)
      return fail(Error(ErrorKind::kBadInput,
                        fmt::format("--for: `{}` is no duration", options.findings.span))
                      .with_hint("12h, 3d"));
    request.mutable_until()->set_seconds(std::time(nullptr) + span->count() / 1000);
  }
  for (const std::string& name : options.findings.names) {
    KILN_ASSIGN(*request.add_findings(), ref_of(name));
  }
  KILN_ASSIGN(const auto host, EmbeddedLab::start(options, HostMode::kReview));
  KILN_ASSIGN(const auto reply,
              ask<v1::DecideFindingsReply>(host->findings(), &Stub::DecideFindings, request,
                                           "deciding the findings"));
  return print_reply(options, reply, report::decision_to_text(reply.decision()));
}

Result<int> undo_checked(const Options& options) {
  v1::UndoDecisionRequest request;
  request.set_id(options.findings.decision);
  KILN_ASSIGN(const auto host, EmbeddedLab::start(options, HostMode::kReview));
  KILN_ASSIGN(const auto reply, ask<v1::UndoDecisionReply>(host->findings(), &Stub::UndoDecision,
                                                           request, "undoing the decision"));
  return print_reply(options, reply, report::decision_to_text(reply.decision()));
}

}  // namespace

int findings_list_command(const Options& options) {
  return finish(options, list_checked(options));
}
int findings_dismiss_command(const Options& options) {
  return finish(options, decide_checked(options, "dismiss"));
}
int findings_reopen_command(const Options& options) {
  return finish(options, decide_checked(options, "reopen"));
}
int findings_assign_command(const Options& options) {
  return finish(options, decide_checked(options, "assign"));
}
int findings_snooze_command(const Options& options) {
  return finish(options, decide_checked(options, "snooze"));
}
int findings_undo_command(const Options& options) {
  return finish(options, undo_checked(options));
}

}  // namespace kiln::cli
