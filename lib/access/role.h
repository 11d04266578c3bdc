#pragma once
/// Who may call what: one table from each method of kiln.v1 to what it takes.
/// Thread-safety: pure functions.
#include <span>
#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace kiln::access {

/// Each may do what the ones before it may.
enum class Role {
  kViewer,     ///< looks at runs, machines, logs
  kSubmitter,  ///< plans and starts runs, cancels them
  kKeeper,     ///< keeps machines, schedules and known issues
  kAdmin,      ///< tokens, agents, the audit
};
std::string_view to_string(Role role);  ///< "viewer"
Result<Role> parse_role(std::string_view word);

/// What a method takes.
enum class Need {
  kNothing,  ///< it proves by itself who calls (a one-time code)
  kLocal,    ///< the data folder's socket: it names files of the controller's computer
  kAgent,    ///< an agent's certificate
  kRole,     ///< a user with at least `role`
};

struct MethodRule {
  std::string_view method;  ///< "/kiln.v1.Lab/StartRun"
  Need need = Need::kRole;
  Role role = Role::kAdmin;  ///< with Need::kRole
  bool changes = false;      ///< its calls are in the audit
};

/// nullptr: there is no such method, so nobody may call it.
const MethodRule* rule_of(std::string_view method);
std::span<const MethodRule> all_rules();
/// "Lab.StartRun", for people.
std::string short_name(std::string_view method);

/// A user's name: [A-Za-z0-9._@-], 1 to 64 of them; not `local`, which is who comes by the data
/// folder's socket.
Status check_user_name(std::string_view name);

/// The role is enough, or kPermission that names the one needed and the one there is.
Status require(const MethodRule& rule, const std::string& user, Role role);

}  // namespace kiln::access
