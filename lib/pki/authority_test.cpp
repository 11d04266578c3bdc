#include "lib/pki/authority.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "lib/pki/testing.h"

namespace kiln::pki {
namespace {

using ::testing::ElementsAre;

class AuthorityTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const Status made =
        Authority::create(folder(), "Test lab", {"localhost", "127.0.0.1"}, test_now());
    ASSERT_TRUE(made) << render(made.error());
  }
  [[nodiscard]] os::Path folder() const { return temp_.path() / "pki"; }
  static unsigned mode_of(const os::Path& path) {
    struct stat info {};
    EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
    return info.st_mode & 07777;
  }
  [[nodiscard]] Facts server_facts() const {
    return read_certificate(read_identity(folder() / "server.pem")->certificates).value();
  }
  os::TempFolder temp_ = std::move(*os::TempFolder::make("/tmp", "authority-test"));
};

TEST_F(AuthorityTest, KeysAreItsOwnersAndTheCertificateIsForAll) {
  EXPECT_EQ(mode_of(folder()), 0700U);
  EXPECT_EQ(mode_of(folder() / "ca.pem"), 0600U);
  EXPECT_EQ(mode_of(folder() / "server.pem"), 0600U);
  EXPECT_EQ(mode_of(folder() / "ca.crt"), 0644U);
  const std::string text = os::read_file(folder() / "ca.crt").value();
  EXPECT_EQ(text.find("PRIVATE"), std::string::npos);
}

TEST_F(AuthorityTest, ItIsMadeOnceAndSignsAfterItIsOpenedAgain) {
  const Status again = Authority::create(folder(), "Other", {"localhost"}, test_now());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::kConflict);
  const auto authority = Authority::open(folder());
  ASSERT_TRUE(authority) << render(authority.error());
  const auto request = make_request("rack-1");
  const auto certificate = authority->sign_agent(request->csr, "rack-1", test_now());
  ASSERT_TRUE(certificate) << render(certificate.error());
  EXPECT_TRUE(check(*certificate, authority->certificate(), Purpose::kAgent, test_now()));
  EXPECT_EQ(authority->fingerprint()->size(), 64U);
}

TEST_F(AuthorityTest, WhatWasRefusedLeavesNothing) {
  const os::Path other = temp_.path() / "other";
  EXPECT_FALSE(Authority::create(other, "Lab", {"no host"}, test_now()));
  EXPECT_FALSE(std::filesystem::exists(other));
  ASSERT_TRUE(os::make_dirs(other / "in-the-way"));
  EXPECT_FALSE(Authority::create(other, "Lab", {"localhost"}, test_now()));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(temp_.path()), {}), 2)
      << "no half-made one beside it";
}

TEST_F(AuthorityTest, AFolderWithoutOneSaysWhatMakesIt) {
  const auto none = Authority::open(temp_.path() / "none");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().hint, "kiln lab init makes an authority");
}

TEST_F(AuthorityTest, TheServersCertificateIsRenewedInTimeWithItsNames) {
  auto authority = Authority::open(folder());
  const Facts first = server_facts();
  EXPECT_FALSE(authority->renew_server(test_now()).value());
  EXPECT_EQ(server_facts().fingerprint, first.fingerprint);
  const WallTime later = test_now() + 300 * kDay;
  EXPECT_TRUE(authority->renew_server(later).value());
  const Facts second = server_facts();
  EXPECT_NE(second.fingerprint, first.fingerprint);
  EXPECT_NE(second.public_key, first.public_key);
  EXPECT_THAT(second.hosts, ElementsAre("localhost", "127.0.0.1"));
  EXPECT_EQ(second.not_after, later + kServerLifetime);
  EXPECT_FALSE(authority->renew_server(later).value());
}

TEST_F(AuthorityTest, TheServerMayGetOtherNames) {
  auto authority = Authority::open(folder());
  EXPECT_FALSE(authority->set_hosts({"localhost", "127.0.0.1"}, test_now()).value());
  EXPECT_TRUE(authority->set_hosts({"lab.example.org"}, test_now()).value());
  EXPECT_THAT(server_facts().hosts, ElementsAre("lab.example.org"));
  EXPECT_FALSE(authority->set_hosts({"not a host"}, test_now()));
  EXPECT_THAT(server_facts().hosts, ElementsAre("lab.example.org")) << "the old one stays";
}

}  // namespace
}  // namespace kiln::pki
