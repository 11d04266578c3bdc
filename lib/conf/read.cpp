#include "lib/conf/read.h"

#include <fmt/format.h>

#include <algorithm>

#include "lib/base/text.h"
#include "lib/conf/scalar.h"

namespace kiln::conf {
namespace {

/// Characters to mark for a value; lists and maps are marked at their first one.
int marked_length(const Value& value) {
  if (value.type != Value::Type::kText) return 1;
  const size_t end = value.text.find('\n');
  const auto characters = static_cast<int>(std::min(end, value.text.size()));
  return characters + (value.quoted ? 2 : 0);
}

}  // namespace

std::string describe(const Value& value) {
  switch (value.type) {
    case Value::Type::kNothing:
      return "nothing";
    case Value::Type::kList:
      return "a list";
    case Value::Type::kMap:
      return "a map";
    case Value::Type::kText:
      break;
  }
  if (is_number(value)) return "a number";
  if (is_boolean(value)) return "true or false";
  return value.text.empty() ? "empty text" : "text";
}

Node Node::member(const Value::Member& member) const {
  return {document_, &member.value, name_.empty() ? member.key : name_ + "." + member.key};
}

Node Node::item(size_t index) const {
  return {document_, &value_->items[index], fmt::format("{}[{}]", name_, index)};
}

Error Node::make_error(int line, int column, int span, const std::string& message,
                       std::string hint) const {
  return document_->error_at(line, column, span,
                             name_.empty() ? message : fmt::format("`{}`: {}", name_, message),
                             std::move(hint));
}

Error Node::error(const std::string& message, std::string hint) const {
  return make_error(value_->line, value_->column, marked_length(*value_), message, std::move(hint));
}

Error Node::error_at_field(const std::string& field, const std::string& message,
                           std::string hint) const {
  const Value::Member* found = find(field);
  if (found == nullptr) return error(message, std::move(hint));
  return make_error(found->line, found->column, static_cast<int>(field.size()), message,
                    std::move(hint));
}

Error Node::wrong_type(const std::string& wanted) const {
  return error(fmt::format("expected {}, got {}", wanted, describe(*value_)));
}

const Value::Member* Node::find(const std::string& field) const {
  for (const Value::Member& member : value_->members) {
    if (member.key == field) return &member;
  }
  return nullptr;
}

Object& Object::required(std::string name, Read read) {
  fields_.push_back({std::move(name), std::move(read), true});
  return *this;
}

Object& Object::optional(std::string name, Read read) {
  fields_.push_back({std::move(name), std::move(read), false});
  return *this;
}

Object& Object::check(std::function<Status(const Node&)> check) {
  checks_.push_back(std::move(check));
  return *this;
}

Status Object::read_member(const Node& node, const Value::Member& member) const {
  std::vector<std::string> names;
  for (const Field& field : fields_) {
    if (field.name == member.key) return field.read.apply(node.member(member));
    names.push_back(field.name);
  }
  const std::string near = nearest(member.key, names);
  const std::string hint =
      near.empty() ? "valid here: " + join(names, ", ") : fmt::format("did you mean `{}`?", near);
  return fail(
      node.document().error_at(member.line, member.column, static_cast<int>(member.key.size()),
                               fmt::format("unknown field `{}`", to_valid_utf8(member.key)), hint));
}

Status Object::read(const Node& node) const {
  if (node.value().type != Value::Type::kMap) {
    if (!node.name().empty()) return fail(node.wrong_type("a map"));
    return fail(node.document().error_at(
        std::max(1, node.value().line), std::max(1, node.value().column), 1,
        fmt::format("expected a map of fields, got {}", describe(node.value()))));
  }
  for (const Value::Member& member : node.value().members) {
    KILN_TRY(read_member(node, member));
  }
  for (const Field& field : fields_) {
    if (field.required && node.find(field.name) == nullptr) {
      return fail(node.error(fmt::format("field `{}` is missing", field.name),
                             fmt::format("it is {}", field.read.type)));
    }
  }
  for (const auto& check : checks_) KILN_TRY(check(node));
  return {};
}

std::vector<FieldDoc> Object::fields() const {
  std::vector<FieldDoc> out;
  for (const Field& field : fields_) {
    out.push_back({field.name, field.read.type, field.read.fallback, field.required});
    for (const FieldDoc& inner : field.read.inner) {
      out.push_back({field.name + inner.name, inner.type, inner.fallback, inner.required});
    }
  }
  return out;
}

std::vector<FieldDoc> prefixed(const std::vector<FieldDoc>& fields, const std::string& prefix) {
  std::vector<FieldDoc> out = fields;
  for (FieldDoc& field : out) field.name = prefix + field.name;
  return out;
}

Read object(Object table) {
  const std::vector<FieldDoc> inner = prefixed(table.fields(), ".");
  return {"a map", "", [table = std::move(table)](const Node& node) { return table.read(node); },
          inner};
}

std::string words_type(const std::vector<std::string>& words) {
  std::vector<std::string> quoted;
  for (const std::string& word : words) quoted.push_back("`" + word + "`");
  return "one of " + join(quoted, ", ");
}

Result<size_t> find_word(const Node& node, const std::vector<std::string>& words) {
  if (node.value().type != Value::Type::kText) return fail(node.wrong_type(words_type(words)));
  const auto found = std::find(words.begin(), words.end(), node.value().text);
  if (found != words.end()) return static_cast<size_t>(found - words.begin());
  const std::string near = nearest(node.value().text, words);
  return fail(node.error(
      fmt::format("expected {}, got `{}`", words_type(words), to_valid_utf8(node.value().text)),
      near.empty() ? "" : fmt::format("did you mean `{}`?", near)));
}

Read one_of(std::string* out, std::vector<std::string> words) {
  return {words_type(words),
          *out,
          [out, words](const Node& node) -> Status {
            KILN_ASSIGN(const size_t index, find_word(node, words));
            *out = words[index];
            return {};
          },
          {}};
}

}  // namespace kiln::conf
