#include "lib/kernel/kconfig.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "lib/base/text.h"

namespace kiln::kernel {
namespace {

bool word_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
}

/// Length of "$(...)" at text, balanced; all of it when never closed.
size_t macro_length(std::string_view text) {
  int depth = 0;
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '(') ++depth;
    if (text[i] == ')' && --depth == 0) return i + 1;
  }
  return text.size();
}

std::vector<std::string> tokens_of(std::string_view text) {
  std::vector<std::string> tokens;
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (std::isspace(static_cast<unsigned char>(c)) != 0) {
      ++i;
    } else if (c == '$' && i + 1 < text.size() && text[i + 1] == '(') {
      const size_t length = macro_length(text.substr(i));
      tokens.emplace_back("$");
      i += length;
    } else if (c == '"' || c == '\'') {
      const size_t end = std::min(text.find(c, i + 1), text.size() - 1);
      const std::string_view body = text.substr(i + 1, end > i ? end - i - 1 : 0);
      tokens.push_back(body.starts_with("$(") ? "$" : fmt::format("\"{}", body));
      i = end + 1;
    } else if (word_char(c)) {
      size_t end = i;
      while (end < text.size() && word_char(text[end])) ++end;
      tokens.emplace_back(text.substr(i, end - i));
      i = end;
    } else {
      const std::string_view two = text.substr(i, 2);
      const bool pair = two == "&&" || two == "||" || two == "!=" || two == "<=" || two == ">=";
      tokens.emplace_back(pair ? two : text.substr(i, 1));
      i += pair ? 2 : 1;
    }
  }
  return tokens;
}

/// Recursive descent over tokens; depth bounded by the tokens' count and kMaxDepth.
class Evaluator {
 public:
  Evaluator(std::vector<std::string> tokens, const ConfigValues& values)
      : tokens_(std::move(tokens)), values_(values) {}
  int run() { return tokens_.empty() ? 2 : any(0); }

 private:
  static constexpr int kMaxDepth = 100;

  [[nodiscard]] bool next_is(std::string_view token) const {
    return at_ < tokens_.size() && tokens_[at_] == token;
  }
  int any(int depth) {
    int value = all(depth);
    while (next_is("||")) {
      ++at_;
      value = std::max(value, all(depth));
    }
    return value;
  }
  int all(int depth) {
    int value = term(depth);
    while (next_is("&&")) {
      ++at_;
      value = std::min(value, term(depth));
    }
    return value;
  }
  int term(int depth) {
    if (at_ >= tokens_.size() || depth > kMaxDepth) return 2;
    if (next_is("!")) {
      ++at_;
      return 2 - term(depth + 1);
    }
    if (next_is("(")) {
      ++at_;
      const int value = any(depth + 1);
      if (next_is(")")) ++at_;
      return value;
    }
    const std::string left = tokens_[at_++];
    if (at_ + 1 < tokens_.size() && (next_is("=") || next_is("!=") || next_is("<") ||
                                     next_is(">") || next_is("<=") || next_is(">="))) {
      const std::string op = tokens_[at_++];
      const std::string right = tokens_[at_++];
      if (left == "$" || right == "$") return 2;
      return compare(text_value(left), op, text_value(right)) ? 2 : 0;
    }
    if (left == "$") return 2;
    const std::string value = text_value(left);
    return value == "y" ? 2 : value == "m" ? 1 : 0;
  }
  [[nodiscard]] std::string text_value(const std::string& token) const {
    if (token.starts_with('"')) return token.substr(1);
    if (token == "y" || token == "m" || token == "n") return token;
    if (std::isdigit(static_cast<unsigned char>(token[0])) != 0 && !values_.contains(token))
      return token;
    const auto it = values_.find(token);
    if (it == values_.end()) return "n";
    std::string value = it->second;
    if (value.size() >= 2 && value.front() == '"') value = value.substr(1, value.size() - 2);
    return value;
  }
  static bool compare(const std::string& left, const std::string& op, const std::string& right) {
    if (op == "=") return left == right;
    if (op == "!=") return left != right;
    const long long a = std::strtoll(left.c_str(), nullptr, 0);
    const long long b = std::strtoll(right.c_str(), nullptr, 0);
    if (op == "<") return a < b;
    if (op == ">") return a > b;
    return op == "<=" ? a <= b : a >= b;
  }

  std::vector<std::string> tokens_;
  const ConfigValues& values_;
  size_t at_ = 0;
};

/// Top-level conjuncts of an expression, to name the one that fails.
std::vector<std::string> conjuncts(std::string_view text) {
  std::vector<std::string> parts;
  int depth = 0;
  size_t start = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '(') ++depth;
    if (text[i] == ')') --depth;
    if (depth == 0 && text.substr(i, 2) == "||") return {std::string(trim(text))};
    if (depth == 0 && text.substr(i, 2) == "&&") {
      parts.emplace_back(trim(text.substr(start, i - start)));
      start = i + 2;
      ++i;
    }
  }
  parts.emplace_back(trim(text.substr(start)));
  return parts;
}

void collect_names(std::string_view expression, std::set<std::string>& names) {
  for (const std::string& token : tokens_of(expression))
    if (word_char(token[0]) && token != "y" && token != "m" && token != "n" && token != "if")
      names.insert(token);
}

std::string values_in(std::string_view expression, const ConfigValues& values) {
  std::set<std::string> names;
  collect_names(expression, names);
  std::string out;
  for (const std::string& name : names) {
    if (std::isdigit(static_cast<unsigned char>(name[0])) != 0) continue;
    const auto it = values.find(name);
    if (!out.empty()) out += ", ";
    out += fmt::format("{} is {}", name, it == values.end() ? "n" : it->second);
  }
  return out;
}

}  // namespace

int KconfigIndex::evaluate(std::string_view expression, const ConfigValues& values) {
  return Evaluator(tokens_of(expression), values).run();
}

std::string KconfigIndex::nearest_symbol(const std::string& symbol) const {
  std::vector<std::string> names;
  names.reserve(symbols_.size());
  for (const auto& [name, unused] : symbols_)
    if (name.size() + 4 > symbol.size() && symbol.size() + 4 > name.size()) names.push_back(name);
  return nearest(symbol, names);
}

std::string KconfigIndex::unmet(const Symbol& symbol, const ConfigValues& resolved) const {
  std::string first;
  for (const Definition& definition : symbol.definitions) {
    std::string missing;
    for (const std::string& depends : definition.depends)
      for (const std::string& part : conjuncts(depends))
        if (missing.empty() && evaluate(part, resolved) == 0)
          missing = fmt::format("depends on {} ({})", part, values_in(part, resolved));
    if (missing.empty()) return {};
    if (first.empty()) first = missing;
  }
  return first;
}

std::string KconfigIndex::chosen_instead(const Symbol& symbol, const std::string& name,
                                         const ConfigValues& resolved) const {
  for (const Definition& definition : symbol.definitions) {
    const auto it = choices_.find(definition.choice);
    if (it == choices_.end()) continue;
    for (const std::string& member : it->second) {
      const auto value = resolved.find(member);
      if (member != name && value != resolved.end() && value->second == "y")
        return fmt::format("it is one of a choice, and {} is chosen", member);
    }
  }
  return {};
}

std::string KconfigIndex::why_not(const std::string& name, const std::string& asked,
                                  const std::string& got, const ConfigValues& resolved) const {
  const auto it = symbols_.find(name);
  if (it == symbols_.end()) return {};
  const Symbol& symbol = it->second;
  const bool is_off = got.empty() || got == "n";
  if (is_off) {
    if (std::string text = unmet(symbol, resolved); !text.empty()) return text;
    if (std::string text = chosen_instead(symbol, name, resolved); !text.empty()) return text;
  } else {
    for (const auto& [selector, condition] : symbol.selected_by) {
      const auto value = resolved.find(selector);
      if (value != resolved.end() && value->second != "n" && evaluate(condition, resolved) > 0)
        return fmt::format("selected by {}", selector);
    }
  }
  const bool askable =
      std::any_of(symbol.definitions.begin(), symbol.definitions.end(), [&](const Definition& d) {
        return d.prompt && (d.prompt_if.empty() || evaluate(d.prompt_if, resolved) > 0);
      });
  if (!askable) return "it cannot be set by hand: its value follows from other symbols";
  if (asked == "m" || got == "m") return "a dependency allows only another of y and m";
  return {};
}

std::set<std::string> KconfigIndex::influences(const std::string& name) const {
  std::set<std::string> names;
  const auto it = symbols_.find(name);
  if (it == symbols_.end()) return names;
  for (const Definition& d : it->second.definitions) {
    for (const std::string& e : d.depends) collect_names(e, names);
    for (const std::string& e : d.defaults) collect_names(e, names);
    collect_names(d.prompt_if, names);
    if (const auto choice = choices_.find(d.choice); choice != choices_.end())
      names.insert(choice->second.begin(), choice->second.end());
  }
  for (const auto& [selector, condition] : it->second.selected_by) {
    names.insert(selector);
    collect_names(condition, names);
  }
  names.erase(name);
  return names;
}

}  // namespace kiln::kernel
