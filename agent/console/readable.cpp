#include "agent/console/readable.h"

#include "lib/base/text.h"

namespace kiln::agent {
namespace {

bool is_between(char c, unsigned char low, unsigned char high) {
  const auto b = static_cast<unsigned char>(c);
  return b >= low && b <= high;
}

/// Behind a terminal command that begins at `at` (an ESC). One that does not end swallows no more
/// than its own characters.
size_t skip_command(std::string_view raw, size_t at) {
  size_t i = at + 1;
  if (i >= raw.size()) return i;
  if (raw[i] == '[') {  // CSI: parameters, intermediates, one final byte
    ++i;
    while (i < raw.size() && is_between(raw[i], 0x20, 0x3f)) ++i;
    return i < raw.size() && is_between(raw[i], 0x40, 0x7e) ? i + 1 : i;
  }
  if (raw[i] == ']') {  // OSC: text up to BEL or ESC backslash
    for (size_t k = i + 1; k < raw.size() && k < i + 256; ++k) {
      if (raw[k] == '\a') return k + 1;
      if (raw[k] == '\x1b') return k + 1 < raw.size() && raw[k + 1] == '\\' ? k + 2 : k;
    }
    return i + 1;
  }
  while (i < raw.size() && is_between(raw[i], 0x20, 0x2f)) ++i;
  return i < raw.size() && is_between(raw[i], 0x30, 0x7e) ? i + 1 : i;
}

}  // namespace

std::string readable_line(std::string_view raw) {
  std::string out;
  for (size_t i = 0; i < raw.size();) {
    if (raw[i] == '\x1b') {
      i = skip_command(raw, i);
      continue;
    }
    if (raw[i] == '\t' || !(is_between(raw[i], 0, 0x1f) || raw[i] == '\x7f')) out += raw[i];
    ++i;
  }
  out = to_valid_utf8(out);
  // C1 controls as characters (U+0080 to U+009F) command terminals, too.
  std::string clean;
  for (size_t i = 0; i < out.size(); ++i) {
    if (out[i] == '\xc2' && i + 1 < out.size() && is_between(out[i + 1], 0x80, 0x9f)) {
      ++i;
      continue;
    }
    clean += out[i];
  }
  return clean;
}

}  // namespace kiln::agent
