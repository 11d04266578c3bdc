#include "lib/base/where.h"

#include <fmt/format.h>

#include <algorithm>

#include "lib/base/text.h"

namespace kiln {
namespace {

constexpr size_t kMostText = 2000;

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lowered(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

/// At characters for which `ends` holds outside of quotes; `keep` leaves the quotes in.
template <typename Ends>
std::vector<std::string> cut(std::string_view text, Ends ends, bool keep) {
  std::vector<std::string> out;
  std::string part;
  bool quoted = false;
  for (const char c : text) {
    if (c == '"') quoted = !quoted;
    if (!quoted && ends(c)) {
      if (!part.empty()) out.push_back(std::exchange(part, {}));
    } else if (c != '"' || keep) {
      part += c;
    }
  }
  if (!part.empty()) out.push_back(part);
  return out;
}

/// Length of the key before a colon, npos = there is none.
size_t key_length(std::string_view word) {
  const size_t colon = word.find(':');
  if (colon == std::string_view::npos || colon == 0 || word[0] == '-')
    return std::string_view::npos;
  const bool is_key = std::all_of(word.begin(), word.begin() + static_cast<ptrdiff_t>(colon),
                                  [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; });
  return is_key ? colon : std::string_view::npos;
}

bool value_matches(const std::string& key, const std::string& wanted, std::string_view field) {
  const std::string have = lowered(field);
  const bool plain = wanted.find_first_of("*?") == std::string::npos;
  // Names of tests are long: a plain word is enough when it is a part of one.
  if (plain && (key.empty() || key == "test")) return have.find(wanted) != std::string::npos;
  if (key == "test" && !wanted.starts_with("igt@"))
    return glob_match(wanted, have) || glob_match("igt@" + wanted, have);
  return glob_match(key.empty() ? "*" + wanted + "*" : wanted, have);
}

}  // namespace

Result<Where> Where::parse(std::string_view text, const std::vector<std::string>& keys) {
  if (text.size() > kMostText) return fail(ErrorKind::kBadInput, "the filter is too long");
  Where where;
  for (const std::string& raw : cut(text, is_blank, true)) {
    Term term;
    term.negated = raw.size() > 1 && raw[0] == '-';
    std::string_view word = raw;
    if (term.negated) word.remove_prefix(1);
    if (const size_t length = key_length(word); length != std::string_view::npos) {
      term.key = word.substr(0, length);
      word.remove_prefix(length + 1);
      if (std::find(keys.begin(), keys.end(), term.key) == keys.end())
        return fail(Error(ErrorKind::kBadInput, fmt::format("no field `{}`", term.key))
                        .with_hint("there are " + join(keys, ", ") + ", and words without one"));
    }
    for (const std::string& value : cut(
             word, [](char c) { return c == ','; }, false))
      term.values.push_back(lowered(value));
    if (term.values.empty())
      return fail(ErrorKind::kBadInput,
                  fmt::format("`{}` names no value", to_valid_utf8(raw.substr(0, 100))));
    where.terms_.push_back(std::move(term));
  }
  return where;
}

bool Where::holds(const Term& term, const Row& row) {
  const bool found = std::any_of(row.begin(), row.end(), [&](const auto& field) {
    if (!term.key.empty() && field.first != term.key) return false;
    return std::any_of(term.values.begin(), term.values.end(), [&](const std::string& wanted) {
      return std::any_of(field.second.begin(), field.second.end(), [&](const std::string& text) {
        return value_matches(term.key, wanted, text);
      });
    });
  });
  return found != term.negated;
}

bool Where::matches(const Row& row) const {
  return std::all_of(terms_.begin(), terms_.end(),
                     [&](const Term& term) { return holds(term, row); });
}

Result<std::string> Where::take(std::string_view key) {
  std::string value;
  int count = 0;
  for (const Term& term : terms_) {
    if (term.key != key) continue;
    count += term.negated ? 2 : static_cast<int>(term.values.size());
    value = term.values[0];
  }
  if (count > 1) return fail(ErrorKind::kBadInput, fmt::format("`{}:` takes one value here", key));
  std::erase_if(terms_, [&](const Term& term) { return term.key == key; });
  return value;
}

}  // namespace kiln
