#include "lib/access/secret.h"

#include <gmock/gmock.h>

#include <set>

#include "lib/access/rows.h"
#include "lib/os/files.h"
#include "lib/os/random.h"

namespace kiln::access {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

WallTime at(int64_t seconds) {
  return WallTime(Millis(1'790'000'000'000 + seconds * 1000));
}

std::string bytes(size_t count) {
  return os::random_bytes(count).value();
}

TEST(Secret, ATokenIsReadBackAndOpens) {
  std::set<std::string> ids;
  for (int i = 0; i < 200; ++i) {
    const NewSecret token = make_token(bytes(kTokenEntropy));
    EXPECT_EQ(token.text.size(), 66U);
    EXPECT_TRUE(token.text.starts_with("kiln_" + token.id + "_"));
    const auto claim = parse_token(token.text);
    ASSERT_TRUE(claim) << token.text;
    EXPECT_EQ(claim->id, token.id);
    EXPECT_TRUE(matches(token.hash, claim->secret));
    EXPECT_THAT(token.hash, Not(HasSubstr(claim->secret)));
    ids.insert(token.text);
  }
  EXPECT_EQ(ids.size(), 200U);
}

TEST(Secret, AllBitsOfATokenCount) {
  const std::string entropy(kTokenEntropy, '\0');
  const NewSecret first = make_token(entropy);
  std::set<std::string> hashes = {first.hash};
  for (size_t bit = 0; bit < 256; ++bit) {
    std::string other = entropy;
    other[5 + bit / 8] = static_cast<char>(1 << (bit % 8));
    hashes.insert(make_token(other).hash);
  }
  EXPECT_EQ(hashes.size(), 257U);
}

TEST(Secret, WhatIsNoTokenIsNone) {
  const std::string good = make_token(bytes(kTokenEntropy)).text;
  std::vector<std::string> bad = {"",
                                  "kiln_",
                                  "kiln__",
                                  good + "a",
                                  good.substr(1),
                                  good.substr(0, 65),
                                  "Bearer " + good,
                                  std::string(1 << 20, 'a')};
  for (size_t at_byte : {0, 4, 5, 13, 14, 65}) {
    std::string text = good;
    text[at_byte] = '!';
    bad.push_back(text);
  }
  for (const std::string& text : bad) EXPECT_FALSE(parse_token(text)) << text.substr(0, 100);
}

TEST(Secret, AnyOtherSecretIsWrong) {
  const NewSecret token = make_token(bytes(kTokenEntropy));
  std::string secret = parse_token(token.text)->secret;
  for (char& c : secret) {
    const char was = c;
    c = was == 'a' ? 'b' : 'a';
    EXPECT_FALSE(matches(token.hash, secret));
    c = was;
  }
  EXPECT_TRUE(matches(token.hash, secret));
  EXPECT_FALSE(matches("", secret));
  EXPECT_FALSE(matches(token.hash, ""));
}

TEST(Secret, ACodeMayBeTypedAsPeopleDo) {
  const NewSecret code = make_code("\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23");
  EXPECT_EQ(code.text.size(), 19U);
  const auto claim = parse_code(code.text);
  ASSERT_TRUE(claim);
  EXPECT_EQ(claim->id, code.id);
  EXPECT_TRUE(matches(code.hash, claim->secret));
  std::string lower;
  for (const char c : code.text) {
    if (c == '-') continue;
    lower += c == '0' ? 'o' : c == '1' ? 'l' : static_cast<char>(std::tolower(c));
  }
  const auto typed = parse_code("  " + lower + "\n");
  ASSERT_TRUE(typed) << lower;
  EXPECT_EQ(typed->secret, claim->secret);
  for (const std::string& text :
       {std::string(), std::string("0123"), code.text + "0", std::string("U123-4567-89AB-CDEF"),
        std::string(200, ' ') + code.text,
        std::string("0123-4567-89AB-CD\xff"
                    "F")}) {
    EXPECT_FALSE(parse_code(text)) << text;
  }
}

TEST(Secret, NoSecretPartIsLeftInALogLine) {
  const NewSecret token = make_token(bytes(kTokenEntropy));
  const std::string secret = parse_token(token.text)->secret;
  EXPECT_EQ(redact("a " + token.text + " b " + token.text),
            "a kiln_" + token.id + "_*** b kiln_" + token.id + "_***");
  EXPECT_EQ(redact("https://" + token.text + "@lab:7070/x"),
            "https://kiln_" + token.id + "_***@lab:7070/x");
  EXPECT_THAT(redact(token.text + secret), Not(HasSubstr(secret.substr(0, 5))));
  EXPECT_THAT(redact("kiln_abc_" + secret.substr(0, 20)), Not(HasSubstr(secret.substr(0, 5))));
  EXPECT_EQ(redact("nothing kiln_ here, kiln_x"), "nothing kiln_ here, kiln_x");
  EXPECT_EQ(redact(""), "");
}

Token token_of(const NewSecret& secret) {
  Token token;
  token.id = secret.id;
  token.hash = secret.hash;
  token.user = "anna";
  token.created = at(0);
  return token;
}

TEST(Rows, AnExpiredAndARevokedTokenSaySoToTheirOwnerOnly) {
  const NewSecret made = make_token(bytes(kTokenEntropy));
  const std::string secret = parse_token(made.text)->secret;
  Token token = token_of(made);
  EXPECT_TRUE(check_token(token, secret, at(1)));
  token.expires = at(60);
  EXPECT_TRUE(check_token(token, secret, at(59)));
  const Status late = check_token(token, secret, at(60));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().message,
            "the token " + made.id + " of anna expired on 2026-09-21 14:14 UTC");
  token.revoked = at(30);
  const Status revoked = check_token(token, secret, at(31));
  EXPECT_EQ(revoked.error().message,
            "the token " + made.id + " of anna was revoked on 2026-09-21 14:13 UTC");
  const Status stranger = check_token(token, secret + "a", at(31));
  EXPECT_EQ(stranger.error().message, unknown_token().message);
  EXPECT_THAT(stranger.error().message, Not(HasSubstr("anna")));
}

TEST(Rows, ACodeIsGoodOnceAndForItsTime) {
  const NewSecret made = make_code(bytes(kCodeEntropy));
  const std::string secret = parse_code(made.text)->secret;
  Enrolment enrolment;
  enrolment.id = made.id;
  enrolment.hash = made.hash;
  enrolment.agent = "rack-1";
  enrolment.expires = at(60);
  EXPECT_EQ(state_of(enrolment, secret, at(0)), CodeState::kGood);
  EXPECT_EQ(state_of(enrolment, secret, at(60)), CodeState::kExpired);
  EXPECT_EQ(state_of(enrolment, "0", at(60)), CodeState::kWrong) << "told to its owner only";
  enrolment.used = at(10);
  EXPECT_EQ(state_of(enrolment, secret, at(11)), CodeState::kUsed);
  EXPECT_EQ(state_of(enrolment, "0", at(11)), CodeState::kWrong);
  enrolment.attempts = kMaxCodeAttempts;
  EXPECT_EQ(state_of(enrolment, secret, at(11)), CodeState::kBlocked);
  EXPECT_THAT(code_error(CodeState::kWrong, enrolment).message, Not(HasSubstr("rack-1")));
  EXPECT_THAT(code_error(CodeState::kBlocked, enrolment).message, Not(HasSubstr("rack-1")));
  EXPECT_THAT(code_error(CodeState::kUsed, enrolment).message, HasSubstr("rack-1"));
}

}  // namespace
}  // namespace kiln::access
