#include "lib/access/role.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "lib/base/text.h"

namespace kiln::access {
namespace {

constexpr std::array<std::string_view, 4> kRoleWords = {"viewer", "submitter", "keeper", "admin"};

constexpr MethodRule looks(std::string_view method, Role role = Role::kViewer) {
  return {method, Need::kRole, role, false};
}
constexpr MethodRule changes(std::string_view method, Role role) {
  return {method, Need::kRole, role, true};
}

/// In the order of the alphabet. A test walks the .proto files: each method has its row.
constexpr MethodRule kRules[] = {
    changes("/kiln.v1.Access/CreateEnrolment", Role::kAdmin),
    changes("/kiln.v1.Access/CreateToken", Role::kAdmin),
    looks("/kiln.v1.Access/ListAudit", Role::kAdmin),
    looks("/kiln.v1.Access/ListCertificates", Role::kAdmin),
    looks("/kiln.v1.Access/ListEnrolments", Role::kAdmin),
    looks("/kiln.v1.Access/ListTokens", Role::kAdmin),
    changes("/kiln.v1.Access/RevokeAgent", Role::kAdmin),
    changes("/kiln.v1.Access/RevokeToken", Role::kAdmin),
    looks("/kiln.v1.Access/WhoAmI"),
    {"/kiln.v1.AgentLink/AskArtifact", Need::kAgent},
    {"/kiln.v1.AgentLink/Connect", Need::kAgent},
    {"/kiln.v1.AgentLink/FetchArtifact", Need::kAgent},
    {"/kiln.v1.AgentLink/PutArtifact", Need::kAgent},
    {"/kiln.v1.AgentLink/Tunnel", Need::kAgent},
    // These two write their audit themselves: they know the agent's name.
    {"/kiln.v1.Enrolment/Enrol", Need::kNothing},
    {"/kiln.v1.Enrolment/Renew", Need::kAgent},
    // Dismissing is a keeper's: the service looks at it.
    changes("/kiln.v1.Findings/DecideFindings", Role::kSubmitter),
    looks("/kiln.v1.Findings/ListFindings"),
    changes("/kiln.v1.Findings/UndoDecision", Role::kSubmitter),
    looks("/kiln.v1.History/CompareConfigs"),
    looks("/kiln.v1.History/MachineHistory"),
    looks("/kiln.v1.History/MetricHistory"),
    looks("/kiln.v1.History/TestGrid"),
    changes("/kiln.v1.Keeping/ClearAway", Role::kAdmin),
    changes("/kiln.v1.Keeping/KeepRun", Role::kKeeper),
    changes("/kiln.v1.Keeping/LetRunGo", Role::kKeeper),
    looks("/kiln.v1.Keeping/ListKept"),
    changes("/kiln.v1.Lab/CancelRun", Role::kSubmitter),
    looks("/kiln.v1.Lab/GetLog"),
    looks("/kiln.v1.Lab/GetReport"),
    looks("/kiln.v1.Lab/ListRuns"),
    // PlanJob and StartRun take a path; a job from elsewhere comes with its files, by SubmitRun.
    {"/kiln.v1.Lab/PlanJob", Need::kLocal},
    changes("/kiln.v1.Lab/RetryRun", Role::kSubmitter),
    {"/kiln.v1.Lab/StartRun", Need::kLocal, Role::kAdmin, true},
    changes("/kiln.v1.Lab/SubmitRun", Role::kSubmitter),
    looks("/kiln.v1.Lab/WatchRun"),
    looks("/kiln.v1.Live/Watch"),
    looks("/kiln.v1.Logs/ReadLog"),
    looks("/kiln.v1.Logs/SearchLog"),
    // Whose hold it is, is the service's to look at.
    changes("/kiln.v1.Machines/BootMachine", Role::kSubmitter),
    changes("/kiln.v1.Machines/HoldMachine", Role::kSubmitter),
    looks("/kiln.v1.Machines/ListAgents"),
    looks("/kiln.v1.Machines/ListMachines"),
    looks("/kiln.v1.Machines/ListQueue"),
    looks("/kiln.v1.Machines/OpenConsole"),
    changes("/kiln.v1.Machines/OpenSsh", Role::kSubmitter),
    changes("/kiln.v1.Machines/ReleaseMachine", Role::kSubmitter),
    changes("/kiln.v1.Machines/Restore", Role::kKeeper),
    // Not in the audit: each key that is typed is one. Whose console it is, is.
    looks("/kiln.v1.Machines/SendTunnel", Role::kSubmitter),
    changes("/kiln.v1.Machines/SetIntent", Role::kKeeper),
    looks("/kiln.v1.Review/AuditKnown"),
    changes("/kiln.v1.Review/ChangeKnown", Role::kKeeper),
    looks("/kiln.v1.Review/DescribeRepro"),
    changes("/kiln.v1.Review/JudgeRun", Role::kKeeper),
    looks("/kiln.v1.Review/ListKnown"),
    looks("/kiln.v1.Review/PreviewKnown"),
    changes("/kiln.v1.Review/StartRepro", Role::kSubmitter),
    // It takes a path, as Lab/StartRun does.
    {"/kiln.v1.Schedules/AddSchedule", Need::kLocal, Role::kAdmin, true},
    looks("/kiln.v1.Schedules/ListFirings"),
    looks("/kiln.v1.Schedules/ListSchedules"),
    changes("/kiln.v1.Schedules/PauseSchedule", Role::kKeeper),
    changes("/kiln.v1.Schedules/RemoveSchedule", Role::kKeeper),
    changes("/kiln.v1.Schedules/ResumeSchedule", Role::kKeeper),
    changes("/kiln.v1.Schedules/RunNow", Role::kKeeper),
};

}  // namespace

std::string_view to_string(Role role) {
  return kRoleWords.at(static_cast<size_t>(role));
}

Result<Role> parse_role(std::string_view word) {
  for (size_t i = 0; i < kRoleWords.size(); ++i)
    if (kRoleWords.at(i) == word) return static_cast<Role>(i);
  const std::vector<std::string> words(kRoleWords.begin(), kRoleWords.end());
  const std::string near = nearest(word, words);
  return fail(
      Error(ErrorKind::kBadInput, fmt::format("`{}` is no role", to_valid_utf8(word.substr(0, 80))))
          .with_hint(near.empty() ? "one of " + join(words, ", ") : "did you mean " + near + "?"));
}

const MethodRule* rule_of(std::string_view method) {
  const auto* const found = std::lower_bound(
      std::begin(kRules), std::end(kRules), method,
      [](const MethodRule& rule, std::string_view name) { return rule.method < name; });
  return found != std::end(kRules) && found->method == method ? found : nullptr;
}

std::span<const MethodRule> all_rules() {
  return kRules;
}

std::string short_name(std::string_view method) {
  constexpr std::string_view kPackage = "/kiln.v1.";
  if (method.starts_with(kPackage)) method.remove_prefix(kPackage.size());
  std::string name = to_valid_utf8(method.substr(0, 100));
  std::replace(name.begin(), name.end(), '/', '.');
  return name;
}

Status check_user_name(std::string_view name) {
  const bool good = !name.empty() && name.size() <= 64 && name != "local" &&
                    std::all_of(name.begin(), name.end(), [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                             (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-' || c == '@';
                    });
  if (good) return {};
  return fail(Error(ErrorKind::kBadInput,
                    fmt::format("`{}` cannot be a user's name", to_valid_utf8(name.substr(0, 80))))
                  .with_hint("letters, digits and . _ - @, at most 64 of them; `local` is taken"));
}

Status require(const MethodRule& rule, const std::string& user, Role role) {
  if (role >= rule.role) return {};
  return fail(Error(ErrorKind::kPermission,
                    fmt::format("{} needs the role {}, {} has {}", short_name(rule.method),
                                to_string(rule.role), user, to_string(role)))
                  .with_hint("an admin of the lab can make a token with that role"));
}

}  // namespace kiln::access
