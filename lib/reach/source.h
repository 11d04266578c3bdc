#pragma once
/// What each line of a C file is, as far as its text tells. Not a compiler: enough to say for which
/// code a changed line stands when gcov has no count for it. Pure; any bytes are taken.
#include <string>
#include <string_view>
#include <vector>

namespace kiln::reach {

enum class LineKind {
  kEmpty,        ///< blank or comment
  kDirective,    ///< of the preprocessor, not the definition of a macro
  kMacro,        ///< of a macro's definition
  kOutside,      ///< outside of functions: data, types, prototypes
  kBraces,       ///< in a function: braces, else, do, labels
  kDeclaration,  ///< in a function: declares and does nothing
  kSignature,    ///< of a function, up to its brace
  kStatement,
};

struct SourceLine {
  LineKind kind = LineKind::kEmpty;
  int first = 0;      ///< of the statement, signature or macro that the line belongs to
  int last = 0;       ///< likewise
  int function = -1;  ///< index into Source::functions, -1 = in none
};

struct SourceFunction {
  std::string name;
  int first = 0;  ///< of its signature
  int last = 0;   ///< its closing brace
};

struct Macro {
  std::string name;
  int first = 0;
  int last = 0;
  std::vector<std::string> words;  ///< in its body
};

struct Source {
  std::vector<SourceLine> lines;  ///< lines[0] is unused
  std::vector<SourceFunction> functions;
  std::vector<Macro> macros;

  /// A line beyond the end is empty.
  [[nodiscard]] const SourceLine& line(int number) const;
  [[nodiscard]] const Macro* macro_at(int line) const;
};

Source scan_source(std::string_view text);

/// Lines on which `word` stands as code: not in comments, literals or directives.
std::vector<int> lines_with(std::string_view text, std::string_view word);

}  // namespace kiln::reach
