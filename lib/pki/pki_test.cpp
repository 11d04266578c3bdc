#include "lib/pki/pki.h"

#include <gmock/gmock.h>
#include <openssl/rsa.h>
#include <sys/stat.h>

#include <fstream>

#include "lib/os/process.h"
#include "lib/pki/files.h"
#include "lib/pki/openssl.h"
#include "lib/pki/testing.h"

namespace kiln::pki {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A request with any key and subject, signed by another key when `signer` is given.
std::string odd_request(EVP_PKEY* key, const std::vector<std::string>& names,
                        EVP_PKEY* signer = nullptr) {
  const Csr csr(X509_REQ_new());
  X509_REQ_set_version(csr.get(), X509_REQ_VERSION_1);
  X509_REQ_set_pubkey(csr.get(), key);
  for (const std::string& name : names) {
    X509_NAME_add_entry_by_NID(X509_REQ_get_subject_name(csr.get()), NID_commonName, MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.data()),
                               static_cast<int>(name.size()), -1, 0);
  }
  X509_REQ_sign(csr.get(), signer == nullptr ? key : signer, EVP_sha256());
  return request_to_pem(csr.get()).value();
}

std::string error_of(const Result<std::string>& result) {
  return result ? "no error" : result.error().message;
}

TEST(Pki, AnAuthoritySignsAServerAndAnAgentForTheirPurposeOnly) {
  const Identity ca = test_ca();
  const auto server = make_server(ca, {"lab.example.org", "192.0.2.7", "2001:db8::7"}, test_now());
  ASSERT_TRUE(server) << render(server.error());
  const Identity agent = test_agent(ca, "rack-1");
  EXPECT_TRUE(check(server->certificates, ca.certificates, Purpose::kServer, test_now()));
  EXPECT_TRUE(check(agent.certificates, ca.certificates, Purpose::kAgent, test_now()));
  EXPECT_FALSE(check(server->certificates, ca.certificates, Purpose::kAgent, test_now()));
  EXPECT_FALSE(check(agent.certificates, ca.certificates, Purpose::kServer, test_now()));
  EXPECT_TRUE(check_pair(*server));
  EXPECT_TRUE(check_pair(agent));
  EXPECT_FALSE(check_pair({agent.key, server->certificates}));
}

TEST(Pki, ACertificateIsReadBack) {
  const Identity ca = test_ca();
  const auto server = make_server(ca, {"lab.example.org", "192.0.2.7", "2001:db8::7"}, test_now());
  const auto facts = read_certificate(server->certificates);
  ASSERT_TRUE(facts) << render(facts.error());
  EXPECT_EQ(facts->name, "lab.example.org");
  EXPECT_EQ(facts->issuer, "Test lab");
  EXPECT_THAT(facts->hosts, ElementsAre("lab.example.org", "192.0.2.7", "2001:db8::7"));
  EXPECT_EQ(facts->not_after, test_now() + kServerLifetime);
  EXPECT_EQ(facts->not_before, test_now() - kDay);
  EXPECT_EQ(facts->fingerprint.size(), 64U);
  EXPECT_FALSE(facts->authority);
  const auto above = read_certificate(ca.certificates);
  EXPECT_TRUE(above->authority);
  EXPECT_EQ(above->not_after, test_now() + kCaLifetime);
  EXPECT_NE(above->fingerprint, facts->fingerprint);
}

TEST(Pki, AnotherAuthoritysCertificateAndAnExpiredOneAreRefused) {
  const Identity ca = test_ca();
  const Identity other = test_ca();  // the same name, another key
  const Identity agent = test_agent(ca, "rack-1");
  EXPECT_FALSE(check(agent.certificates, other.certificates, Purpose::kAgent, test_now()));
  const Status late = check(agent.certificates, ca.certificates, Purpose::kAgent,
                            test_now() + kAgentLifetime + Millis(2000));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().message, "the certificate is refused: certificate has expired");
  EXPECT_FALSE(check(agent.certificates, ca.certificates, Purpose::kAgent, test_now() - 2 * kDay));
  // A clock that is an hour behind is no reason.
  EXPECT_TRUE(check(agent.certificates, ca.certificates, Purpose::kAgent,
                    test_now() - std::chrono::hours(1)));
}

TEST(Pki, AnAgentsCertificateSignsNothing) {
  const Identity ca = test_ca();
  const Identity agent = test_agent(ca, "rack-1");
  const auto request = make_request("rack-2");
  EXPECT_EQ(error_of(sign_agent(agent, request->csr, "rack-2", test_now())),
            "the certificate is not an authority's");
  EXPECT_FALSE(make_server(agent, {"localhost"}, test_now()));
}

TEST(Pki, ARenewalMayKeepTheKeyAndIsDueAtTwoThirds) {
  const Identity ca = test_ca();
  const auto request = make_request("rack-1");
  const auto first = sign_agent(ca, request->csr, "rack-1", test_now(), 90 * kDay);
  const auto second = sign_agent(ca, request->csr, "rack-1", test_now(), 90 * kDay);
  const auto one = read_certificate(*first);
  const auto two = read_certificate(*second);
  EXPECT_EQ(one->public_key, two->public_key);
  EXPECT_EQ(one->public_key, read_request(request->csr)->public_key);
  EXPECT_NE(one->fingerprint, two->fingerprint) << "serial numbers differ";
  // Its life is 91 days: 1 day lies before `now`.
  EXPECT_FALSE(needs_renewal(*one, test_now() + 59 * kDay));
  EXPECT_TRUE(needs_renewal(*one, test_now() + 60 * kDay));
}

TEST(Pki, ARequestOfAnotherNameIsRefused) {
  const Identity ca = test_ca();
  const auto request = make_request("rack-1");
  EXPECT_EQ(error_of(sign_agent(ca, request->csr, "rack-2", test_now())),
            "the signing request is of `rack-1`, not of `rack-2`");
  const Key key = std::move(*new_key());
  EXPECT_EQ(
      error_of(sign_agent(ca, odd_request(key.get(), {"rack-2", "rack-1"}), "rack-2", test_now())),
      "it has several common names");
  EXPECT_EQ(error_of(sign_agent(ca, odd_request(key.get(), {}), "rack-2", test_now())),
            "it has no common name");
  EXPECT_EQ(error_of(sign_agent(ca, odd_request(key.get(), {"rack\n2"}), "rack-2", test_now())),
            "its common name has control characters");
}

TEST(Pki, ARequestSignedByAnotherKeyIsRefused) {
  const Key key = std::move(*new_key());
  const Key thief = std::move(*new_key());
  EXPECT_EQ(error_of(sign_agent(test_ca(), odd_request(key.get(), {"rack-1"}, thief.get()),
                                "rack-1", test_now())),
            "the signing request is not signed by its own key");
}

TEST(Pki, OtherKindsOfKeysAreRefused) {
  const Key rsa(EVP_RSA_gen(1024));
  const Key curve(EVP_EC_gen("P-384"));
  for (const Key* key : {&rsa, &curve}) {
    EXPECT_EQ(
        error_of(sign_agent(test_ca(), odd_request(key->get(), {"rack-1"}), "rack-1", test_now())),
        "the signing request has a key that is not EC P-256");
    EXPECT_FALSE(parse_key(key_to_pem(key->get()).value()));
  }
}

TEST(Pki, GarbageIsAnErrorWithoutAQuestion) {
  const Identity ca = test_ca();
  const std::string begin = "-----BEGIN CERTIFICATE REQUEST-----\n";
  const std::string end = "-----END CERTIFICATE REQUEST-----\n";
  const std::string csr = make_request("rack-1")->csr;
  const std::vector<std::string> bad = {
      "",
      "hello",
      std::string("\0\xff\x30", 3),
      begin,
      begin + end,
      begin + "!!!!\n" + end,
      begin + "AAAA\n" + end,
      ca.certificates,
      ca.key,
      csr.substr(0, csr.size() / 2),
      begin + std::string(200'000, 'A') + "\n" + end,
      std::string(100'000, '\n') + csr,
  };
  for (const std::string& text : bad) {
    const auto signed_one = sign_agent(ca, text, "rack-1", test_now());
    ASSERT_FALSE(signed_one) << text.substr(0, 100);
    EXPECT_EQ(signed_one.error().kind, ErrorKind::kBadInput);
    EXPECT_LT(signed_one.error().message.size(), 200U);
  }
  EXPECT_FALSE(read_certificate(csr));
  EXPECT_FALSE(check("x", ca.certificates, Purpose::kAgent, test_now()));
  EXPECT_FALSE(check(ca.certificates, "x", Purpose::kAgent, test_now()));
  // Each byte of a request, changed, gives an error or the same request; never a crash.
  for (size_t i = 0; i < csr.size(); ++i) {
    std::string text = csr;
    text[i] = text[i] == 'A' ? 'B' : 'A';
    const auto facts = read_request(text);
    EXPECT_TRUE(!facts || facts->name == "rack-1");
  }
}

TEST(Pki, AnEncryptedKeyIsRefusedWithoutAskingTheTerminal) {
  const Key key = std::move(*new_key());
  const Bio bio(BIO_new(BIO_s_mem()));
  std::string word = "secret";
  PEM_write_bio_PrivateKey(bio.get(), key.get(), EVP_aes_128_cbc(),
                           reinterpret_cast<unsigned char*>(word.data()), 6, nullptr, nullptr);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  EXPECT_FALSE(parse_key(std::string(data, static_cast<size_t>(size))));
}

TEST(Pki, NamesThatCouldBeMoreThanNamesAreRefused) {
  for (const char* name : {"a", "rack-1", "0", "a--b"}) EXPECT_TRUE(check_agent_name(name)) << name;
  for (const std::string& name :
       {std::string(), std::string("-a"), std::string("Rack"), std::string("a.b"),
        std::string("a/b"), std::string(".."), std::string("a b"), std::string("a\0b", 3),
        std::string(64, 'a'), std::string("\xc3\xa4")}) {
    EXPECT_FALSE(check_agent_name(name)) << name;
  }
  for (const char* host : {"localhost", "lab.example.org", "192.0.2.7", "::1", "a-1.b"})
    EXPECT_TRUE(check_host(host)) << host;
  for (const char* host : {"", ".", "a..b", "-a", "*.example.org", "a,DNS:b", "1.2.3.999", "a b",
                           "[::1]", "host:80", "dirName:x"}) {
    EXPECT_FALSE(check_host(host)) << host;
  }
  EXPECT_FALSE(make_server(test_ca(), {"good", "a,IP:127.0.0.1"}, test_now()));
  EXPECT_FALSE(make_server(test_ca(), {}, test_now()));
}

/// Files in a folder of their own.
class PkiFiles : public ::testing::Test {
 protected:
  os::TempFolder folder_ = std::move(*os::TempFolder::make("/tmp", "pki-test"));
};

TEST_F(PkiFiles, KeysAreTheirOwnersAlone) {
  const os::Path file = folder_.path() / "agent.pem";
  const Identity ca = test_ca();
  const auto server = make_server(ca, {"localhost"}, test_now());
  ASSERT_TRUE(write_identity(file, *server));
  struct stat info {};
  ASSERT_EQ(::stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600U);
  const auto back = read_identity(file);
  ASSERT_TRUE(back) << render(back.error());
  EXPECT_EQ(back->key, server->key);
  EXPECT_EQ(back->certificates, server->certificates) << "the authority's, too";
  ASSERT_EQ(::chmod(file.c_str(), 0640), 0);
  const auto open = read_identity(file);
  ASSERT_FALSE(open);
  EXPECT_EQ(open.error().kind, ErrorKind::kPermission);
  EXPECT_THAT(open.error().hint, HasSubstr("chmod 600"));
}

TEST_F(PkiFiles, WhatDoesNotBelongTogetherIsNeitherWrittenNorRead) {
  const os::Path file = folder_.path() / "agent.pem";
  const Identity ca = test_ca();
  EXPECT_FALSE(write_identity(file, {ca.key, test_agent(ca, "rack-1").certificates}));
  EXPECT_FALSE(os::file_size(file));
  ASSERT_TRUE(os::write_atomic(file, ca.key, 0600));
  EXPECT_FALSE(read_identity(file));
  ASSERT_TRUE(os::write_atomic(file, "-----BEGIN CERTIFICATE-----\n-----END", 0600));
  EXPECT_FALSE(read_identity(file));
  EXPECT_EQ(read_identity(folder_.path() / "none").error().kind, ErrorKind::kNotFound);
  EXPECT_FALSE(write_certificate(file, "none"));
}

TEST_F(PkiFiles, OpensslsOwnToolAgrees) {
  const Identity ca = test_ca(real_now());
  const auto server = make_server(ca, {"localhost", "127.0.0.1"}, real_now());
  const os::Path authority = folder_.path() / "ca.crt";
  const os::Path file = folder_.path() / "server.pem";
  ASSERT_TRUE(write_certificate(authority, ca.certificates));
  ASSERT_TRUE(write_identity(file, *server));
  os::Command command;
  command.argv = {"openssl",  "verify",    "-x509_strict", "-CAfile",   authority.string(),
                  "-purpose", "sslserver", "-verify_ip",   "127.0.0.1", file.string()};
  const auto verified = os::run(command);
  ASSERT_TRUE(verified) << render(verified.error());
  EXPECT_EQ(verified->code, 0) << verified->err;
  command.argv = {"openssl", "x509", "-in", file.string(), "-noout", "-fingerprint", "-sha256"};
  const auto printed = os::run(command);
  std::string digits;
  for (const char c : printed->out.substr(printed->out.find('=') + 1))
    if (c != ':' && c != '\n') digits += static_cast<char>(std::tolower(c));
  EXPECT_EQ(digits, read_certificate(server->certificates)->fingerprint);
}

}  // namespace
}  // namespace kiln::pki
