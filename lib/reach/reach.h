#pragma once
/// For every line that a series adds or changes: was it executed, in which cell, by which test? The
/// rules are docs/reach.md's. Pure: the diff, the sources and the counts in, marks out.
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "lib/reach/gcov.h"
#include "lib/series/series.h"

namespace kiln::reach {

/// In the order of their weight: where cells differ, the greater one is the line's.
enum class Mark {
  kNone,         ///< not a changed line, or one whose place new lines have taken
  kNotCompiled,  ///< in no kernel that was measured
  kNoCode,       ///< comment, declaration, brace, preprocessor ...: nothing to execute
  kUnknown,      ///< has code, and cannot be told apart
  kNotExecuted,
  kExecuted,
};
/// "executed" ..., "" for kNone: kiln.v1.ReachLine.mark.
std::string_view to_string(Mark mark);
/// False for words that are none.
bool from_string(std::string_view word, Mark* mark);

/// Whether the path is one whose lines gcov can count.
bool is_c(std::string_view path);

/// One file of the diff from baseline to the whole series.
struct ChangedFile {
  series::FileChange change;
  std::string old_text;  ///< of baseline, "" when added
  std::string new_text;  ///< with the series, "" when deleted
};

/// What one test did to one file: counts of lines that ran.
using LineCounts = std::map<int, uint64_t>;

/// What is known of one touched file in one cell.
struct FileEvidence {
  std::vector<std::string> objects;  ///< that were built from it and measured; empty = in none
  int objects_left_out = 0;          ///< built from it, not measured
  std::set<int> code;                ///< lines that have a count, 0 included
  std::set<FunctionSpan> functions;
  LineSet compiled;                        ///< what the preprocessor left; empty = not known
  std::map<uint32_t, LineCounts> by_test;  ///< index into CellEvidence::tests
};

/// The coverage boot of one config.
struct CellEvidence {
  std::string config;
  std::vector<std::string> tests;  ///< in the order of running
  std::map<std::string, FileEvidence> files;

  /// The index of a test's name, added when new.
  uint32_t test(const std::string& name);
  /// Which lines of an object file have code.
  void know(const std::vector<FileCounts>& counts);
  /// Adds the counts of one object file while one test ran.
  void add(uint32_t test, const std::vector<FileCounts>& counts);
};

struct Input {
  std::vector<ChangedFile> files;
  /// Sources of objects that include a changed header: where its macros may be used.
  std::map<std::string, std::string> users;
  std::vector<CellEvidence> cells;
};

struct MarkedLine {
  char kind = ' ';  ///< '+' '-' ' ', or '@' for the head of a hunk
  int line = 0;     ///< in the patched file; of a removed line, the place where it was
  std::string text;
  Mark mark = Mark::kNone;
  std::vector<std::string> tests;  ///< that executed it, those that did most often first
  int test_count = 0;
  std::vector<std::string> cells;  ///< in which it was executed
  std::string function;
  std::string why;  ///< the rule, when the mark is not the line's own count
};

struct MarkedFile {
  std::string path;
  std::vector<MarkedLine> lines;
  std::string note;
};

/// A run's reach, measured or not.
struct Reach {
  std::string state;               ///< "measured" | "partly" | "not-measured"; "" = no series
  std::string why;                 ///< what is missing
  std::vector<std::string> cells;  ///< configs that were measured
  std::vector<MarkedFile> files;
  std::vector<std::string> notes;

  [[nodiscard]] int count(Mark mark) const;
};

/// Marks every line. `cells` and `files` of the result are set, state is "measured".
Reach mark_lines(const Input& input);

/// MarkedLine::why of lines that are not compiled.
inline constexpr std::string_view kInNoObject = "the file is in no object of this kernel";
inline constexpr std::string_view kLeftOut = "left out by the preprocessor";
inline constexpr std::string_view kNoFunction = "no object has its function";

inline constexpr size_t kMaxTests = 20;      ///< names kept a line
inline constexpr size_t kMaxLines = 20'000;  ///< of all files together; a note says what is left
inline constexpr size_t kMaxLineBytes = 400;

}  // namespace kiln::reach
