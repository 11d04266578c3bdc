#include "lib/igt/test_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "lib/base/text.h"
#include "lib/igt/name.h"

namespace kiln::igt {
namespace {

bool is_name_char(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x80 &&
         (std::isalnum(byte) != 0 || std::string_view("-_.:+").find(c) != std::string::npos);
}

/// What is wrong with a name, and where in it.
struct Flaw {
  std::string what;
  size_t at = 0;
  size_t span = 1;
  std::string hint;
};

std::optional<Flaw> find_flaw(std::string_view name) {
  if (!name.starts_with("igt@")) {
    const bool looks_like_test =
        std::all_of(name.begin(), name.end(), [](char c) { return is_name_char(c) || c == '@'; });
    return Flaw{
        fmt::format("`{}` is no test name", to_valid_utf8(name.substr(0, 80))), 0,
        std::min<size_t>(name.size(), 80),
        looks_like_test ? fmt::format("did you mean `igt@{}`?", name) : "write igt@binary@subtest"};
  }
  size_t at = 4;
  int parts = 0;
  for (const std::string& part : split(name.substr(4), '@')) {
    ++parts;
    if (parts > 3)
      return Flaw{"a test name has at most three parts after `igt`", at - 1, part.size() + 1,
                  "write igt@binary@subtest@dynamic"};
    if (part.empty()) {
      constexpr std::string_view kParts[] = {"binary", "subtest", "dynamic subtest"};
      return Flaw{fmt::format("the {}'s name is empty", kParts[parts - 1]), at - 1, 1,
                  "write igt@binary@subtest"};
    }
    if (part.size() > kMaxNamePart)
      return Flaw{
          fmt::format("a name of {} characters; {} are the most", part.size(), kMaxNamePart), at,
          40, ""};
    for (size_t i = 0; i < part.size(); ++i) {
      if (is_name_char(part[i])) continue;
      const auto byte = static_cast<unsigned char>(part[i]);
      return Flaw{byte > 0x20 && byte < 0x7f
                      ? fmt::format("`{}` may not stand in a test name", part[i])
                      : fmt::format("byte 0x{:02x} may not stand in a test name", byte),
                  at + i, 1, part[i] == '*' ? "patterns are not expanded: list each test" : ""};
    }
    at += part.size() + 1;
  }
  return std::nullopt;
}

Error error_at(const std::string& file, int line, size_t column, std::string_view source,
               const Flaw& flaw) {
  Error error(ErrorKind::kBadInput, flaw.what);
  error.position = Position{file, line, static_cast<int>(column + flaw.at + 1)};
  error.source_line = to_valid_utf8(source.substr(0, 400));
  error.span = static_cast<int>(std::max<size_t>(flaw.span, 1));
  error.hint = flaw.hint;
  return error;
}

}  // namespace

std::vector<std::string> TestList::names() const {
  std::vector<std::string> out;
  out.reserve(entries.size());
  for (const TestListEntry& entry : entries) out.push_back(entry.name);
  return out;
}

Result<TestList> parse_test_list(std::string_view text, const std::string& file) {
  TestList list;
  list.file = file;
  std::map<std::string, int> seen;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // a byte order mark
  int number = 0;
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view source = text.substr(begin, end - begin);
    begin = end + 1;
    ++number;
    if (source.ends_with('\r')) source.remove_suffix(1);
    const std::string_view name = trim(source.substr(0, source.find('#')));
    if (name.empty()) continue;
    const auto column = static_cast<size_t>(name.data() - source.data());
    if (const auto flaw = find_flaw(name))
      return fail(error_at(file, number, column, source, *flaw));
    const auto [first, is_new] = seen.emplace(as_reported(name), number);
    if (!is_new)
      return fail(error_at(file, number, column, source,
                           Flaw{fmt::format("`{}` stands twice", name), 0, name.size(),
                                fmt::format("first on line {}", first->second)}));
    list.entries.push_back({std::string(name), number, static_cast<int>(column) + 1});
  }
  if (list.entries.empty()) {
    Error error(ErrorKind::kBadInput, fmt::format("{} holds no test", file));
    error.hint = "write one igt@binary@subtest a line";
    return fail(std::move(error));
  }
  return list;
}

Status check_known(const TestList& list, std::string_view text,
                   std::span<const std::string> known) {
  std::set<std::string> names;
  for (const std::string& name : known) {
    // igt@a@b makes igt@a known, too.
    const std::string reported = as_reported(name);
    names.insert(reported);
    const size_t at = reported.find('@', 4);
    if (at != std::string::npos) names.insert(reported.substr(0, at));
  }
  const std::vector<std::string> lines = split_lines(text);
  for (const TestListEntry& entry : list.entries) {
    const std::string name = as_reported(entry.name);
    const std::vector<std::string> parts = split(name, '@');
    const std::string subtest =
        parts.size() > 3 ? name.substr(0, name.size() - parts[3].size() - 1) : name;
    if (names.contains(name) || names.contains(subtest)) continue;
    Flaw flaw{fmt::format("unknown test `{}`", entry.name), 0, entry.name.size(), ""};
    const std::string near = nearest(entry.name, known);
    if (!near.empty()) flaw.hint = fmt::format("did you mean `{}`?", near);
    const auto index = static_cast<size_t>(entry.line - 1);
    return fail(error_at(list.file, entry.line, static_cast<size_t>(entry.column - 1),
                         index < lines.size() ? lines[index] : entry.name, flaw));
  }
  return {};
}

std::vector<std::string> without_finished(std::span<const std::string> names,
                                          std::span<const std::string> finished) {
  // Every name that a finished result answers: itself, and a whole binary.
  std::set<std::string> done;
  for (const std::string& result : finished) {
    const std::string reported = as_reported(result);
    done.insert(reported);
    const size_t at = reported.find('@', 4);
    if (at != std::string::npos) done.insert(reported.substr(0, at));
  }
  std::vector<std::string> left;
  for (const std::string& name : names) {
    if (!done.contains(as_reported(name))) left.push_back(name);
  }
  return left;
}

std::string format_test_list(std::span<const std::string> names) {
  std::string text;
  for (const std::string& name : names) text += name + "\n";
  return text;
}

}  // namespace kiln::igt
