#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/report/html_parts.h"

namespace kiln::report {
namespace {

std::string_view style_of(const Mark& mark) {
  if (mark.glyph == "∅") return "hatched";
  if (mark.glyph == "!") return "dashed";
  switch (mark.role) {
    case Role::kWorse:
      return "worse";
    case Role::kBetter:
      return "better";
    case Role::kAttention:
      return "attention";
    case Role::kQuiet:
      return "quiet";
    case Role::kPlain:
      break;
  }
  return "plain";
}

}  // namespace

std::string escape(std::string_view bytes) {
  const std::string text = to_valid_utf8(bytes);
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        if ((static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7F) {
          out += "\xEF\xBF\xBD";
        } else {
          out += c;
        }
    }
  }
  return out;
}

std::string chip(const Mark& mark) {
  return fmt::format("<span class=\"chip {}\" aria-hidden=\"true\">{}</span>", style_of(mark),
                     mark.glyph);
}

std::string chip_word(const Mark& mark) {
  return chip(mark) + "<span class=\"tag\">" + escape(mark.word) + "</span>";
}

std::string section(std::string_view id, std::string_view title, std::string_view note,
                    const std::string& body) {
  if (body.empty()) return "";
  const std::string small = note.empty() ? "" : " <small>" + escape(note) + "</small>";
  return fmt::format("<section id=\"{}\"><h2>{}{}</h2>\n{}</section>\n", id, escape(title), small,
                     body);
}

}  // namespace kiln::report
