#include <fmt/format.h>

#include <algorithm>

#include "lib/base/text.h"
#include "lib/kernel/kconfig.h"

namespace kiln::kernel {
namespace {

constexpr size_t kMaxFiles = 20'000;
constexpr size_t kMaxBytes = 64u << 20;
constexpr int kMaxNesting = 64;

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

std::string unquoted(std::string_view text) {
  text = trim(text);
  if (text.size() >= 2 && (text.front() == '"' || text.front() == '\''))
    return std::string(text.substr(1, text.find(text.front(), 1) - 1));
  return std::string(text);
}

/// Splits "VALUE if CONDITION".
std::pair<std::string, std::string> split_if(std::string_view text) {
  bool quoted = false;
  for (size_t i = 0; i + 4 <= text.size(); ++i) {
    if (text[i] == '"') quoted = !quoted;
    if (!quoted && text.substr(i, 4) == " if ")
      return {std::string(trim(text.substr(0, i))), std::string(trim(text.substr(i + 4)))};
  }
  return {std::string(trim(text)), std::string()};
}

int indent_of(std::string_view line) {
  int column = 0;
  for (const char c : line) {
    if (c == ' ')
      ++column;
    else if (c == '\t')
      column = column / 8 * 8 + 8;
    else
      break;
  }
  return column;
}

}  // namespace

/// One pass over the Kconfig files. Used once.
class KconfigParser {
 public:
  KconfigParser(os::Path tree, std::string arch) : tree_(std::move(tree)), arch_(std::move(arch)) {}

  Result<KconfigIndex> run() {
    KILN_ASSIGN(const std::string root, os::read_file(tree_ / "Kconfig", kMaxBytes));
    parse(root, "Kconfig", 0);
    return std::move(index_);
  }

 private:
  enum class Block { kIf, kMenu, kChoice };
  struct Scope {
    Block block;
    std::vector<std::string> depends;
    int choice = -1;
  };
  using Definition = KconfigIndex::Definition;

  [[nodiscard]] std::string expanded(std::string_view text) const {
    const std::string source_arch = arch_ == "i386" || arch_ == "x86_64" ? "x86" : arch_;
    std::string out = replaced(std::string(text), "$(SRCARCH)", source_arch);
    out = replaced(out, "$(ARCH)", arch_);
    return replaced(out, "$(srctree)/", "");
  }

  void source(const std::string& name, int depth) {
    const std::string path = expanded(unquoted(name));
    if (depth > kMaxNesting || ++files_ > kMaxFiles || path.find("..") != std::string::npos ||
        path.starts_with('/') || path.find('$') != std::string::npos)
      return;
    auto text = os::read_file(tree_ / path, kMaxBytes);
    if (!text) return;
    bytes_ += text->size();
    if (bytes_ > kMaxBytes) return;
    current_ = nullptr;
    parse(*text, path, depth + 1);
    current_ = nullptr;
  }

  void parse(const std::string& text, const std::string& file, int depth) {
    std::string joined;
    int number = 0;
    int help_indent = -1;  // -1: not in help, 0: its first line is to come
    for (const std::string& raw : split_lines(text)) {
      ++number;
      if (help_indent >= 0) {
        if (trim(raw).empty()) continue;
        if (help_indent == 0) help_indent = std::max(indent_of(raw), 1);
        if (indent_of(raw) >= help_indent) continue;
        help_indent = -1;
      }
      std::string_view line = raw;
      if (line.ends_with('\\')) {
        joined += line.substr(0, line.size() - 1);
        joined += ' ';
        continue;
      }
      joined += line;
      const std::string whole = std::move(joined);
      joined.clear();
      const std::string_view clean = trim(whole);
      if (clean.empty() || clean[0] == '#') continue;
      if (clean == "help" || clean == "---help---") {
        help_indent = 0;
        continue;
      }
      statement(clean, file, number, depth);
    }
  }

  void statement(std::string_view line, const std::string& file, int number, int depth) {
    const size_t blank = line.find_first_of(" \t");
    const std::string_view word = line.substr(0, blank);
    const std::string rest(blank == std::string_view::npos ? "" : trim(line.substr(blank)));
    if (word == "config" || word == "menuconfig") return open_symbol(rest, file, number);
    if (word == "source") return source(rest, depth);
    if (word == "if") return open_scope(Block::kIf, rest);
    if (word == "menu") return open_scope(Block::kMenu, "");
    if (word == "choice") return open_scope(Block::kChoice, "");
    if (word == "endif" || word == "endmenu" || word == "endchoice") return close_scope();
    if (word == "comment") {
      current_ = nullptr;
      in_comment_ = true;
      return;
    }
    property(word, rest);
  }

  void open_scope(Block block, const std::string& condition) {
    Scope scope{block, {}, block == Block::kChoice ? ++choice_count_ : -1};
    if (!condition.empty()) scope.depends.push_back(condition);
    scopes_.push_back(std::move(scope));
    current_ = nullptr;
    in_comment_ = false;
  }

  void close_scope() {
    if (!scopes_.empty()) scopes_.pop_back();
    current_ = nullptr;
    in_comment_ = false;
  }

  void open_symbol(const std::string& name, const std::string& file, int number) {
    in_comment_ = false;
    if (name.empty() || name.size() > 200) return;
    symbol_ = name;
    auto& definitions = index_.symbols_[name].definitions;
    Definition definition;
    definition.file = file;
    definition.line = number;
    for (const Scope& scope : scopes_) {
      definition.depends.insert(definition.depends.end(), scope.depends.begin(),
                                scope.depends.end());
      if (scope.choice >= 0) definition.choice = scope.choice;
    }
    if (definition.choice >= 0) index_.choices_[definition.choice].push_back(name);
    definitions.push_back(std::move(definition));
    current_ = &definitions.back();
  }

  void property(std::string_view word, const std::string& rest) {
    if (in_comment_) return;
    if (word == "depends") {
      const std::string expression = rest.starts_with("on ") ? rest.substr(3) : rest;
      if (current_ != nullptr)
        current_->depends.push_back(expression);
      else if (!scopes_.empty())
        scopes_.back().depends.push_back(expression);
      return;
    }
    if (current_ == nullptr) return;
    if (word == "select" || word == "imply") {
      auto [target, condition] = split_if(rest);
      index_.symbols_[target].selected_by.emplace_back(symbol_, condition);
    } else if (word == "default" || word.starts_with("def_")) {
      current_->defaults.push_back(rest);
    } else if (word == "prompt" || word == "bool" || word == "tristate" || word == "int" ||
               word == "hex" || word == "string") {
      auto [text, condition] = split_if(rest);
      if (text.empty()) return;
      current_->prompt = true;
      current_->prompt_if = condition;
    }
  }

  os::Path tree_;
  std::string arch_;
  KconfigIndex index_;
  std::vector<Scope> scopes_;
  Definition* current_ = nullptr;
  std::string symbol_;
  bool in_comment_ = false;
  int choice_count_ = 0;
  size_t files_ = 0;
  size_t bytes_ = 0;
};

Result<KconfigIndex> KconfigIndex::load(const os::Path& tree, const std::string& arch) {
  auto index = KconfigParser(tree, arch).run();
  if (!index) return index;
  // A selected name that no file defines is not a symbol.
  std::erase_if(index->symbols_, [](const auto& s) { return s.second.definitions.empty(); });
  return index;
}

}  // namespace kiln::kernel
