#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>

#include "lib/base/text.h"
#include "lib/os/random.h"
#include "lib/pki/openssl.h"
#include "lib/pki/pki.h"

namespace kiln::pki {
namespace {

bool is_address(const std::string& host) {
  std::array<unsigned char, 16> bytes{};
  return ::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
         std::all_of(label.begin(), label.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-';
         });
}

/// Turns of OpenSSL's calls (1 = done) into one Status.
Status done(bool ok, const char* what) {
  if (ok) return {};
  return fail(openssl_error(ErrorKind::kInternal, what));
}

/// 127 random bits: never 0, never negative, never twice.
Status set_serial(X509* certificate) {
  KILN_ASSIGN(std::string bytes, os::random_bytes(16));
  bytes[0] = static_cast<char>((bytes[0] & 0x7f) | 0x40);
  BIGNUM* number = BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()),
                             static_cast<int>(bytes.size()), nullptr);
  const bool ok = number != nullptr &&
                  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nullptr;
  BN_free(number);
  return done(ok, "number a certificate");
}

Status set_times(X509* certificate, WallTime now, Millis lifetime) {
  // A peer's clock may be behind: the beginning lies a little back.
  const Millis back = std::min<Millis>(kDay, lifetime / 10);
  const auto seconds = [](WallTime time) {
    return static_cast<time_t>(time.time_since_epoch() / std::chrono::seconds(1));
  };
  return done(
      ASN1_TIME_set(X509_getm_notBefore(certificate), seconds(now - back)) != nullptr &&
          ASN1_TIME_set(X509_getm_notAfter(certificate), seconds(now + lifetime)) != nullptr,
      "date a certificate");
}

Status set_common_name(X509_NAME* subject, const std::string& name) {
  return done(X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
                                         reinterpret_cast<const unsigned char*>(name.data()),
                                         static_cast<int>(name.size()), -1, 0) == 1,
              "name a certificate");
}

Status add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  const bool ok = extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return done(ok, "extend a certificate");
}

struct Extension {
  int nid;
  std::string value;
};

/// What all our certificates share; `issuer` null = it signs itself.
struct Draft {
  std::string name;
  EVP_PKEY* key = nullptr;
  WallTime now{};
  Millis lifetime{};
  std::vector<Extension> extensions;
};

Result<Cert> sign(const Draft& draft, X509* issuer, EVP_PKEY* issuer_key) {
  if (draft.lifetime <= Millis(0) || draft.lifetime > kCaLifetime)
    return fail(ErrorKind::kBadInput, "a certificate lives between a moment and 10 years");
  Cert certificate(X509_new());
  X509* const raw = certificate.get();
  KILN_TRY(
      done(raw != nullptr && X509_set_version(raw, X509_VERSION_3) == 1, "make a certificate"));
  KILN_TRY(set_serial(raw));
  KILN_TRY(set_times(raw, draft.now, draft.lifetime));
  KILN_TRY(set_common_name(X509_get_subject_name(raw), draft.name));
  X509* const above = issuer == nullptr ? raw : issuer;
  KILN_TRY(done(X509_set_issuer_name(raw, X509_get_subject_name(above)) == 1 &&
                    X509_set_pubkey(raw, draft.key) == 1,
                "make a certificate"));
  for (const Extension& each : draft.extensions)
    KILN_TRY(add_extension(raw, above, each.nid, each.value));
  KILN_TRY(add_extension(raw, above, NID_subject_key_identifier, "hash"));
  KILN_TRY(add_extension(raw, above, NID_authority_key_identifier, "keyid"));
  KILN_TRY(done(X509_sign(raw, issuer_key, EVP_sha256()) > 0, "sign a certificate"));
  return certificate;
}

/// The authority's own key and certificate, which belong together.
struct Authority {
  Key key;
  Cert certificate;
};
Result<Authority> parse_authority(const Identity& ca) {
  KILN_TRY(check_pair(ca));
  Authority authority;
  KILN_ASSIGN(authority.key, parse_key(ca.key));
  KILN_ASSIGN(authority.certificate, parse_certificate(ca.certificates));
  if (X509_check_ca(authority.certificate.get()) != 1)
    return fail(ErrorKind::kBadInput, "the certificate is not an authority's");
  return authority;
}

std::string alternative_names(const std::vector<std::string>& hosts) {
  std::vector<std::string> parts;
  for (const std::string& host : hosts) parts.push_back((is_address(host) ? "IP:" : "DNS:") + host);
  return join(parts, ",");
}

}  // namespace

Status check_agent_name(std::string_view name) {
  const bool good = !name.empty() && name.size() <= 63 && name.front() != '-' &&
                    std::all_of(name.begin(), name.end(), [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
                    });
  if (good) return {};
  return fail(Error(ErrorKind::kBadInput, fmt::format("`{}` cannot be an agent's name",
                                                      to_valid_utf8(name.substr(0, 80))))
                  .with_hint("a-z, 0-9 and -, at most 63 of them, not beginning with -"));
}

Status check_host(std::string_view host) {
  const std::string text(host.substr(0, 300));
  if (is_address(text)) return {};
  const std::vector<std::string> labels = split(text, '.');
  // The last label of a name is no number: 1.2.3.999 is a mistyped address.
  const bool number = !labels.empty() && std::all_of(labels.back().begin(), labels.back().end(),
                                                     [](char c) { return c >= '0' && c <= '9'; });
  if (text.size() <= 253 && !number && std::all_of(labels.begin(), labels.end(), is_label))
    return {};
  return fail(Error(ErrorKind::kBadInput,
                    fmt::format("`{}` is no host name and no address", to_valid_utf8(text)))
                  .with_hint("such as lab.example.org, 192.0.2.7 or 2001:db8::7"));
}

Result<Identity> make_ca(const std::string& name, WallTime now, Millis lifetime) {
  if (name.empty() || name.size() > 64)
    return fail(ErrorKind::kBadInput, "an authority's name has 1 to 64 bytes");
  KILN_ASSIGN(const Key key, new_key());
  KILN_ASSIGN(const Cert certificate, sign({name,
                                            key.get(),
                                            now,
                                            lifetime,
                                            {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                                             {NID_key_usage, "critical,keyCertSign,cRLSign"}}},
                                           nullptr, key.get()));
  Identity identity;
  KILN_ASSIGN(identity.key, key_to_pem(key.get()));
  KILN_ASSIGN(identity.certificates, certificate_to_pem(certificate.get()));
  return identity;
}

Result<Identity> make_server(const Identity& ca, const std::vector<std::string>& hosts,
                             WallTime now, Millis lifetime) {
  if (hosts.empty() || hosts.size() > 100)
    return fail(ErrorKind::kBadInput, "a server has 1 to 100 names and addresses");
  for (const std::string& host : hosts) KILN_TRY(check_host(host));
  KILN_ASSIGN(const Authority authority, parse_authority(ca));
  KILN_ASSIGN(const Key key, new_key());
  // A long name has its place in the alternative names alone: a common name has 64 bytes.
  const std::string& name = hosts.front().size() <= 64 ? hosts.front() : "kiln";
  KILN_ASSIGN(const Cert certificate, sign({name,
                                            key.get(),
                                            now,
                                            lifetime,
                                            {{NID_basic_constraints, "critical,CA:FALSE"},
                                             {NID_key_usage, "critical,digitalSignature"},
                                             {NID_ext_key_usage, "serverAuth"},
                                             {NID_subject_alt_name, alternative_names(hosts)}}},
                                           authority.certificate.get(), authority.key.get()));
  Identity identity;
  KILN_ASSIGN(identity.key, key_to_pem(key.get()));
  KILN_ASSIGN(identity.certificates, certificate_to_pem(certificate.get()));
  KILN_ASSIGN(const std::string above, certificate_to_pem(authority.certificate.get()));
  identity.certificates += above;
  return identity;
}

Result<Request> make_request(const std::string& agent) {
  KILN_TRY(check_agent_name(agent));
  KILN_ASSIGN(const Key key, new_key());
  const Csr csr(X509_REQ_new());
  KILN_TRY(done(csr != nullptr && X509_REQ_set_version(csr.get(), X509_REQ_VERSION_1) == 1 &&
                    X509_REQ_set_pubkey(csr.get(), key.get()) == 1,
                "make a signing request"));
  KILN_TRY(set_common_name(X509_REQ_get_subject_name(csr.get()), agent));
  KILN_TRY(done(X509_REQ_sign(csr.get(), key.get(), EVP_sha256()) > 0, "sign a request"));
  Request request;
  KILN_ASSIGN(request.key, key_to_pem(key.get()));
  KILN_ASSIGN(request.csr, request_to_pem(csr.get()));
  return request;
}

Result<std::string> sign_agent(const Identity& ca, const std::string& csr, const std::string& agent,
                               WallTime now, Millis lifetime) {
  KILN_TRY(check_agent_name(agent));
  KILN_ASSIGN(const RequestFacts facts, read_request(csr));
  if (facts.name != agent)
    return fail(ErrorKind::kBadInput, fmt::format("the signing request is of `{}`, not of `{}`",
                                                  to_valid_utf8(facts.name), agent));
  KILN_ASSIGN(const Csr request, parse_request(csr));
  KILN_ASSIGN(const Authority authority, parse_authority(ca));
  KILN_ASSIGN(const Cert certificate, sign({agent,
                                            X509_REQ_get0_pubkey(request.get()),
                                            now,
                                            lifetime,
                                            {{NID_basic_constraints, "critical,CA:FALSE"},
                                             {NID_key_usage, "critical,digitalSignature"},
                                             {NID_ext_key_usage, "clientAuth"}}},
                                           authority.certificate.get(), authority.key.get()));
  return certificate_to_pem(certificate.get());
}

}  // namespace kiln::pki
