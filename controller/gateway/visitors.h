#pragma once
/// Who looks at the dashboard, by the cookie that the browser brings. Safe for concurrent use.
#include <memory>
#include <optional>
#include <string>

#include "controller/access/audit_log.h"
#include "controller/access/gate.h"

namespace kiln::controller {

/// What a browser brings: its cookie ("" = none) and where it comes from.
struct Visitor {
  std::string cookie;
  std::string peer;
};

class Visitors {
 public:
  virtual ~Visitors() = default;
  /// Whether the call may go on; a refusal is in the audit.
  virtual Decision decide(const Visitor& visitor, const std::string& method) = 0;
  /// kNobody when nobody is signed in (any more).
  virtual Caller who(const Visitor& visitor) = 0;
  /// The cookie for a secret that somebody types; kPermission.
  virtual Result<std::string> sign_in(const std::string& secret, const std::string& peer) = 0;
  /// For the metadata of a call that is handed on; "" = none.
  virtual std::string authorization(const Visitor& visitor) = 0;
  /// The secret may come in an address that is opened: the one of `kiln serve`.
  [[nodiscard]] virtual bool opens_by_address() const = 0;
  /// Whoever comes sees what viewers see.
  [[nodiscard]] virtual bool welcomes_guests() const = 0;
};

/// Of a lab: the cookie is the user's token, checked with each call, so that a token that is
/// revoked or expires ends here as it does everywhere. Gate and audit must outlive it.
std::unique_ptr<Visitors> token_visitors(Gate& gate, AuditLog& audit, bool guests);
/// Of one person's own data folder: who has the key may do everything, and nobody else anything.
std::unique_ptr<Visitors> key_visitors(std::string key);

}  // namespace kiln::controller
