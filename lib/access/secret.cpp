#include "lib/access/secret.h"

#include <algorithm>

#include "lib/os/files.h"

namespace kiln::access {
namespace {

constexpr std::string_view kTokenLetters = "abcdefghijklmnopqrstuvwxyz234567";  // RFC 4648
constexpr std::string_view kCodeLetters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";   // Crockford's
constexpr std::string_view kPrefix = "kiln_";
constexpr size_t kTokenId = 8;
constexpr size_t kTokenSecret = 52;
constexpr size_t kCodeId = 4;
constexpr size_t kCodeSecret = 12;

/// Five bits a letter, the last ones filled with zeros.
std::string base32(std::string_view bytes, std::string_view letters) {
  std::string text;
  unsigned buffer = 0;
  int bits = 0;
  for (const char c : bytes) {
    buffer = (buffer << 8) | static_cast<unsigned char>(c);
    for (bits += 8; bits >= 5; bits -= 5) text += letters[(buffer >> (bits - 5)) & 31];
    buffer &= 0xff;
  }
  if (bits > 0) text += letters[(buffer << (5 - bits)) & 31];
  return text;
}

bool all_of(std::string_view text, std::string_view letters) {
  return text.find_first_not_of(letters) == std::string_view::npos;
}

/// The letter that was meant; 0 = none of ours.
char code_letter(char c) {
  if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  if (c == 'O') c = '0';
  if (c == 'I' || c == 'L') c = '1';
  return kCodeLetters.find(c) == std::string_view::npos ? '\0' : c;
}

}  // namespace

NewSecret make_token(std::string_view entropy) {
  const std::string id = base32(entropy.substr(0, 5), kTokenLetters);
  const std::string secret = base32(entropy.substr(5, 32), kTokenLetters);
  return {id, os::sha256_hex(secret), std::string(kPrefix) + id + "_" + secret};
}

std::optional<Claim> parse_token(std::string_view text) {
  if (text.size() != kPrefix.size() + kTokenId + 1 + kTokenSecret || !text.starts_with(kPrefix))
    return std::nullopt;
  text.remove_prefix(kPrefix.size());
  const std::string_view id = text.substr(0, kTokenId);
  const std::string_view secret = text.substr(kTokenId + 1);
  if (text[kTokenId] != '_' || !all_of(id, kTokenLetters) || !all_of(secret, kTokenLetters))
    return std::nullopt;
  return Claim{std::string(id), std::string(secret)};
}

NewSecret make_code(std::string_view entropy) {
  const std::string letters = base32(entropy.substr(0, kCodeEntropy), kCodeLetters);
  const std::string id = letters.substr(0, kCodeId);
  const std::string secret = letters.substr(kCodeId);
  std::string text = id;
  for (size_t i = 0; i < secret.size(); i += 4) text += "-" + secret.substr(i, 4);
  return {id, os::sha256_hex(secret), text};
}

std::optional<Claim> parse_code(std::string_view text) {
  std::string letters;
  for (const char c : text.substr(0, 100)) {
    if (c == '-' || c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;
    const char letter = code_letter(c);
    if (letter == '\0') return std::nullopt;
    letters += letter;
  }
  if (letters.size() != kCodeId + kCodeSecret || text.size() > 100) return std::nullopt;
  return Claim{letters.substr(0, kCodeId), letters.substr(kCodeId)};
}

bool matches(std::string_view hash, std::string_view secret) {
  const std::string mine = os::sha256_hex(secret);
  if (hash.size() != mine.size()) return false;
  volatile unsigned char difference = 0;
  for (size_t i = 0; i < mine.size(); ++i)
    difference = difference | static_cast<unsigned char>(mine[i] ^ hash[i]);
  return difference == 0;
}

std::string redact(std::string_view text) {
  std::string out;
  while (true) {
    const size_t at = text.find(kPrefix);
    if (at == std::string_view::npos) return out.append(text);
    const size_t id_end =
        std::min(text.find_first_not_of(kTokenLetters, at + kPrefix.size()), text.size());
    out.append(text.substr(0, id_end));
    text.remove_prefix(id_end);
    if (!text.starts_with('_')) continue;
    // Whatever follows could be a secret, also a mistyped one.
    const size_t end = std::min(text.find_first_of(" \t\r\n\"',;@/&", 1), text.size());
    out += "_***";
    text.remove_prefix(end);
  }
}

}  // namespace kiln::access
