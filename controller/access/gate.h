#pragma once
/// Who calls, and whether they may: decided from what is in memory, so that no call waits for the
/// disk. Safe for concurrent use.
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "lib/access/rows.h"
#include "lib/base/clock.h"
#include "lib/base/sync.h"
#include "lib/db/access_table.h"
#include "lib/pki/pki.h"

namespace kiln::controller {

/// Where a call came in.
enum class Port {
  kLocal,      ///< the data folder's socket: its file's mode is the guard
  kUsers,      ///< TLS; tokens, and certificates of agents
  kAgents,     ///< TLS with an agent's certificate
  kDashboard,  ///< handed on by the dashboard's gateway, with the token of who looks
};

/// What a call brings. The certificate is one that the lab's authority signed: TLS has seen to it.
struct CallFacts {
  Port port = Port::kUsers;
  std::string_view method;                        ///< "/kiln.v1.Lab/StartRun"
  std::optional<std::string_view> authorization;  ///< the metadata's value
  std::string_view certificate;                   ///< PEM, "" = none
};

/// Who it is.
struct Caller {
  enum class Kind { kNobody, kLocal, kUser, kAgent };
  Kind kind = Kind::kNobody;
  std::string name;                           ///< "anna", "rack-1", "local"
  access::Role role = access::Role::kViewer;  ///< of a user, and of kLocal
  std::string token_id{};
  std::optional<WallTime> expires{};
  std::string fingerprint{};  ///< of an agent's certificate

  /// "anna", "agent:rack-1", "local", "" for the audit.
  [[nodiscard]] std::string who() const;
  /// "admin", "agent", "" for the audit.
  [[nodiscard]] std::string role_word() const;
};

/// How a call is to be answered.
struct Decision {
  enum class Answer {
    kAdmit,
    kUnknownMethod,
    kUnauthenticated,  ///< nobody knows who it is
    kDenied,           ///< known, and may not
  };
  Answer answer = Answer::kDenied;
  Caller caller{};  ///< as far as known, also when refused
  Error why{};      ///< when refused
};

class Gate {
 public:
  /// The clock must outlive it.
  explicit Gate(const Clock& clock) : clock_(clock) {}

  /// From now on the dashboard shows what viewers may see to whoever reaches it, without a token.
  void welcome_guests() { guests_ = true; }

  /// Takes tokens and certificates from the database: at the start, and after each change.
  Status load(db::AccessTable table);

  [[nodiscard]] Decision decide(const CallFacts& facts);
  /// Who it is, whatever they want; kNobody when nobody knows.
  [[nodiscard]] Caller identify(const CallFacts& facts);

 private:
  /// What decisions are made of; replaced as a whole.
  struct Known {
    std::unordered_map<std::string, access::Token> tokens;                   // by id
    std::unordered_map<std::string, access::AgentCertificate> certificates;  // by fingerprint
    std::unordered_map<std::string, WallTime> revoked;  ///< by agent: its newest revocation
  };
  [[nodiscard]] std::shared_ptr<const Known> known();
  /// Somebody with a proof; when it is no good (any more), whose it was as far as that is sure.
  struct Proved {
    Caller caller{};
    Status good{};
  };
  Proved user_of(std::string_view authorization);
  Proved agent_of(std::string_view certificate);
  /// Certificates are read once: the same few come with every call.
  Result<pki::Facts> read(std::string_view certificate);

  /// Looking on, on the dashboard, without a token.
  [[nodiscard]] Decision decide_guest(const access::MethodRule& rule) const;

  const Clock& clock_;
  std::atomic<bool> guests_{false};
  Sync<std::shared_ptr<const Known>> known_{std::make_shared<const Known>()};
  Sync<std::unordered_map<std::string, pki::Facts>> read_;
};

}  // namespace kiln::controller
