#include "lib/conf/document.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "lib/base/clock.h"
#include "lib/os/files.h"

namespace kiln::conf {
namespace {

constexpr size_t kMaxShownLine = 200;

/// The line as it may be printed: tabs as one space (the caret counts characters), other control
/// characters as '?'.
std::string printable(std::string_view line) {
  std::string out(line);
  for (char& c : out) {
    if (c == '\t') {
      c = ' ';
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      c = '?';
    }
  }
  return out;
}

int count_characters(std::string_view text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

}  // namespace

Error Document::error_at(int line, int column, int span, std::string message,
                         std::string hint) const {
  Error error(ErrorKind::kBadInput, std::move(message));
  error.position = Position{file_, line, column};
  error.hint = std::move(hint);
  if (line < 1 || static_cast<size_t>(line) > lines_.size()) return error;
  const std::string& text = lines_[static_cast<size_t>(line - 1)];
  if (text.size() > kMaxShownLine) return error;  // the position is enough
  error.source_line = printable(text);
  const int rest = count_characters(text) - column + 1;
  error.span = std::clamp(span, 1, std::max(1, rest));
  return error;
}

Result<Document> load(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code code;
  const fs::path absolute = fs::absolute(path, code).lexically_normal();
  if (code) return fail(os::errno_error("find", path, code.value()));
  if (fs::is_directory(absolute, code)) {
    return fail(Error(ErrorKind::kBadInput, fmt::format("{} is a folder, not a file", path)));
  }
  const auto size = os::file_size(absolute);
  if (!size) return fail(size.error());
  if (*size > kMaxBytes) {
    return fail(
        Error(ErrorKind::kBadInput, fmt::format("{} is too long: {}, at most {} are read", path,
                                                human_bytes(*size), human_bytes(kMaxBytes))));
  }
  KILN_ASSIGN(const std::string text, os::read_file(absolute, kMaxBytes));
  return parse(path, absolute.parent_path().string(), text);
}

}  // namespace kiln::conf
