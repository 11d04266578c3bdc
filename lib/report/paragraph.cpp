#include "lib/report/paragraph.h"

#include <vector>

#include "lib/base/text.h"

namespace kiln::report {

std::string clean_line(std::string_view text) {
  std::string out = to_valid_utf8(text);
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  // C1 controls (U+0080 to U+009F) are commands to some terminals, too.
  for (size_t i = 0; i + 1 < out.size(); ++i)
    if (out[i] == '\xC2' && static_cast<unsigned char>(out[i + 1]) < 0xA0)
      out[i] = out[i + 1] = ' ';
  return std::string(trim(out));
}

size_t width_of(std::string_view text) {
  size_t n = 0;
  for (const char c : text)
    if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U) ++n;
  return n;
}

std::string padded(std::string_view text, size_t width) {
  std::string out(text);
  const size_t has = width_of(text);
  if (has < width) out.append(width - has, ' ');
  return out;
}

namespace {
/// Words, where "-3.1 %" and "[-4.6, -1.6]" are one.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out;
  for (std::string& word : split(clean_line(text), ' ')) {
    if (word.empty()) continue;
    const bool unit = word.front() == '%' && word.size() <= 2;
    const bool rest = !out.empty() && out.back().front() == '[' && out.back().back() == ',';
    if (!out.empty() && (unit || rest)) {
      out.back() += ' ' + word;
    } else {
      out.push_back(std::move(word));
    }
  }
  return out;
}
}  // namespace

std::string wrapped(std::string_view first, std::string_view text, size_t hang) {
  if (hang == std::string::npos) hang = width_of(first);
  std::string out;
  std::string line(first);
  bool has_word = false;
  for (const std::string& word : words_of(text)) {
    if (has_word && width_of(line) + 1 + width_of(word) > kColumns) {
      out += line + "\n";
      line.assign(hang, ' ');
      has_word = false;
    }
    if (has_word) line += ' ';
    line += word;
    has_word = true;
  }
  const size_t last = line.find_last_not_of(' ');
  line.erase(last == std::string::npos ? 0 : last + 1);
  return out + line + "\n";
}

}  // namespace kiln::report
