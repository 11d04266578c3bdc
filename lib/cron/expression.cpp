#include "lib/cron/expression.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <span>
#include <vector>

#include "lib/base/number.h"
#include "lib/base/text.h"

namespace kiln::cron {
namespace {

constexpr std::array<std::string_view, 12> kMonths{"jan", "feb", "mar", "apr", "may", "jun",
                                                   "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> kWeekdays{"sun", "mon", "tue", "wed",
                                                    "thu", "fri", "sat"};
constexpr const char* kFields = "five fields: minute hour day-of-month month day-of-week";

struct Kind {
  const char* name;
  int low, high;
  std::span<const std::string_view> names;  ///< of low, low + 1 ...
  const char* expected;
};

const std::array<Kind, 5> kKinds{{{"minute", 0, 59, {}, "0-59"},
                                  {"hour", 0, 23, {}, "0-23"},
                                  {"day of month", 1, 31, {}, "1-31"},
                                  {"month", 1, 12, kMonths, "1-12 or jan-dec"},
                                  {"day of week", 0, 7, kWeekdays, "0-7 or sun-sat"}}};

struct Macro {
  std::string_view name;
  std::string_view fields;
};
constexpr std::array<Macro, 7> kMacros{{{"@yearly", "0 0 1 1 *"},
                                        {"@annually", "0 0 1 1 *"},
                                        {"@monthly", "0 0 1 * *"},
                                        {"@weekly", "0 0 * * 0"},
                                        {"@daily", "0 0 * * *"},
                                        {"@midnight", "0 0 * * *"},
                                        {"@hourly", "0 * * * *"}}};

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

/// `begin` and `end`: what the caret marks.
Error error_at(std::string_view text, size_t begin, size_t end, std::string message,
               std::string hint) {
  Error error(ErrorKind::kBadInput, std::move(message));
  error.position = Position{"cron expression", 1, static_cast<int>(begin) + 1};
  // Bytes that are no part of an expression must not reach a terminal, and must keep the columns.
  for (const char c : text.substr(0, kMaxLength))
    error.source_line += c >= ' ' && c <= '~' ? c : c == '\t' ? ' ' : '?';
  error.span = static_cast<int>(std::max<size_t>(end, begin + 1) - begin);
  error.hint = std::move(hint);
  return error;
}

Status check_bytes(std::string_view text) {
  if (text.size() > kMaxLength)
    return fail(error_at(text, kMaxLength, kMaxLength,
                         fmt::format("a cron expression has at most {} characters", kMaxLength),
                         fmt::format("expected {}", kFields)));
  for (size_t i = 0; i < text.size(); ++i)
    if ((text[i] < ' ' || text[i] > '~') && text[i] != '\t')
      return fail(error_at(text, i, i, "this character is no part of a cron expression",
                           "expected digits, names, `*`, `,`, `-` and `/`"));
  return {};
}

/// Reads one expression from left to right.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Expression> read();

 private:
  /// Where a value begins and ends, for the caret.
  struct Value {
    int number = 0;
    bool is_name = false;
    size_t begin = 0;
  };

  [[nodiscard]] tl::unexpected<Error> refuse(size_t begin, size_t end, std::string message,
                                             std::string hint) const {
    return fail(error_at(text_, begin, end, std::move(message), std::move(hint)));
  }
  [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }
  [[nodiscard]] bool next_is(char c) const { return !at_end() && text_[at_] == c; }
  bool take(char c) {
    if (!next_is(c)) return false;
    ++at_;
    return true;
  }
  void skip_blanks() {
    while (!at_end() && is_blank(text_[at_])) ++at_;
  }
  [[nodiscard]] size_t word_end() const;

  Result<std::vector<bool>> read_field(const Kind& kind, bool* any);
  Status read_item(const Kind& kind, std::vector<bool>* out);
  Result<Value> read_value(const Kind& kind);
  Result<int> read_step(const Kind& kind);

  std::string_view text_;
  size_t at_ = 0;
};

size_t Parser::word_end() const {
  size_t end = at_;
  while (end < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[end])) != 0)) ++end;
  return end;
}

Result<Parser::Value> Parser::read_value(const Kind& kind) {
  Value value;
  value.begin = at_;
  const size_t end = word_end();
  const std::string_view word = text_.substr(at_, end - at_);
  const std::string expected = fmt::format("expected {}", kind.expected);
  if (word.empty())
    return refuse(at_, at_, fmt::format("{}: a value is missing", kind.name),
                  fmt::format("{} or `*`", expected));
  std::string_view rest = word;
  if (const auto number = take_number(rest); number && rest.empty()) {
    if (*number < static_cast<uint64_t>(kind.low) || *number > static_cast<uint64_t>(kind.high))
      return refuse(at_, end, fmt::format("{} `{}` does not exist", kind.name, word), expected);
    value.number = static_cast<int>(*number);
  } else {
    const auto found = std::find(kind.names.begin(), kind.names.end(), lower(word));
    if (found == kind.names.end())
      return refuse(at_, end, fmt::format("`{}` is no {}", word, kind.name), expected);
    value.number = kind.low + static_cast<int>(found - kind.names.begin());
    value.is_name = true;
  }
  at_ = end;
  return value;
}

/// After "/".
Result<int> Parser::read_step(const Kind& kind) {
  const size_t end = word_end();
  const std::string_view word = text_.substr(at_, end - at_);
  std::string_view rest = word;
  const auto number = take_number(rest);
  if (!number || !rest.empty() || *number < 1 || *number > static_cast<uint64_t>(kind.high))
    return refuse(at_, end, fmt::format("{}: `{}` is no step", kind.name, word),
                  fmt::format("expected 1-{}", kind.high));
  at_ = end;
  return static_cast<int>(*number);
}

Status Parser::read_item(const Kind& kind, std::vector<bool>* out) {
  int first = kind.low;
  int last = kind.high;
  int step = 1;
  const size_t begin = at_;
  if (take('*')) {
    if (take('/')) {
      KILN_ASSIGN(step, read_step(kind));
    }
  } else {
    KILN_ASSIGN(const Value from, read_value(kind));
    first = last = from.number;
    if (take('-')) {
      KILN_ASSIGN(const Value to, read_value(kind));
      last = to.number;
      // "fri-sun": the week may end with Sunday, too.
      if (to.is_name && last == 0 && first > 0 && kind.high == 7) last = 7;
      if (last < first)
        return refuse(begin, at_, fmt::format("{}: the range ends before it begins", kind.name),
                      "write it as two, with a `,`");
      if (take('/')) {
        KILN_ASSIGN(step, read_step(kind));
      }
    } else if (next_is('/')) {
      return refuse(begin, at_ + 1, fmt::format("{}: a step needs a range", kind.name),
                    fmt::format("write `{}-{}/...`", first, kind.high));
    }
  }
  for (int i = first; i <= last; i += step) (*out)[static_cast<size_t>(i)] = true;
  return {};
}

/// Which values the field names.
Result<std::vector<bool>> Parser::read_field(const Kind& kind, bool* any) {
  std::vector<bool> out(static_cast<size_t>(kind.high) + 1);
  skip_blanks();
  if (at_end())
    return refuse(at_, at_, fmt::format("the {} is missing", kind.name),
                  fmt::format("expected {}", kFields));
  *any = next_is('*');
  do {
    KILN_TRY(read_item(kind, &out));
  } while (take(','));
  if (!at_end() && !is_blank(text_[at_]))
    return refuse(at_, at_, fmt::format("{}: `{}` is not expected here", kind.name, text_[at_]),
                  "expected `,` or a blank");
  return out;
}

/// Whether any day of the calendar is named; it repeats after 400 years.
bool comes_true(const Expression& expression) {
  constexpr int kDaysOfCalendar = 146'097;
  const std::chrono::local_days first{std::chrono::year{2000} / 1 / 1};
  for (int i = 0; i < kDaysOfCalendar; ++i)
    if (expression.names_day(first + std::chrono::days{i})) return true;
  return false;
}

template <size_t N>
std::bitset<N> to_bits(const std::vector<bool>& values) {
  std::bitset<N> bits;
  for (size_t i = 0; i < values.size(); ++i)
    if (values[i]) bits.set(i % N);  // day of week 7 is 0
  return bits;
}

Result<Expression> Parser::read() {
  Expression out;
  std::array<std::vector<bool>, 5> fields;
  std::array<bool, 5> any{};
  for (size_t i = 0; i < fields.size(); ++i) {
    KILN_ASSIGN(fields[i], read_field(kKinds[i], &any[i]));
  }
  skip_blanks();
  if (!at_end())
    return refuse(at_, text_.size(), "the expression goes on after its fifth field",
                  fmt::format("expected {}", kFields));
  out.minutes = to_bits<60>(fields[0]);
  out.hours = to_bits<24>(fields[1]);
  out.days = to_bits<32>(fields[2]);
  out.months = to_bits<13>(fields[3]);
  out.weekdays = to_bits<7>(fields[4]);
  out.any_day = any[2];
  out.any_weekday = any[4];
  if (!comes_true(out))
    return refuse(0, text_.size(), "this expression never comes true",
                  "no such day of the month in these months");
  return out;
}

/// The five fields that a macro stands for. `word` is a part of `text`.
Result<std::string_view> expand(std::string_view word, std::string_view text) {
  const std::string name = lower(word);
  std::vector<std::string> names;
  for (const Macro& macro : kMacros) {
    if (macro.name == name) return macro.fields;
    names.emplace_back(macro.name);
  }
  const std::string meant = nearest(name, names);
  const auto begin = static_cast<size_t>(word.data() - text.data());
  return fail(error_at(text, begin, begin + word.size(),
                       fmt::format("`{}` is no time that cron knows", word),
                       meant.empty() ? "expected one of " + join(names, " ")
                                     : fmt::format("did you mean `{}`?", meant)));
}

}  // namespace

bool Expression::names_day(std::chrono::local_days day) const {
  const std::chrono::year_month_day date{day};
  if (!months[static_cast<unsigned>(date.month())]) return false;
  const bool day_named = days[static_cast<unsigned>(date.day())];
  const bool weekday_named = weekdays[std::chrono::weekday{day}.c_encoding()];
  return any_day || any_weekday ? day_named && weekday_named : day_named || weekday_named;
}

Result<Expression> parse(std::string_view text) {
  KILN_TRY(check_bytes(text));
  std::string_view fields = trim(text);
  if (fields.starts_with('@')) {
    KILN_ASSIGN(fields, expand(fields, text));
  } else {
    fields = text;  // columns count from its begin
  }
  KILN_ASSIGN(Expression out, Parser(fields).read());
  out.text = text;
  return out;
}

}  // namespace kiln::cron
