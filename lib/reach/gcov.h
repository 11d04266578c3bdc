#pragma once
/// What gcov and the preprocessor say of the touched files. Pure; input comes from the builder's
/// sandbox and is treated as hostile.
#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"

namespace kiln::reach {

struct FunctionSpan {
  std::string name;
  int first = 0;
  int last = 0;
  auto operator<=>(const FunctionSpan&) const = default;
};

/// One source file in one object file's counts.
struct FileCounts {
  std::string path;               ///< relative to the source's root
  std::map<int, uint64_t> lines;  ///< every line that has code, also when it never ran
  std::vector<FunctionSpan> functions;
};

/// Which files matter, and where the source's root was when it was compiled.
struct Wanted {
  std::string source_root;      ///< "/kiln/src"
  std::set<std::string> files;  ///< relative to it
};

/// What gcov says of one object file.
struct GcovAnswer {
  std::string data_file;          ///< that it was asked about
  std::vector<FileCounts> files;  ///< the wanted ones
};

/// One document of `gcov --json-format`. Errors: kBadInput.
Result<GcovAnswer> read_gcov(std::string_view json, const Wanted& wanted);

/// Lines of a file, as ranges.
class LineSet {
 public:
  void add(int line) { add(line, line); }
  void add(int first, int last);
  void add(const LineSet& other);
  [[nodiscard]] bool has(int line) const;
  /// Whether any line of [first, last] is in it.
  [[nodiscard]] bool any(int first, int last) const;
  [[nodiscard]] const std::map<int, int>& ranges() const { return ranges_; }  ///< first -> last

 private:
  std::map<int, int> ranges_;
};

/// From a compiler's `-E` output: the lines of the wanted files from which something was left for
/// the compiler.
std::map<std::string, LineSet> compiled_lines(std::string_view preprocessed, const Wanted& wanted);

}  // namespace kiln::reach
