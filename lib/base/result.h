#pragma once
/// Errors as values. No Kiln code throws; exceptions of libraries are caught at the folder that
/// wraps the library. Thread-safety: plain values.
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

namespace kiln {

/// What the caller may do about an error; never test the text.
enum class ErrorKind {
  kBadInput,        ///< the user's input is wrong: show it with its position, exit 2
  kNotFound,        ///< the named thing does not exist
  kConflict,        ///< somebody else holds it (lock, lease); may be tried later
  kInfrastructure,  ///< machine, network, tool: never the series' fault, may be tried again
  kTimeout,         ///< a bounded wait ended
  kCancelled,       ///< a person or a shutdown asked to stop
  kNoSpace,         ///< disk or quota full
  kPermission,      ///< not allowed here
  kInternal,        ///< a defect of Kiln
};

/// "bad input", "not found", ...: the word for people.
std::string_view to_string(ErrorKind kind);

/// Place in a file that a person wrote. line and column count from 1; 0 = unknown.
struct Position {
  std::string file;
  int line = 0;
  int column = 0;
  bool operator==(const Position&) const = default;
};

/// One error: what went wrong, on what, where, and the way out.
struct Error {
  ErrorKind kind = ErrorKind::kInternal;
  std::string message;               ///< lower case, names the object, stands alone
  std::vector<std::string> context;  ///< outermost last: "while reading jobs/x.yaml"
  std::optional<Position> position;
  std::string source_line;  ///< the text of position's line, for the caret
  int span = 1;             ///< length of the marked text in source_line
  std::string hint;         ///< the mend: "did you mean `repeats`?", "run: kiln doctor"

  Error() = default;
  Error(ErrorKind k, std::string m) : kind(k), message(std::move(m)) {}
  Error&& with_hint(std::string text) && {
    hint = std::move(text);
    return std::move(*this);
  }
  Error&& at(Position where) && {
    position = std::move(where);
    return std::move(*this);
  }
  Error&& while_doing(std::string what) && {
    context.push_back(std::move(what));
    return std::move(*this);
  }
};

/// The whole error as people see it, several lines, no trailing newline (rustc's shape):
///   error: unknown field `repeat`
///    --> jobs/kmap.yaml:14:3
///   14 |   repeat: 5
///      |   ^^^^^^ did you mean `repeats`?
std::string render(const Error& error);

template <typename T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

inline tl::unexpected<Error> fail(ErrorKind kind, std::string message) {
  return tl::unexpected<Error>(Error(kind, std::move(message)));
}
inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace kiln

#define KILN_CONCAT_INNER(a, b) a##b
#define KILN_CONCAT(a, b) KILN_CONCAT_INNER(a, b)
/// Returns the error from the enclosing function, or goes on.
#define KILN_TRY(expr)                                                          \
  do {                                                                          \
    if (auto kiln_try_status = (expr); !kiln_try_status)                        \
      return tl::unexpected<::kiln::Error>(std::move(kiln_try_status).error()); \
  } while (0)
/// KILN_ASSIGN(auto x, f()): the value, or returns the error from the enclosing function.
#define KILN_ASSIGN(decl, expr) KILN_ASSIGN_IMPL(KILN_CONCAT(kiln_tmp_, __LINE__), decl, expr)
#define KILN_ASSIGN_IMPL(tmp, decl, expr)                                 \
  auto tmp = (expr);                                                      \
  if (!tmp) return tl::unexpected<::kiln::Error>(std::move(tmp).error()); \
  decl = std::move(*tmp)
