#include "controller/gateway/visitors.h"

#include <algorithm>

#include "lib/access/secret.h"
#include "lib/os/files.h"

namespace kiln::controller {
namespace {

constexpr const char* kAnyViewer = "/kiln.v1.Access/WhoAmI";
constexpr const char* kNoToken = "Bearer ?";

class TokenVisitors final : public Visitors {
 public:
  TokenVisitors(Gate& gate, AuditLog& audit, bool guests)
      : gate_(gate), audit_(audit), guests_(guests) {}

  Decision decide(const Visitor& visitor, const std::string& method) override {
    const std::string words = authorization(visitor);
    Decision decision = gate_.decide(facts(words, method));
    if (decision.answer == Decision::Answer::kAdmit) {
      if (!decision.caller.token_id.empty()) audit_.used(decision.caller.token_id);
      return decision;
    }
    // A page that looks around before anybody signed in is no attempt at anything.
    if (!words.empty()) refused(decision, method, visitor.peer);
    return decision;
  }

  Caller who(const Visitor& visitor) override {
    const std::string words = authorization(visitor);
    return gate_.identify(facts(words, kAnyViewer));
  }

  Result<std::string> sign_in(const std::string& secret, const std::string& peer) override {
    const std::string words = secret.empty() ? kNoToken : authorization({secret, peer});
    Decision decision = gate_.decide(facts(words, kAnyViewer));
    if (decision.answer == Decision::Answer::kAdmit) return secret;
    refused(decision, kAnyViewer, peer);
    return fail(std::move(decision.why));
  }

  /// Only what can be a token becomes metadata of a call; what cannot is still no guest's.
  std::string authorization(const Visitor& visitor) override {
    if (visitor.cookie.empty()) return "";
    return access::parse_token(visitor.cookie) ? "Bearer " + visitor.cookie : kNoToken;
  }

  [[nodiscard]] bool welcomes_guests() const override { return guests_; }
  [[nodiscard]] bool opens_by_address() const override { return false; }

 private:
  static CallFacts facts(const std::string& authorization, std::string_view method) {
    CallFacts facts;
    facts.port = Port::kDashboard;
    facts.method = method;
    if (!authorization.empty()) facts.authorization = authorization;
    return facts;
  }

  void refused(const Decision& decision, const std::string& method, const std::string& peer) {
    access::AuditEntry entry;
    entry.who = decision.caller.who();
    entry.role = decision.caller.role_word();
    entry.method =
        decision.answer == Decision::Answer::kUnknownMethod ? "?" : access::short_name(method);
    entry.detail = decision.why.message;
    entry.peer = peer;
    audit_.refused(std::move(entry));
  }

  Gate& gate_;
  AuditLog& audit_;
  const bool guests_;
};

class KeyVisitors final : public Visitors {
 public:
  explicit KeyVisitors(std::string key) : hash_(os::sha256_hex(key)) {}

  Decision decide(const Visitor& visitor, const std::string& /*method*/) override {
    if (Caller caller = who(visitor); caller.kind == Caller::Kind::kLocal)
      return {Decision::Answer::kAdmit, std::move(caller)};
    return {Decision::Answer::kUnauthenticated, {}, refusal()};
  }

  Caller who(const Visitor& visitor) override {
    if (!access::matches(hash_, visitor.cookie)) return {};
    return {Caller::Kind::kLocal, "local", access::Role::kAdmin};
  }

  Result<std::string> sign_in(const std::string& secret, const std::string& /*peer*/) override {
    if (access::matches(hash_, secret)) return secret;
    return fail(refusal());
  }

  std::string authorization(const Visitor& /*visitor*/) override { return ""; }
  [[nodiscard]] bool welcomes_guests() const override { return false; }
  [[nodiscard]] bool opens_by_address() const override { return true; }

 private:
  static Error refusal() {
    return Error(ErrorKind::kPermission, "this address needs its key")
        .with_hint("open the whole address that kiln serve printed");
  }

  const std::string hash_;
};

}  // namespace

std::unique_ptr<Visitors> token_visitors(Gate& gate, AuditLog& audit, bool guests) {
  if (guests) gate.welcome_guests();
  return std::make_unique<TokenVisitors>(gate, audit, guests);
}

std::unique_ptr<Visitors> key_visitors(std::string key) {
  return std::make_unique<KeyVisitors>(std::move(key));
}

}  // namespace kiln::controller
