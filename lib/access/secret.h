#pragma once
/// How secrets look: users' tokens and agents' one-time codes. Kiln keeps only their SHA-256.
/// Thread-safety: pure functions; who calls brings the random bytes (os::random_bytes).
#include <optional>
#include <string>
#include <string_view>

namespace kiln::access {

/// A secret in the moment of its making: `text` is shown once, `id` and `hash` are kept.
struct NewSecret {
  std::string id;
  std::string hash;
  std::string text;
};
/// A secret as somebody brought it.
struct Claim {
  std::string id;
  std::string secret;
};

inline constexpr size_t kTokenEntropy = 5 + 32;
/// kiln_ID_SECRET: 8 and 52 characters a-z2-7.
NewSecret make_token(std::string_view entropy);
/// nullopt: that cannot be a token.
std::optional<Claim> parse_token(std::string_view text);

inline constexpr size_t kCodeEntropy = 10;
/// XXXX-XXXX-XXXX-XXXX in letters and digits that cannot be mistaken for each other; the first
/// group is the id.
NewSecret make_code(std::string_view entropy);
/// As people type it: small letters, without dashes, O for 0, I and L for 1.
std::optional<Claim> parse_code(std::string_view text);

/// The secret has this hash; takes the same time for every wrong one.
bool matches(std::string_view hash, std::string_view secret);

/// The text with the secret part of each token in it blotted out: kiln_ID_***.
std::string redact(std::string_view text);

}  // namespace kiln::access
