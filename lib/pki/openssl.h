#pragma once
/// OpenSSL's objects with owners, its errors as ours. Only for this folder.
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace kiln::pki {

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Cert = std::unique_ptr<X509, Freer<X509_free>>;
using Csr = std::unique_ptr<X509_REQ, Freer<X509_REQ_free>>;
using Bio = std::unique_ptr<BIO, Freer<BIO_free>>;

/// "cannot WHAT: OpenSSL's first words"; empties its list of errors.
Error openssl_error(ErrorKind kind, std::string_view what);

Result<Key> new_key();
/// EC P-256, or kBadInput.
Status check_key_kind(EVP_PKEY* key, std::string_view whose);
Result<Key> parse_key(std::string_view pem);
Result<Cert> parse_certificate(std::string_view pem);
Result<Csr> parse_request(std::string_view pem);
Result<std::string> key_to_pem(EVP_PKEY* key);
Result<std::string> certificate_to_pem(X509* certificate);
Result<std::string> request_to_pem(X509_REQ* request);
/// The one common name of a subject; kBadInput when there is none, more than one, or one with odd
/// bytes.
Result<std::string> common_name(const X509_NAME* name);
/// sha256 of the key as it stands in certificates and requests.
std::string public_key_digest(X509_PUBKEY* key);

}  // namespace kiln::pki
