#pragma once
/// Reading a parsed file into variables by tables: each field has a name, a type, a default (the
/// value its variable has before reading) and a reader. Everything that is not in the table is
/// refused with its place and the nearest valid name.
///
///   Result<Pool> read_pool(const Document& document) {
///     Pool pool;
///     KILN_TRY(Object()
///                  .required("name", text(&pool.name))
///                  .optional("size", integer(&pool.size, 1, 64))
///                  .optional("wait", duration(&pool.wait, 1s, 1h))
///                  .read(Node(document)));
///     return pool;
///   }
///
/// Thread-safety: plain values; a table writes the variables it was made for.
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "lib/conf/document.h"
#include "lib/conf/units.h"

namespace kiln::conf {

/// One value on its way to a variable: where it is and how it is called. The Document must live.
class Node {
 public:
  /// The file's root.
  explicit Node(const Document& document) : document_(&document), value_(&document.root()) {}

  [[nodiscard]] const Value& value() const { return *value_; }
  [[nodiscard]] const Document& document() const { return *document_; }
  /// "tests[0].list", "" for the root.
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] Node member(const Value::Member& member) const;
  [[nodiscard]] Node item(size_t index) const;

  /// "`NAME`: MESSAGE" at the value's place.
  [[nodiscard]] Error error(const std::string& message, std::string hint = "") const;
  /// The same at the place of one of its fields' names; at the value's when there is none.
  [[nodiscard]] Error error_at_field(const std::string& field, const std::string& message,
                                     std::string hint = "") const;
  /// "`NAME`: expected WANTED, got a list"
  [[nodiscard]] Error wrong_type(const std::string& wanted) const;
  /// The member of that name, or nullptr.
  [[nodiscard]] const Value::Member* find(const std::string& field) const;

 private:
  Node(const Document* document, const Value* value, std::string name)
      : document_(document), value_(value), name_(std::move(name)) {}
  [[nodiscard]] Error make_error(int line, int column, int span, const std::string& message,
                                 std::string hint) const;

  const Document* document_;
  const Value* value_;
  std::string name_;
};

/// What a value is, for messages: "a number", "text", "a list", ...
std::string describe(const Value& value);

/// A field as its documentation must state it.
struct FieldDoc {
  std::string name;  ///< "tests[].per_test"
  std::string type;  ///< "duration"
  std::string fallback;
  bool required = false;
};

/// Whether a normalized path is the folder or below it; every path is in "".
bool is_inside(const std::filesystem::path& path, const std::filesystem::path& folder);

/// How to read one value: its type in words, the default, and the reading.
struct Read {
  std::string type;
  std::string fallback;  ///< the default as text, "" = none or empty
  std::function<Status(const Node&)> apply;
  std::vector<FieldDoc> inner;  ///< of objects and lists of objects
};

/// The table of one map.
class Object {
 public:
  Object& required(std::string name, Read read);
  Object& optional(std::string name, Read read);
  /// Called after all fields were read: for what concerns several of them.
  Object& check(std::function<Status(const Node&)> check);
  [[nodiscard]] Status read(const Node& node) const;
  [[nodiscard]] std::vector<FieldDoc> fields() const;

 private:
  struct Field {
    std::string name;
    Read read;
    bool required = false;
  };
  [[nodiscard]] Status read_member(const Node& node, const Value::Member& member) const;

  std::vector<Field> fields_;
  std::vector<std::function<Status(const Node&)>> checks_;
};

// Readers. Each keeps a pointer to its variable and takes the default's text from it when made.

/// Not empty, one line. A plain number, true or false is refused: it must be quoted.
Read text(std::string* out);
/// A name: lower-case letters, digits and '-', at most 64, beginning with a letter or digit.
Read name(std::string* out);
Read text_list(std::vector<std::string>* out);
Read boolean(bool* out);
Read integer(int* out, int low, int high);
Read integer64(uint64_t* out, uint64_t high);
Read real(double* out, double low, double high);
Read duration(Millis* out, Millis low, Millis high);
Read size(uint64_t* out, uint64_t low, uint64_t high);

/// What a path must be.
enum class PathKind { kFile, kFolder, kFileOrFolder, kAny };
/// Made absolute, relative ones from the document's folder; checked to exist unless kAny.
Read path(std::string* out, PathKind kind);

/// One of the words.
Read one_of(std::string* out, std::vector<std::string> words);

/// One of the words, each with its enumerator.
template <typename Enum>
Read choice(Enum* out, std::vector<std::pair<std::string, Enum>> words);

/// A map read by its own table.
Read object(Object table);

/// A list of maps; `table` makes the table for one new element.
template <typename T>
Read list_of(std::vector<T>* out, std::function<Object(T*)> table);

// Details.

Result<size_t> find_word(const Node& node, const std::vector<std::string>& words);
std::string words_type(const std::vector<std::string>& words);
std::vector<FieldDoc> prefixed(const std::vector<FieldDoc>& fields, const std::string& prefix);

template <typename Enum>
Read choice(Enum* out, std::vector<std::pair<std::string, Enum>> words) {
  std::vector<std::string> names;
  std::string fallback;
  for (const auto& [word, value] : words) {
    names.push_back(word);
    if (value == *out) fallback = word;
  }
  return {words_type(names),
          fallback,
          [out, words = std::move(words), names](const Node& node) -> Status {
            KILN_ASSIGN(const size_t index, find_word(node, names));
            *out = words[index].second;
            return {};
          },
          {}};
}

template <typename T>
Read list_of(std::vector<T>* out, std::function<Object(T*)> table) {
  T sample{};
  const std::vector<FieldDoc> inner = prefixed(table(&sample).fields(), "[].");
  return {"a list of maps", "",
          [out, table = std::move(table)](const Node& node) -> Status {
            if (node.value().type != Value::Type::kList) {
              return fail(node.wrong_type("a list of maps"));
            }
            std::vector<T> items(node.value().items.size());
            for (size_t i = 0; i < items.size(); ++i) {
              KILN_TRY(table(&items[i]).read(node.item(i)));
            }
            *out = std::move(items);
            return {};
          },
          inner};
}

}  // namespace kiln::conf
