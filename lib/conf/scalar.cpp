#include "lib/conf/scalar.h"

#include <charconv>
#include <cmath>

namespace kiln::conf {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

size_t skip_digits(std::string_view text, size_t at) {
  while (at < text.size() && is_digit(text[at])) ++at;
  return at;
}

/// [+-] digits [. digits] [e [+-] digits], with a digit before or after the point.
bool is_decimal(std::string_view text) {
  size_t at = !text.empty() && (text[0] == '+' || text[0] == '-') ? 1 : 0;
  const size_t whole = skip_digits(text, at);
  size_t digits = whole - at;
  at = whole;
  if (at < text.size() && text[at] == '.') {
    const size_t fraction = skip_digits(text, at + 1);
    digits += fraction - at - 1;
    at = fraction;
  }
  if (digits == 0) return false;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    const size_t exponent = skip_digits(text, at);
    if (exponent == at) return false;
    at = exponent;
  }
  return at == text.size();
}

template <typename T>
std::optional<T> parse_whole(const Value& value) {
  if (value.type != Value::Type::kText || value.quoted) return std::nullopt;
  T number{};
  const char* end = value.text.data() + value.text.size();
  const auto [stop, code] = std::from_chars(value.text.data(), end, number);
  if (code != std::errc() || stop != end) return std::nullopt;
  return number;
}

}  // namespace

bool is_number(const Value& value) {
  if (value.type != Value::Type::kText || value.quoted) return false;
  const std::string& text = value.text;
  return is_decimal(text) || text == ".inf" || text == "-.inf" || text == "+.inf" || text == ".nan";
}

bool is_boolean(const Value& value) {
  return value.type == Value::Type::kText && !value.quoted &&
         (value.text == "true" || value.text == "false");
}

std::optional<int64_t> as_integer(const Value& value) {
  return parse_whole<int64_t>(value);
}

std::optional<uint64_t> as_unsigned(const Value& value) {
  return parse_whole<uint64_t>(value);
}

std::optional<double> as_real(const Value& value) {
  if (value.type != Value::Type::kText || value.quoted || !is_decimal(value.text)) {
    return std::nullopt;
  }
  std::string_view text = value.text;
  if (text.starts_with('+')) text.remove_prefix(1);
  double number = 0;
  const auto [stop, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc() || stop != text.data() + text.size() || !std::isfinite(number)) {
    return std::nullopt;
  }
  return number;
}

}  // namespace kiln::conf
