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
         (std::isalnum(byte) != 0 || std::string_view("-_.:+/").find(c) != std::string::npos);
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

/// igt@a@b@c -> igt@a@b
std::string subtest_of(std::string_view name) {
  const std::vector<std::string> parts = split(name, '@');
  if (parts.size() < 4) return std::string(name);
  return fmt::format("{}@{}@{}", parts[0], parts[1], parts[2]);
}

/// igt@a@b -> igt@a
std::string binary_of(std::string_view name) {
  const size_t at = name.find('@', 4);
  return std::string(name.substr(0, at));
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

KnownTests::KnownTests(std::string_view text) {
  for (const std::string& line : split_lines(text)) {
    const std::string name = as_reported(trim(line));
    if (find_flaw(name)) continue;
    names_.insert(subtest_of(name));
    names_.insert(binary_of(name));
  }
}

bool KnownTests::has(std::string_view name) const {
  return names_.contains(subtest_of(as_reported(name)));
}

std::string KnownTests::nearest(std::string_view name) const {
  const std::string wanted = subtest_of(as_reported(name));
  // A subtest is looked for in its own binary first: siblings are nearer than namesakes elsewhere.
  const std::string binary = binary_of(wanted);
  std::vector<std::string> candidates;
  if (names_.contains(binary))
    for (auto it = names_.lower_bound(binary + "@"); it != names_.end(); ++it) {
      if (!it->starts_with(binary + "@")) break;
      candidates.push_back(*it);
    }
  if (std::string best = kiln::nearest(wanted, candidates); !best.empty()) return best;
  candidates.assign(names_.begin(), names_.end());
  return kiln::nearest(wanted, candidates);
}

Status check_known(const TestList& list, std::string_view text, const KnownTests& known) {
  const std::vector<std::string> lines = split_lines(text);
  for (const TestListEntry& entry : list.entries) {
    if (known.has(entry.name)) continue;
    Flaw flaw{fmt::format("unknown test `{}`", entry.name), 0, entry.name.size(), ""};
    const std::string near = known.nearest(entry.name);
    flaw.hint = near.empty() ? "the machine's image holds no test of a like name"
                             : fmt::format("did you mean `{}`?", near);
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
