#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <array>
#include <ctime>

#include "lib/base/text.h"
#include "lib/os/files.h"
#include "lib/pki/openssl.h"
#include "lib/pki/pki.h"

namespace kiln::pki {
namespace {

Result<WallTime> to_wall(const ASN1_TIME* time) {
  std::tm utc{};
  if (ASN1_TIME_to_tm(time, &utc) != 1)
    return fail(openssl_error(ErrorKind::kBadInput, "read a certificate's dates"));
  return WallTime(std::chrono::seconds(::timegm(&utc)));
}

std::string address_text(const ASN1_OCTET_STRING* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int length = ASN1_STRING_length(address);
  const int family = length == 4 ? AF_INET : AF_INET6;
  if ((length != 4 && length != 16) ||
      ::inet_ntop(family, ASN1_STRING_get0_data(address), text.data(), text.size()) == nullptr) {
    return "";
  }
  return text.data();
}

std::vector<std::string> hosts_of(const X509* certificate) {
  std::vector<std::string> hosts;
  auto* names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    std::string host;
    if (name->type == GEN_DNS) {
      const auto* data = ASN1_STRING_get0_data(name->d.dNSName);
      host.assign(reinterpret_cast<const char*>(data),
                  static_cast<size_t>(ASN1_STRING_length(name->d.dNSName)));
    } else if (name->type == GEN_IPADD) {
      host = address_text(name->d.iPAddress);
    }
    if (!host.empty()) hosts.push_back(to_valid_utf8(host));
  }
  GENERAL_NAMES_free(names);
  ERR_clear_error();
  return hosts;
}

Result<std::string> fingerprint_of(X509* certificate) {
  unsigned char* der = nullptr;
  const int length = i2d_X509(certificate, &der);
  if (length < 0) return fail(openssl_error(ErrorKind::kBadInput, "read a certificate"));
  std::string digest = os::sha256_hex(
      std::string_view(reinterpret_cast<const char*>(der), static_cast<size_t>(length)));
  OPENSSL_free(der);
  return digest;
}

using Store = std::unique_ptr<X509_STORE, Freer<X509_STORE_free>>;
using StoreContext = std::unique_ptr<X509_STORE_CTX, Freer<X509_STORE_CTX_free>>;

}  // namespace

Result<Facts> read_certificate(std::string_view pem) {
  KILN_ASSIGN(const Cert certificate, parse_certificate(pem));
  X509* const raw = certificate.get();
  Facts facts;
  auto name = common_name(X509_get_subject_name(raw));
  if (!name) return fail(std::move(name).error().while_doing("while reading a certificate"));
  facts.name = std::move(*name);
  facts.issuer = common_name(X509_get_issuer_name(raw)).value_or("");
  facts.hosts = hosts_of(raw);
  KILN_ASSIGN(facts.not_before, to_wall(X509_get0_notBefore(raw)));
  KILN_ASSIGN(facts.not_after, to_wall(X509_get0_notAfter(raw)));
  KILN_ASSIGN(facts.fingerprint, fingerprint_of(raw));
  facts.public_key = public_key_digest(X509_get_X509_PUBKEY(raw));
  facts.authority = X509_check_ca(raw) == 1;
  ERR_clear_error();
  return facts;
}

Result<RequestFacts> read_request(std::string_view csr) {
  KILN_ASSIGN(const Csr request, parse_request(csr));
  EVP_PKEY* const key = X509_REQ_get0_pubkey(request.get());
  KILN_TRY(check_key_kind(key, "the signing request"));
  if (X509_REQ_verify(request.get(), key) != 1) {
    ERR_clear_error();
    return fail(ErrorKind::kBadInput, "the signing request is not signed by its own key");
  }
  RequestFacts facts;
  auto name = common_name(X509_REQ_get_subject_name(request.get()));
  if (!name) return fail(std::move(name).error().while_doing("while reading a signing request"));
  facts.name = std::move(*name);
  facts.public_key = public_key_digest(X509_REQ_get_X509_PUBKEY(request.get()));
  return facts;
}

Status check(std::string_view certificate, std::string_view ca, Purpose purpose, WallTime now) {
  KILN_ASSIGN(const Cert leaf, parse_certificate(certificate));
  KILN_ASSIGN(const Cert root, parse_certificate(ca));
  const Store store(X509_STORE_new());
  const StoreContext context(X509_STORE_CTX_new());
  if (!store || !context || X509_STORE_add_cert(store.get(), root.get()) != 1 ||
      X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), nullptr) != 1) {
    return fail(openssl_error(ErrorKind::kInternal, "check a certificate"));
  }
  X509_STORE_CTX_set_time(context.get(), 0,
                          static_cast<time_t>(now.time_since_epoch() / std::chrono::seconds(1)));
  X509_STORE_CTX_set_purpose(context.get(), purpose == Purpose::kServer ? X509_PURPOSE_SSL_SERVER
                                                                        : X509_PURPOSE_SSL_CLIENT);
  const bool good = X509_verify_cert(context.get()) == 1;
  ERR_clear_error();
  if (good) return {};
  return fail(ErrorKind::kPermission,
              fmt::format("the certificate is refused: {}",
                          X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()))));
}

Status check_pair(const Identity& identity) {
  KILN_ASSIGN(const Key key, parse_key(identity.key));
  KILN_ASSIGN(const Cert certificate, parse_certificate(identity.certificates));
  if (X509_check_private_key(certificate.get(), key.get()) == 1) return {};
  ERR_clear_error();
  return fail(ErrorKind::kBadInput, "the key and the certificate do not belong together");
}

bool needs_renewal(const Facts& facts, WallTime now) {
  return now >= facts.not_before + (facts.not_after - facts.not_before) * 2 / 3;
}

}  // namespace kiln::pki
