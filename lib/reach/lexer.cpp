#include "lib/reach/lexer.h"

#include <algorithm>
#include <cctype>

namespace kiln::reach {
namespace {

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$';
}

}  // namespace

bool Lexer::skip_continuation() {
  if (at() != '\\') return false;
  const size_t newline = at(1) == '\r' ? 2 : 1;
  if (at(newline) != '\n') return false;
  at_ += newline + 1;
  ++line_;
  return true;
}

bool Lexer::skip_comment() {
  if (at() != '/') return false;
  if (at(1) == '/') {
    while (at_ < text_.size() && at() != '\n')
      if (!skip_continuation()) ++at_;
    return true;
  }
  if (at(1) != '*') return false;
  at_ += 2;
  while (at_ < text_.size()) {
    if (at() == '*' && at(1) == '/') {
      at_ += 2;
      return true;
    }
    if (at() == '\n') ++line_;
    ++at_;
  }
  return true;
}

Token Lexer::directive() {
  Token token{Token::Kind::kDirective, "", line_, line_};
  while (at_ < text_.size() && at() != '\n') {
    if (skip_continuation() || skip_comment()) {
      token.text += ' ';
      continue;
    }
    token.text += at();
    ++at_;
  }
  token.last_line = line_;
  return token;
}

Token Lexer::literal() {
  const char quote = at();
  Token token{Token::Kind::kLiteral, std::string(1, quote), line_, line_};
  ++at_;
  while (at_ < text_.size() && at() != '\n') {
    if (skip_continuation()) continue;
    if (at() == '\\' && at(1) != '\n') {
      at_ += 2;
      continue;
    }
    const bool ends = at() == quote;
    ++at_;
    if (ends) break;
  }
  at_ = std::min(at_, text_.size());
  return token;
}

Token Lexer::next() {
  while (at_ < text_.size()) {
    const char c = at();
    if (c == '\n') {
      ++line_;
      ++at_;
      line_begins_ = true;
    } else if (std::isspace(static_cast<unsigned char>(c)) != 0) {
      ++at_;
    } else if (skip_continuation() || skip_comment()) {
      continue;
    } else if (c == '#' && line_begins_) {
      return directive();
    } else {
      line_begins_ = false;
      if (c == '"' || c == '\'') return literal();
      Token token{Token::Kind::kPunct, std::string(1, c), line_, line_};
      ++at_;
      if (!is_word(c)) return token;
      token.kind = Token::Kind::kWord;
      while (is_word(at())) {
        token.text += at();
        ++at_;
      }
      return token;
    }
  }
  return {Token::Kind::kEnd, "", line_, line_};
}

}  // namespace kiln::reach
