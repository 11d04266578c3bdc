#include <fmt/format.h>

#include <array>
#include <cctype>
#include <charconv>

#include "lib/base/text.h"
#include "lib/series/series.h"

namespace kiln::series {
namespace {

bool iequals(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (std::tolower(static_cast<unsigned char>(a[i])) !=
        std::tolower(static_cast<unsigned char>(b[i])))
      return false;
  return true;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

std::string decode_base64(std::string_view text) {
  std::string out;
  unsigned buffer = 0;
  int bits = 0;
  for (const char c : text) {
    int value = -1;
    if (c >= 'A' && c <= 'Z') value = c - 'A';
    if (c >= 'a' && c <= 'z') value = c - 'a' + 26;
    if (c >= '0' && c <= '9') value = c - '0' + 52;
    if (c == '+') value = 62;
    if (c == '/') value = 63;
    if (c == '=') break;
    if (value < 0) continue;
    buffer = (buffer << 6 | static_cast<unsigned>(value)) & 0xffffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out += static_cast<char>(buffer >> bits & 0xff);
    }
  }
  return out;
}

/// Quoted-printable; in_header also turns _ into a blank.
std::string decode_quoted(std::string_view text, bool in_header) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '_' && in_header) {
      out += ' ';
    } else if (text[i] == '=' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 &&
               hex_digit(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else if (text[i] == '=' && i + 2 < text.size() && text[i + 1] == '\r' &&
               text[i + 2] == '\n') {
      i += 2;
    } else if (text[i] == '=' && i + 1 < text.size() && text[i + 1] == '\n') {
      ++i;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string latin_to_utf8(std::string_view text, bool latin9) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out += c;
    } else if (latin9 && byte == 0xa4) {
      out += "\xe2\x82\xac";
    } else {
      out += static_cast<char>(0xc0 | byte >> 6);
      out += static_cast<char>(0x80 | (byte & 0x3f));
    }
  }
  return out;
}

struct EncodedWord {
  bool valid = false;
  size_t length = 0;
  std::string text;
};

/// At "=?": =?charset?Q|B?data?=
EncodedWord encoded_word(std::string_view text) {
  EncodedWord word;
  const size_t charset_end = text.find('?', 2);
  if (charset_end == std::string_view::npos || charset_end + 2 >= text.size()) return word;
  if (text[charset_end + 2] != '?') return word;
  const size_t end = text.find("?=", charset_end + 3);
  if (end == std::string_view::npos) return word;
  const std::string_view charset = text.substr(2, charset_end - 2);
  const char coding =
      static_cast<char>(std::toupper(static_cast<unsigned char>(text[charset_end + 1])));
  const std::string_view data = text.substr(charset_end + 3, end - charset_end - 3);
  std::string raw;
  if (coding == 'Q')
    raw = decode_quoted(data, true);
  else if (coding == 'B')
    raw = decode_base64(data);
  else
    return word;
  if (iequals(charset, "utf-8") || iequals(charset, "us-ascii"))
    word.text = to_valid_utf8(raw);
  else if (iequals(charset, "iso-8859-1") || iequals(charset, "windows-1252"))
    word.text = latin_to_utf8(raw, false);
  else if (iequals(charset, "iso-8859-15"))
    word.text = latin_to_utf8(raw, true);
  else
    return word;
  word.valid = true;
  word.length = end + 2;
  return word;
}

struct Headers {
  std::vector<std::pair<std::string, std::string>> fields;
  size_t body_offset = 0;
  int body_line = 1;

  [[nodiscard]] std::string get(std::string_view name) const {
    for (const auto& [key, value] : fields)
      if (iequals(key, name)) return value;
    return {};
  }
};

Headers read_headers(std::string_view text) {
  Headers headers;
  size_t at = 0;
  int line_number = 0;
  bool first = true;
  while (at < text.size()) {
    size_t end = text.find('\n', at);
    if (end == std::string_view::npos) end = text.size();
    std::string_view line = text.substr(at, end - at);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    ++line_number;
    const size_t next = std::min(end + 1, text.size());
    if (line.empty()) {
      headers.body_offset = next;
      headers.body_line = line_number + 1;
      return headers;
    }
    const size_t colon = line.find(':');
    if (first && line.starts_with("From ")) {
      // mbox separator
    } else if ((line[0] == ' ' || line[0] == '\t') && !headers.fields.empty()) {
      headers.fields.back().second += " " + std::string(trim(line));
    } else if (colon != std::string_view::npos && colon > 0 &&
               line.substr(0, colon).find(' ') == std::string_view::npos) {
      headers.fields.emplace_back(line.substr(0, colon), trim(line.substr(colon + 1)));
    } else {
      break;  // not a mail: a bare diff
    }
    first = false;
    at = next;
  }
  headers.body_offset = at < text.size() ? at : text.size();
  headers.body_line = std::max(line_number, 1);
  return headers;
}

int to_int(std::string_view text) {
  int value = -1;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// The ids of "<a@x> <b@y>".
void add_ids(std::string_view field, std::vector<std::string>* out) {
  constexpr size_t kMostIds = 200;
  while (out->size() < kMostIds) {
    const size_t open = field.find('<');
    if (open == std::string_view::npos) return;
    field.remove_prefix(open + 1);
    const size_t close = field.find('>');
    if (close == std::string_view::npos) return;
    const std::string_view id = field.substr(0, close);
    if (!id.empty() && id.find_first_of(" \t<") == std::string_view::npos)
      out->push_back(to_valid_utf8(id));
    field.remove_prefix(close + 1);
  }
}

/// Takes "[PATCH v2 1/3]" prefixes off the subject.
void read_prefix(Mail& mail) {
  std::string_view rest = trim(mail.subject);
  mail.number = -1;
  while (rest.starts_with('[')) {
    const size_t end = rest.find(']');
    if (end == std::string_view::npos) break;
    for (const std::string& word : split(rest.substr(1, end - 1), ' ')) {
      const size_t slash = word.find('/');
      if (slash != std::string::npos && slash > 0 && to_int(word.substr(slash + 1)) > 0) {
        mail.number = to_int(std::string_view(word).substr(0, slash));
        mail.total = to_int(std::string_view(word).substr(slash + 1));
      } else if (word.size() > 1 && (word[0] == 'v' || word[0] == 'V') &&
                 to_int(std::string_view(word).substr(1)) > 0) {
        mail.version = to_int(std::string_view(word).substr(1));
      }
    }
    rest = trim(rest.substr(end + 1));
  }
  mail.title = rest;
}

/// Did the way of the mail end its lines by CRLF? A patch of a file with such lines has them in its
/// hunks only.
bool has_crlf(std::string_view raw, std::string_view body) {
  const size_t first = raw.find('\n');
  if (first != std::string_view::npos && first > 0 && raw[first - 1] == '\r') return true;
  constexpr std::string_view kDiff = "diff --git ";
  size_t at = body.starts_with(kDiff) ? 0 : body.find("\ndiff --git ");
  if (at == std::string_view::npos) return false;
  at = body.find('\n', at + 1);
  return at != std::string_view::npos && body[at - 1] == '\r';
}

std::string with_plain_ends(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i)
    if (text[i] != '\r' || i + 1 == text.size() || text[i + 1] != '\n') out += text[i];
  return out;
}

}  // namespace

std::string decode_rfc2047(std::string_view text) {
  std::string out;
  bool after_word = false;
  for (size_t i = 0; i < text.size();) {
    if (text.substr(i).starts_with("=?")) {
      if (EncodedWord word = encoded_word(text.substr(i)); word.valid) {
        // Blanks between two encoded words do not count.
        if (after_word)
          while (!out.empty() && (out.back() == ' ' || out.back() == '\t')) out.pop_back();
        out += word.text;
        i += word.length;
        after_word = true;
        continue;
      }
    }
    if (text[i] != ' ' && text[i] != '\t') after_word = false;
    out += text[i++];
  }
  return out;
}

Result<Mail> parse_mail(const Message& message) {
  if (message.text.find('\0') != std::string::npos)
    return fail(
        Error(ErrorKind::kBadInput, fmt::format("{} is a binary file, not a patch", message.name))
            .with_hint("a series is text: git format-patch writes it"));
  const Headers headers = read_headers(message.text);
  Mail mail;
  mail.subject = to_valid_utf8(decode_rfc2047(headers.get("Subject")));
  mail.author = to_valid_utf8(decode_rfc2047(headers.get("From")));
  const std::string raw_id = headers.get("Message-Id");
  std::string_view id = trim(raw_id);
  if (id.starts_with('<') && id.ends_with('>')) id = id.substr(1, id.size() - 2);
  mail.message_id = to_valid_utf8(id);
  add_ids(headers.get("In-Reply-To"), &mail.answers);
  add_ids(headers.get("References"), &mail.answers);
  mail.body = message.text.substr(headers.body_offset);
  mail.body_line = headers.body_line;
  const std::string coding = headers.get("Content-Transfer-Encoding");
  if (iequals(trim(coding), "quoted-printable")) mail.body = decode_quoted(mail.body, false);
  if (iequals(trim(coding), "base64")) mail.body = decode_base64(mail.body);
  if (has_crlf(message.text, mail.body)) mail.body = with_plain_ends(mail.body);
  read_prefix(mail);
  return mail;
}

}  // namespace kiln::series
