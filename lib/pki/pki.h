#pragma once
/// A lab's own certificate authority: its key, the server's certificate, agents' certificates.
/// PEM text in and out, EC P-256 only. Everything that is read is hostile: too long, no PEM, a
/// wrong kind of key are Errors (kBadInput), never a crash or a question on the terminal.
/// Thread-safety: pure functions.
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/result.h"

namespace kiln::pki {

/// A private key and the certificate that goes with it (and those above it), PEM.
struct Identity {
  std::string key;
  std::string certificates;  ///< its own first
};

/// What a certificate says. Its signature is not looked at: check() does.
struct Facts {
  std::string name;                ///< the subject's common name
  std::string issuer;              ///< the issuer's common name
  std::vector<std::string> hosts;  ///< names and addresses that it is for
  WallTime not_before{};
  WallTime not_after{};
  std::string fingerprint;  ///< sha256 of all of it, 64 hex digits
  std::string public_key;   ///< sha256 of the public key, the same over renewals that keep it
  bool authority = false;   ///< may sign others
};

/// What a signing request says; its signature was right.
struct RequestFacts {
  std::string name;
  std::string public_key;  ///< as in Facts
};

struct Request {
  std::string key;  ///< stays where it was made
  std::string csr;
};

enum class Purpose { kServer, kAgent };

inline constexpr Millis kDay = std::chrono::hours(24);
inline constexpr Millis kCaLifetime = 3652 * kDay;
inline constexpr Millis kServerLifetime = 397 * kDay;
inline constexpr Millis kAgentLifetime = 90 * kDay;

/// [a-z0-9-], 1 to 63 of them, not beginning with '-': what an agent may be called.
Status check_agent_name(std::string_view name);
/// A DNS name (no wildcard) or an IP address.
Status check_host(std::string_view host);

/// A new authority; `name` is for people. Certificates are valid from a little before `now`, for
/// clocks that are behind.
Result<Identity> make_ca(const std::string& name, WallTime now, Millis lifetime = kCaLifetime);
/// A server's new key and certificate, with the authority's below it.
Result<Identity> make_server(const Identity& ca, const std::vector<std::string>& hosts,
                             WallTime now, Millis lifetime = kServerLifetime);
/// A new key, and what an agent sends to have it certified.
Result<Request> make_request(const std::string& agent);
/// The agent's certificate, good for dialling out only. Of the request only the key is taken, and
/// its name must be `agent`.
Result<std::string> sign_agent(const Identity& ca, const std::string& csr, const std::string& agent,
                               WallTime now, Millis lifetime = kAgentLifetime);

/// Of the first certificate in the text.
Result<Facts> read_certificate(std::string_view pem);
Result<RequestFacts> read_request(std::string_view csr);
/// The first certificate is by this authority, for this purpose, and valid at `now`.
Status check(std::string_view certificate, std::string_view ca, Purpose purpose, WallTime now);
/// The key is that of the first certificate.
Status check_pair(const Identity& identity);
/// Two thirds of its life are over.
bool needs_renewal(const Facts& facts, WallTime now);

}  // namespace kiln::pki
