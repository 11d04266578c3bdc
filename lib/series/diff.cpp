#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "lib/base/text.h"
#include "lib/series/series.h"

namespace kiln::series {
namespace {

/// "12" or "12,3" at `text`; count 1 when left out. False when malformed.
bool read_range_numbers(std::string_view text, int& start, int& count) {
  const char* end = text.data() + text.size();
  auto [at, error] = std::from_chars(text.data(), end, start);
  if (error != std::errc() || start < 0) return false;
  count = 1;
  if (at == end) return true;
  if (*at != ',') return false;
  auto [last, count_error] = std::from_chars(at + 1, end, count);
  return count_error == std::errc() && last == end && count >= 0;
}

bool read_hunk_header(std::string_view line, Hunk& hunk) {
  if (!line.starts_with("@@ -")) return false;
  const size_t plus = line.find(" +", 4);
  if (plus == std::string_view::npos) return false;
  const size_t end = line.find(" @@", plus);
  if (end == std::string_view::npos) return false;
  return read_range_numbers(line.substr(4, plus - 4), hunk.old_start, hunk.old_count) &&
         read_range_numbers(line.substr(plus + 2, end - plus - 2), hunk.new_start, hunk.new_count);
}

/// As git quotes a name with bytes beyond ASCII: "new n\\303\\244me.c". Others as they are.
std::string unquoted(std::string_view text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::string(text);
  text = text.substr(1, text.size() - 2);
  std::string out;
  const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
    } else if (i + 3 < text.size() && is_octal(text[i + 1]) && is_octal(text[i + 2]) &&
               is_octal(text[i + 3])) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                               (text[i + 3] - '0'));
      i += 3;
    } else {
      const char c = text[++i];
      out += c == 't' ? '\t' : c == 'n' ? '\n' : c;
    }
  }
  return out;
}

/// Name of a "--- " or "+++ " line without its a/ or b/; "" for /dev/null.
std::string file_name(std::string_view text) {
  text = text.substr(0, text.find('\t'));
  if (text == "/dev/null") return {};
  const std::string name = unquoted(text);
  const size_t slash = name.find('/');
  return slash == std::string::npos ? name : name.substr(slash + 1);
}

bool leaves_tree(const std::string& path) {
  if (path.empty() || path.front() == '/') return true;
  for (const std::string& part : split(path, '/'))
    if (part == ".." || part == ".git" || part.empty()) return true;
  return false;
}

class DiffParser {
 public:
  DiffParser(std::string_view diff, const std::string& name, int first_line)
      : name_(name), first_line_(first_line) {
    size_t start = 0;
    while (start < diff.size()) {
      const size_t end = std::min(diff.find('\n', start), diff.size());
      lines_.push_back(diff.substr(start, end - start));
      start = end + 1;
    }
  }

  Result<std::vector<FileChange>> parse() {
    while (at_ < lines_.size()) KILN_TRY(step());
    KILN_TRY(finish_file());
    return std::move(files_);
  }

 private:
  tl::unexpected<Error> error_at(size_t index, std::string message) const {
    const std::string_view line = index < lines_.size() ? lines_[index] : std::string_view();
    Error error(ErrorKind::kBadInput, std::move(message));
    error.position = Position{name_, first_line_ + static_cast<int>(index), 0};
    error.source_line = to_valid_utf8(line.substr(0, 200));
    return fail(std::move(error));
  }

  Status step() {
    const std::string_view line = lines_[at_];
    if (line.starts_with("diff --git ")) {
      KILN_TRY(finish_file());
      open_ = true;
      file_line_ = at_;
      read_git_names(line.substr(11));
    } else if (line.starts_with("--- ") && at_ + 1 < lines_.size() &&
               lines_[at_ + 1].starts_with("+++ ")) {
      KILN_TRY(names());
      return {};
    } else if (open_ && line.starts_with("@@ ")) {
      return hunk();
    } else if (open_ && file_.hunks.empty()) {
      extended_header(line);
    }
    ++at_;
    return {};
  }

  /// "a/x b/x": for files without hunks (mode changes, empty files, binaries).
  void read_git_names(std::string_view text) {
    if (text.ends_with('"') || text.starts_with('"')) {
      const size_t quoted = text.find(" \"b/");
      const size_t between = quoted == std::string_view::npos ? text.find(" b/") : quoted;
      if (between == std::string_view::npos) return;
      file_.old_path = file_name(text.substr(0, between));
      file_.path = file_name(text.substr(between + 1));
      return;
    }
    const size_t middle = text.find(" b/");
    if (!text.starts_with("a/") || middle == std::string_view::npos) return;
    file_.old_path = text.substr(2, middle - 2);
    file_.path = text.substr(middle + 3);
  }

  void extended_header(std::string_view line) {
    if (line.starts_with("new file mode")) file_.added = true;
    if (line.starts_with("deleted file mode")) file_.deleted = true;
    if (line.starts_with("rename from ")) {
      file_.renamed = true;
      file_.old_path = unquoted(line.substr(12));
    }
    if (line.starts_with("rename to ")) file_.path = unquoted(line.substr(10));
    if (line.starts_with("Binary files ") || line.starts_with("GIT binary patch"))
      file_.binary = true;
  }

  Status names() {
    const std::string old_name = file_name(lines_[at_].substr(4));
    const std::string new_name = file_name(lines_[at_ + 1].substr(4));
    if (open_ && !file_.hunks.empty()) KILN_TRY(finish_file());  // plain diff, next file
    if (!open_) file_line_ = at_;
    open_ = true;
    file_.added = old_name.empty();
    file_.deleted = new_name.empty();
    file_.old_path = old_name;
    file_.path = file_.deleted ? old_name : new_name;
    at_ += 2;
    return {};
  }

  Status hunk() {
    Hunk hunk;
    const size_t header = at_;
    if (!read_hunk_header(lines_[at_], hunk)) return error_at(at_, "malformed hunk header");
    hunk.patch_line = first_line_ + static_cast<int>(at_);
    int old_left = hunk.old_count, new_left = hunk.new_count;
    int old_line = hunk.old_start, new_line = hunk.new_start;
    ++at_;
    while (old_left > 0 || new_left > 0) {
      if (at_ >= lines_.size())
        return error_at(header, fmt::format("the patch ends inside this hunk: {} old and {} new "
                                            "lines are missing",
                                            old_left, new_left));
      std::string_view line = lines_[at_];
      const char kind = line.empty() || line == "\r" ? ' ' : line[0];
      if (kind == '\\') {
        ++at_;
        continue;
      }
      if ((kind != ' ' && kind != '+' && kind != '-') || (kind != '+' && old_left == 0) ||
          (kind != '-' && new_left == 0))
        return error_at(at_, "this line does not fit the hunk's counts");
      hunk.lines.push_back(
          {kind, old_line, new_line, std::string(line.empty() ? line : line.substr(1))});
      if (kind != '+') ++old_line, --old_left;
      if (kind != '-') ++new_line, --new_left;
      if (kind == '+') ++file_.insertions;
      if (kind == '-') ++file_.deletions;
      ++at_;
    }
    file_.hunks.push_back(std::move(hunk));
    return {};
  }

  Status finish_file() {
    if (!open_) return {};
    open_ = false;
    FileChange file = std::move(file_);
    file_ = FileChange();
    if (file.added) file.old_path.clear();
    if (leaves_tree(file.path) || (!file.old_path.empty() && leaves_tree(file.old_path)))
      return error_at(file_line_, fmt::format("the patch writes outside the tree: `{}`",
                                              to_valid_utf8(file.path)));
    files_.push_back(std::move(file));
    return {};
  }

  std::string name_;
  int first_line_;
  std::vector<std::string_view> lines_;
  size_t at_ = 0;
  size_t file_line_ = 0;
  bool open_ = false;
  FileChange file_;
  std::vector<FileChange> files_;
};

}  // namespace

Result<std::vector<FileChange>> parse_diff(std::string_view diff, const std::string& name,
                                           int first_line) {
  return DiffParser(diff, name, first_line).parse();
}

}  // namespace kiln::series
