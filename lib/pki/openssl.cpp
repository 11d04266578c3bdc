#include "lib/pki/openssl.h"

#include <fmt/format.h>
#include <openssl/ec.h>
#include <openssl/err.h>

#include <array>

#include "lib/base/clock.h"
#include "lib/os/files.h"

namespace kiln::pki {
namespace {

constexpr size_t kMaxPem = 64 << 10;

/// Without it OpenSSL asks the terminal for the pass phrase of an encrypted key.
int no_pass_phrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) {
  return -1;
}

/// Calls read(bio) on the text; what it gives must not be null.
template <typename T, typename Read>
Result<T> parse(std::string_view pem, const char* what, Read read) {
  if (pem.size() > kMaxPem)
    return fail(ErrorKind::kBadInput, fmt::format("{} of {} is too long (at most {})", what,
                                                  human_bytes(pem.size()), human_bytes(kMaxPem)));
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  T object(bio ? read(bio.get()) : nullptr);
  if (!object) return fail(openssl_error(ErrorKind::kBadInput, fmt::format("read {}", what)));
  return object;
}

template <typename Write>
Result<std::string> to_pem(const char* what, Write write) {
  const Bio bio(BIO_new(BIO_s_mem()));
  if (!bio || write(bio.get()) != 1)
    return fail(openssl_error(ErrorKind::kInternal, fmt::format("write {}", what)));
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

}  // namespace

Error openssl_error(ErrorKind kind, std::string_view what) {
  const unsigned long first = ERR_get_error();
  ERR_clear_error();
  const char* words = first == 0 ? nullptr : ERR_reason_error_string(first);
  return Error(kind, fmt::format("cannot {}: {}", what, words == nullptr ? "refused" : words));
}

Result<Key> new_key() {
  Key key(EVP_EC_gen("P-256"));
  if (!key) return fail(openssl_error(ErrorKind::kInternal, "make a key"));
  return key;
}

Status check_key_kind(EVP_PKEY* key, std::string_view whose) {
  std::array<char, 64> group{};
  size_t length = 0;
  if (key != nullptr && EVP_PKEY_is_a(key, "EC") == 1 &&
      EVP_PKEY_get_group_name(key, group.data(), group.size(), &length) == 1 &&
      std::string_view(group.data(), length) == "prime256v1") {
    return {};
  }
  ERR_clear_error();
  return fail(ErrorKind::kBadInput, fmt::format("{} has a key that is not EC P-256", whose));
}

Result<Key> parse_key(std::string_view pem) {
  KILN_ASSIGN(Key key, parse<Key>(pem, "a private key", [](BIO* bio) {
                return PEM_read_bio_PrivateKey(bio, nullptr, no_pass_phrase, nullptr);
              }));
  KILN_TRY(check_key_kind(key.get(), "the file"));
  return key;
}

Result<Cert> parse_certificate(std::string_view pem) {
  return parse<Cert>(pem, "a certificate", [](BIO* bio) {
    return PEM_read_bio_X509(bio, nullptr, no_pass_phrase, nullptr);
  });
}

Result<Csr> parse_request(std::string_view pem) {
  return parse<Csr>(pem, "a signing request", [](BIO* bio) {
    return PEM_read_bio_X509_REQ(bio, nullptr, no_pass_phrase, nullptr);
  });
}

Result<std::string> key_to_pem(EVP_PKEY* key) {
  return to_pem("a private key", [key](BIO* bio) {
    return PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
}

Result<std::string> certificate_to_pem(X509* certificate) {
  return to_pem("a certificate",
                [certificate](BIO* bio) { return PEM_write_bio_X509(bio, certificate); });
}

Result<std::string> request_to_pem(X509_REQ* request) {
  return to_pem("a signing request",
                [request](BIO* bio) { return PEM_write_bio_X509_REQ(bio, request); });
}

Result<std::string> common_name(const X509_NAME* name) {
  const int first = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (first < 0) return fail(ErrorKind::kBadInput, "it has no common name");
  if (X509_NAME_get_index_by_NID(name, NID_commonName, first) >= 0)
    return fail(ErrorKind::kBadInput, "it has several common names");
  const ASN1_STRING* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, first));
  unsigned char* text = nullptr;
  const int length = ASN1_STRING_to_UTF8(&text, value);
  if (length < 0) {
    ERR_clear_error();
    return fail(ErrorKind::kBadInput, "its common name is no text");
  }
  std::string result(reinterpret_cast<const char*>(text), static_cast<size_t>(length));
  OPENSSL_free(text);
  for (const char c : result)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      return fail(ErrorKind::kBadInput, "its common name has control characters");
  return result;
}

std::string public_key_digest(X509_PUBKEY* key) {
  unsigned char* der = nullptr;
  const int length = i2d_X509_PUBKEY(key, &der);
  if (length < 0) {
    ERR_clear_error();
    return "";
  }
  std::string digest = os::sha256_hex(
      std::string_view(reinterpret_cast<const char*>(der), static_cast<size_t>(length)));
  OPENSSL_free(der);
  return digest;
}

}  // namespace kiln::pki
