#pragma once
/// The tokens of C, with their lines. Comments vanish, directives come as one. Pure; any bytes are
/// taken, and an unfinished comment or string ends with the text.
#include <string>
#include <string_view>

namespace kiln::reach {

struct Token {
  enum class Kind {
    kWord,       ///< identifier, keyword or number
    kLiteral,    ///< string or character; `text` is its quote
    kPunct,      ///< one character
    kDirective,  ///< from its # to the end of its last continuation line, comments left out
    kEnd,
  };
  Kind kind = Kind::kEnd;
  std::string text;
  int line = 0;       ///< from 1
  int last_line = 0;  ///< of a directive
};

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}
  Token next();

 private:
  [[nodiscard]] char at(size_t offset = 0) const {
    return at_ + offset < text_.size() ? text_[at_ + offset] : '\0';
  }
  bool skip_comment();
  /// A backslash at the end of a line.
  bool skip_continuation();
  Token directive();
  Token literal();

  std::string_view text_;
  size_t at_ = 0;
  int line_ = 1;
  bool line_begins_ = true;  ///< nothing but white space so far on this line
};

}  // namespace kiln::reach
