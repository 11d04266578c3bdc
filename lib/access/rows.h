#pragma once
/// What a lab keeps of those who may come in: plain structs, and what may be done with one now.
/// Thread-safety: plain values and pure functions.
#include <cstdint>
#include <optional>
#include <string>

#include "lib/access/role.h"
#include "lib/access/secret.h"
#include "lib/base/clock.h"
#include "lib/base/result.h"

namespace kiln::access {

struct Token {
  std::string id;
  std::string hash;
  std::string user;
  Role role = Role::kViewer;
  std::string note;  ///< what it is for
  WallTime created{};
  std::string created_by;
  std::optional<WallTime> expires;  ///< none = never
  std::optional<WallTime> revoked;
  std::string revoked_by;
  std::optional<WallTime> last_used;  ///< to a few minutes
};

/// An agent's permission to come in once.
struct Enrolment {
  std::string id;
  std::string hash;
  std::string agent;
  WallTime created{};
  std::string created_by;
  WallTime expires{};
  int attempts = 0;  ///< with a wrong code
  std::optional<WallTime> used;
  std::string public_key;   ///< of the request that used it (pki::RequestFacts)
  std::string certificate;  ///< that was given for it, PEM
};

/// One certificate that an agent was given.
struct AgentCertificate {
  std::string fingerprint;
  std::string agent;
  WallTime created{};
  WallTime expires{};
  std::optional<WallTime> revoked;
  std::string revoked_by;
  std::string why;  ///< "enrolled again", an admin's words
};

struct AuditEntry {
  int64_t id = 0;
  WallTime time{};
  std::string who;  ///< "anna", "agent:rack-1", "local", "" = nobody knows
  std::string role;
  std::string method;   ///< "Lab.StartRun"
  std::string target;   ///< what it was about: "run 412"
  std::string outcome;  ///< "done" | "failed" | "refused"
  std::string detail;   ///< why refused or failed
  std::string peer;     ///< the address it came from, where that is known
  int times = 1;        ///< so many alike were counted into this one
};

inline constexpr int kMaxCodeAttempts = 5;

/// The secret opens the token at `now`; else kPermission with words that help its owner. Nothing
/// about the token is told to who does not have the secret.
Status check_token(const Token& token, std::string_view secret, WallTime now);
/// The same words for a token that nobody has.
Error unknown_token();

enum class CodeState { kGood, kWrong, kUsed, kExpired, kBlocked };
CodeState state_of(const Enrolment& enrolment, std::string_view secret, WallTime now);
/// What its owner is told; kWrong also for a code that nobody made.
Error code_error(CodeState state, const Enrolment& enrolment);

}  // namespace kiln::access
