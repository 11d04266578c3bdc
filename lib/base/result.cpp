#include "lib/base/result.h"

#include <fmt/format.h>

namespace kiln {

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kBadInput:
      return "bad input";
    case ErrorKind::kNotFound:
      return "not found";
    case ErrorKind::kConflict:
      return "in use";
    case ErrorKind::kInfrastructure:
      return "infrastructure";
    case ErrorKind::kTimeout:
      return "timed out";
    case ErrorKind::kCancelled:
      return "cancelled";
    case ErrorKind::kNoSpace:
      return "no space";
    case ErrorKind::kPermission:
      return "not permitted";
    case ErrorKind::kInternal:
      return "internal error";
  }
  return "unknown";
}

std::string render(const Error& error) {
  std::string out = "error: " + error.message;
  bool hint_shown = false;
  if (error.position) {
    const Position& p = *error.position;
    out += "\n --> " + p.file;
    if (p.line > 0) out += fmt::format(":{}", p.line);
    if (p.line > 0 && p.column > 0) out += fmt::format(":{}", p.column);
    if (!error.source_line.empty() && p.line > 0) {
      const std::string number = std::to_string(p.line);
      out += fmt::format("\n{} | {}", number, error.source_line);
      if (p.column > 0) {
        out += fmt::format("\n{} | {}{}", std::string(number.size(), ' '),
                           std::string(static_cast<size_t>(p.column - 1), ' '),
                           std::string(static_cast<size_t>(error.span < 1 ? 1 : error.span), '^'));
        if (!error.hint.empty()) {
          out += " " + error.hint;
          hint_shown = true;
        }
      }
    }
  }
  for (const std::string& c : error.context) out += "\n  " + c;
  if (!error.hint.empty() && !hint_shown) out += "\n  " + error.hint;
  return out;
}

}  // namespace kiln
