#include "lib/reach/source.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "lib/reach/lexer.h"

namespace kiln::reach {
namespace {

constexpr size_t kMaxNesting = 300;  ///< deeper is no C that a person wrote
constexpr size_t kMaxConditions = 64;

template <size_t N>
bool is_one_of(const std::string& word, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// Words before a parenthesis at the head of a function that are not its name.
constexpr std::array<std::string_view, 10> kNoNames{
    "__attribute__", "__acquires", "__releases", "__must_hold", "__printf",
    "__scanf",       "__section",  "__aligned",  "__context__", "__cold"};
bool can_be_name(const std::string& word) {
  return !word.empty() &&
         (std::isalpha(static_cast<unsigned char>(word[0])) != 0 || word[0] == '_') &&
         !is_one_of(word, kNoNames);
}
constexpr std::array<std::string_view, 4> kControl{"if", "while", "for", "switch"};
constexpr std::array<std::string_view, 4> kJumps{"goto", "return", "break", "continue"};

/// The statement (or, outside of functions, the declaration) that is being read.
struct Statement {
  std::vector<int> lines;  ///< with tokens of it, ascending
  std::string first;
  std::string last;
  std::string name;  ///< outside: the word before the last parenthesis that can be a name
  int tokens = 0;    ///< outside of parentheses
  int words = 0;     ///< likewise
  int others = 0;    ///< likewise: punctuation but parentheses
  int groups = 0;    ///< parentheses at the top
  bool assigns = false;
  bool calls = false;
  bool operates = false;  ///< punctuation that no declaration has
};

/// Where the reader is. Copied at each #if, since both branches begin alike.
struct State {
  /// f: function body, b: block, t: braces outside of functions, ( and i: inside an expression.
  std::string open;
  Statement statement;
  int function = -1;
};

class Scanner {
 public:
  explicit Scanner(std::string_view text) : lexer_(text) {
    const auto lines = static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) + 2;
    source_.lines.resize(lines);
  }

  Source run() {
    for (Token token = lexer_.next(); token.kind != Token::Kind::kEnd; token = lexer_.next()) {
      if (token.kind == Token::Kind::kDirective)
        directive(token);
      else if (broken_)
        put(token.line, LineKind::kStatement, token.line, token.line);
      else
        code(token);
      if (state_.open.size() > kMaxNesting) broken_ = true;
    }
    finish(LineKind::kOutside);
    return std::move(source_);
  }

 private:
  void put(int line, LineKind kind, int first, int last) {
    if (line <= 0 || static_cast<size_t>(line) >= source_.lines.size()) return;
    SourceLine& at = source_.lines[static_cast<size_t>(line)];
    at.function = state_.function;
    if (at.kind == kind) {
      // Two statements on one line: it stands for both.
      at.first = std::min(at.first, first);
      at.last = std::max(at.last, last);
    } else if (at.kind < kind) {
      at.kind = kind;
      at.first = first;
      at.last = last;
    }
  }

  void directive(const Token& token) {
    Lexer words(std::string_view(token.text).substr(1));
    const std::string name = words.next().text;
    LineKind kind = LineKind::kDirective;
    if (name == "define") {
      kind = LineKind::kMacro;
      Macro macro{words.next().text, token.line, token.last_line, {}};
      for (Token word = words.next(); word.kind != Token::Kind::kEnd; word = words.next())
        if (word.kind == Token::Kind::kWord) macro.words.push_back(word.text);
      source_.macros.push_back(std::move(macro));
    }
    for (int line = token.line; line <= token.last_line; ++line)
      put(line, kind, token.line, token.last_line);
    if (name.starts_with("if")) {
      if (conditions_.size() < kMaxConditions) conditions_.push_back(state_);
      ++depth_;
    } else if ((name == "else" || name == "elif") && depth_ > 0 && depth_ <= conditions_.size()) {
      state_ = conditions_[depth_ - 1];
    } else if (name == "endif" && depth_ > 0) {
      --depth_;
      if (depth_ < conditions_.size()) conditions_.pop_back();
    }
  }

  void code(const Token& token) {
    if (state_.open.empty() || state_.open.back() == 't')
      outside(token);
    else if (state_.function < 0)
      in_outer_parentheses(token);
    else
      inside(token);
  }

  void add(const Token& token, bool at_top) {
    Statement& s = state_.statement;
    if (s.lines.empty() || s.lines.back() != token.line) s.lines.push_back(token.line);
    if (s.first.empty()) s.first = token.text;
    if (at_top) {
      ++s.tokens;
      if (token.kind == Token::Kind::kWord)
        ++s.words;
      else if (token.text != "(" && token.text != ")")
        ++s.others;
      if (token.text == "(") ++s.groups;
    }
    if (token.kind == Token::Kind::kPunct) {
      if (token.text == "=") s.assigns = true;
      if (token.text == "(") s.calls = true;
      if (std::string_view("*,;[]").find(token.text) == std::string_view::npos) s.operates = true;
    }
    if (token.kind == Token::Kind::kLiteral) s.operates = true;
    s.last = token.text;
  }

  /// Ends the statement; its lines get `kind`.
  void finish(LineKind kind) {
    Statement done = std::exchange(state_.statement, Statement());
    if (done.lines.empty()) return;
    if (kind == LineKind::kStatement && !done.calls && !done.assigns && !done.operates &&
        done.words >= 2 && !is_one_of(done.first, kJumps))
      kind = LineKind::kDeclaration;
    for (const int line : done.lines) put(line, kind, done.lines.front(), done.lines.back());
  }

  // Outside of functions.

  void outside(const Token& token) {
    const std::string& text = token.text;
    if (token.kind == Token::Kind::kPunct && text == "{") {
      open_outside(token);
      return;
    }
    if (token.kind == Token::Kind::kPunct && text == "}") {
      add(token, false);
      if (!state_.open.empty()) state_.open.pop_back();
      return;
    }
    if (state_.open.empty() && text == "(" && token.kind == Token::Kind::kPunct &&
        can_be_name(state_.statement.last))
      state_.statement.name = state_.statement.last;
    add(token, state_.open.empty());
    if (token.kind != Token::Kind::kPunct) return;
    if (text == "(") state_.open += '(';
    if (text == ";" && state_.open.empty()) finish(LineKind::kOutside);
  }

  /// Parameters, or the arguments of a macro outside of functions.
  void in_outer_parentheses(const Token& token) {
    add(token, false);
    if (token.kind != Token::Kind::kPunct) return;
    if (token.text == "(" || token.text == "{") state_.open += '(';
    if ((token.text == ")" || token.text == "}") && !state_.open.empty()) state_.open.pop_back();
  }

  void open_outside(const Token& token) {
    const Statement& s = state_.statement;
    const bool function = state_.open.empty() && s.groups > 0 && !s.assigns && !s.name.empty();
    if (!function) {
      add(token, false);
      state_.open += 't';
      return;
    }
    source_.functions.push_back({s.name, s.lines.front(), token.line});
    state_.function = static_cast<int>(source_.functions.size()) - 1;
    add(token, true);
    finish(LineKind::kSignature);
    state_.open += 'f';
  }

  // In a function.

  [[nodiscard]] bool in_expression() const {
    return state_.open.back() == '(' || state_.open.back() == 'i';
  }

  /// Whether a brace begins a block here, rather than an initialiser.
  [[nodiscard]] bool block_begins() const {
    const Statement& s = state_.statement;
    // for_each_thing(x) {
    const bool macro_loop = s.words == 1 && s.others == 0 && s.groups == 1 && s.last == ")";
    return s.lines.empty() || macro_loop;
  }

  void inside(const Token& token) {
    if (token.kind == Token::Kind::kPunct) {
      punctuation(token);
      return;
    }
    if (!in_expression() && state_.statement.lines.empty() &&
        (token.text == "else" || token.text == "do")) {
      put(token.line, LineKind::kBraces, token.line, token.line);
      return;
    }
    add(token, !in_expression());
  }

  void punctuation(const Token& token) {
    switch (token.text[0]) {
      case '(':
      case '[':
        add(token, !in_expression());
        state_.open += '(';
        break;
      case ')':
      case ']':
        close_parenthesis(token);
        break;
      case '{':
        open_brace(token);
        break;
      case '}':
        close_brace(token);
        break;
      case ';':
        add(token, !in_expression());
        if (!in_expression()) end_at_semicolon();
        break;
      case ':':
        add(token, !in_expression());
        if (!in_expression() && is_label()) finish(LineKind::kBraces);
        break;
      default:
        add(token, !in_expression());
    }
  }

  /// An empty statement is none.
  void end_at_semicolon() {
    if (state_.statement.tokens == 1) {
      for (const int line : state_.statement.lines) put(line, LineKind::kBraces, line, line);
      state_.statement = Statement();
      return;
    }
    finish(LineKind::kStatement);
  }

  [[nodiscard]] bool is_label() const {
    const Statement& s = state_.statement;
    return s.first == "case" || (s.words == 1 && s.tokens == 2 && !s.calls);
  }

  void close_parenthesis(const Token& token) {
    if (state_.open.back() == '(') state_.open.pop_back();
    add(token, !in_expression());
    if (!in_expression() && is_one_of(state_.statement.first, kControl))
      finish(LineKind::kStatement);
  }

  void open_brace(const Token& token) {
    if (in_expression() || !block_begins()) {
      add(token, !in_expression());
      state_.open += 'i';
      return;
    }
    finish(LineKind::kStatement);
    put(token.line, LineKind::kBraces, token.line, token.line);
    state_.open += 'b';
  }

  void close_brace(const Token& token) {
    while (state_.open.back() == '(') state_.open.pop_back();  // unbalanced: the brace is right
    const char closed = state_.open.back();
    state_.open.pop_back();
    if (closed == 'i') {
      add(token, !in_expression());
      return;
    }
    finish(LineKind::kStatement);
    put(token.line, LineKind::kBraces, token.line, token.line);
    if (closed != 'f') return;
    source_.functions[static_cast<size_t>(state_.function)].last = token.line;
    state_.function = -1;
  }

  Lexer lexer_;
  Source source_;
  State state_;
  std::vector<State> conditions_;
  size_t depth_ = 0;  ///< of #if, also beyond what is remembered
  bool broken_ = false;
};

}  // namespace

const SourceLine& Source::line(int number) const {
  static const SourceLine kNone;
  if (number <= 0 || static_cast<size_t>(number) >= lines.size()) return kNone;
  return lines[static_cast<size_t>(number)];
}

const Macro* Source::macro_at(int line) const {
  for (const Macro& macro : macros)
    if (line >= macro.first && line <= macro.last) return &macro;
  return nullptr;
}

Source scan_source(std::string_view text) {
  return Scanner(text).run();
}

std::vector<int> lines_with(std::string_view text, std::string_view word) {
  std::vector<int> out;
  Lexer lexer(text);
  for (Token token = lexer.next(); token.kind != Token::Kind::kEnd; token = lexer.next())
    if (token.kind == Token::Kind::kWord && token.text == word &&
        (out.empty() || out.back() != token.line))
      out.push_back(token.line);
  return out;
}

}  // namespace kiln::reach
