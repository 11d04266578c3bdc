#include "lib/report/mail_header.h"

#include <fmt/format.h>

#include <algorithm>

#include "lib/base/text.h"
#include "lib/report/paragraph.h"

namespace kiln::report {
namespace {

constexpr size_t kMostSubject = 300;     // bytes: a line of a mail may have 998
constexpr size_t kMostEncodedWord = 75;  // RFC 2047, delimiters included

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

/// "=?" would be read as the beginning of an encoded word.
bool needs_encoding(std::string_view word) {
  return !is_ascii(word) || word.find("=?") != std::string_view::npos;
}

/// Q encoding of one character's bytes.
std::string encoded(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    out += plain ? std::string(1, c) : fmt::format("={:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

size_t character_length(std::string_view text, size_t at) {
  size_t end = at + 1;
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
  return end - at;
}

/// Encoded words of one text, each short enough, cut between characters.
std::vector<std::string> encoded_words(std::string_view text) {
  constexpr std::string_view kBegin = "=?UTF-8?Q?";
  constexpr std::string_view kEnd = "?=";
  // A line begins with "Subject: " or a blank, and may have 76 characters.
  constexpr size_t kMost = kMostEncodedWord - 12;
  std::vector<std::string> out;
  std::string word(kBegin);
  for (size_t at = 0; at < text.size();) {
    const size_t length = character_length(text, at);
    const std::string next = encoded(text.substr(at, length));
    if (word.size() + next.size() + kEnd.size() > kMost) {
      out.push_back(word + std::string(kEnd));
      word = kBegin;
    }
    word += next;
    at += length;
  }
  out.push_back(word + std::string(kEnd));
  return out;
}

/// The words of a line; neighbours that must be encoded become one text, since blanks between
/// encoded words do not count.
std::vector<std::string> header_words(const std::string& line) {
  std::vector<std::string> out;
  std::string foreign;
  const auto flush = [&] {
    if (foreign.empty()) return;
    for (std::string& word : encoded_words(foreign)) out.push_back(std::move(word));
    foreign.clear();
  };
  for (const std::string& word : split(line, ' ')) {
    if (word.empty()) continue;
    if (needs_encoding(word)) {
      foreign += (foreign.empty() ? "" : " ") + word;
    } else {
      flush();
      out.push_back(word);
    }
  }
  flush();
  return out;
}

std::string shortened(std::string text) {
  if (text.size() <= kMostSubject) return text;
  size_t at = kMostSubject;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
  return text.substr(0, at) + " ...";
}

}  // namespace

std::string mail_subject(std::string_view text) {
  return wrapped("Subject: ", join(header_words(shortened(clean_line(text))), " "), 1);
}

std::string message_id_field(std::string_view id) {
  id = trim(id);
  if (id.starts_with('<') && id.ends_with('>') && id.size() > 2) id = id.substr(1, id.size() - 2);
  const size_t at = id.find('@');
  const bool good = at != std::string_view::npos && at > 0 && at + 1 < id.size() &&
                    id.find('@', at + 1) == std::string_view::npos && id.size() < 900 &&
                    std::all_of(id.begin(), id.end(), [](char c) {
                      return c > 0x20 && c < 0x7F && c != '<' && c != '>';
                    });
  return good ? fmt::format("<{}>", id) : "";
}

std::string mime_fields(std::string_view body) {
  if (is_ascii(body)) return "";
  return "MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n"
         "Content-Transfer-Encoding: 8bit\n";
}

}  // namespace kiln::report
