#pragma once
/// A YAML file as an own tree that knows where each value stands. yaml-cpp is used to make it and
/// appears nowhere else. Thread-safety: a finished Document is constant; share it freely.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"

namespace kiln::conf {

constexpr uint64_t kMaxBytes = 1 << 20;  ///< of a file
constexpr uint64_t kMaxLine = 4 << 10;   ///< bytes; yaml-cpp's time grows with a line's square
constexpr int kMaxDepth = 32;            ///< of lists and maps inside each other
constexpr int kMaxValues = 50'000;       ///< in one file, each alias counted as what it repeats

/// One value of the file. Lines and columns count from 1, columns in characters.
struct Value {
  enum class Type {
    kNothing,  ///< `name:` with no value, `~` or `null`
    kText,     ///< also numbers, true and false: the reader decides by what is wanted
    kList,
    kMap,
  };
  struct Member;

  Type type = Type::kNothing;
  std::string text;
  bool quoted = false;  ///< written as '...', "...", | or >: never a number
  int line = 0;
  int column = 0;
  std::vector<Value> items;
  std::vector<Member> members;  ///< in the file's order, keys unique
};

/// `key: value` of a map.
struct Value::Member {
  std::string key;
  int line = 0;
  int column = 0;
  Value value;
};

/// The parsed file with its text, so that errors can show the line.
class Document {
 public:
  /// `folder`: where relative paths in the file start.
  Document(std::string file, std::string folder, std::vector<std::string> lines, Value root)
      : file_(std::move(file)),
        folder_(std::move(folder)),
        lines_(std::move(lines)),
        root_(std::move(root)) {}

  [[nodiscard]] const std::string& file() const { return file_; }
  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] const Value& root() const { return root_; }
  /// The folder that is the file's whole world: absolute paths start there and none leaves it.
  /// "" = the computer's.
  [[nodiscard]] const std::string& confines() const { return confines_; }
  void set_confines(std::string folder) { confines_ = std::move(folder); }
  /// kBadInput with position, the line's text and `span` characters marked.
  [[nodiscard]] Error error_at(int line, int column, int span, std::string message,
                               std::string hint = "") const;

 private:
  std::string file_;
  std::string folder_;
  std::string confines_{};
  std::vector<std::string> lines_;
  Value root_;
};

/// Parses YAML text; `file` is its name in errors. Refused, each with its place: not UTF-8, control
/// characters, more than kMaxBytes, a line over kMaxLine, deeper than kMaxDepth, more than
/// kMaxValues (an alias bomb), a key given twice, keys that are not text, tags, merges (`<<`),
/// aliases that contain themselves, more than one document.
Result<Document> parse(std::string file, std::string folder, std::string_view text);

/// Reads and parses a file. Errors also: not there (kNotFound), not readable, too long.
Result<Document> load(const std::string& path);

}  // namespace kiln::conf
