#include "lib/machine/readers.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "lib/base/text.h"
#include "lib/conf/scalar.h"
#include "lib/machine/outlets.h"

namespace kiln::machine {
namespace {

using conf::Node;
using conf::Object;
using conf::Read;
using conf::Value;

bool is_host(std::string_view text) {
  if (text.empty() || text.size() > 253 || text[0] == '-' || text[0] == '.') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == ':' || c == '%' || c == '_';
  });
}

bool is_variable(std::string_view text) {
  if (text.empty() || (text[0] >= '0' && text[0] <= '9')) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

/// A text reader with a rule of its own.
Read checked(std::string* out, std::string type, bool (*good)(std::string_view), std::string rule) {
  Read plain = conf::text(out);
  plain.type = std::move(type);
  plain.apply = [read = plain.apply, out, good,
                 rule = std::move(rule)](const Node& node) -> Status {
    KILN_TRY(read(node));
    if (good(*out)) return {};
    return fail(node.error(rule));
  };
  return plain;
}

}  // namespace

Read host(std::string* out) {
  return checked(out, "a host", is_host,
                 "a host is a name or an address, without a port: bmc-7.lab, 10.0.0.7, fe80::7");
}

Read oid(std::string* out) {
  return checked(out, "an OID", is_oid,
                 "an OID is numbers with dots between, and {outlet}, {group} or {unit} for the"
                 " machine's own");
}

Read text_map(std::map<std::string, std::string>* out) {
  return {"a map of text",
          "",
          [out](const Node& node) -> Status {
            if (node.value().type != Value::Type::kMap)
              return fail(node.wrong_type("a map of text"));
            for (const Value::Member& member : node.value().members)
              KILN_TRY(conf::text(&(*out)[member.key]).apply(node.member(member)));
            return {};
          },
          {}};
}

Read integer_list(std::vector<int>* out) {
  std::vector<std::string> words;
  for (const int each : *out) words.push_back(std::to_string(each));
  return {"a list of whole numbers",
          "[" + join(words, ", ") + "]",
          [out](const Node& node) -> Status {
            const Value& value = node.value();
            if (value.type != Value::Type::kList || value.items.empty())
              return fail(node.wrong_type("a list of whole numbers"));
            std::vector<int> numbers(value.items.size());
            for (size_t i = 0; i < numbers.size(); ++i)
              KILN_TRY(conf::integer(&numbers[i], -1'000'000, 1'000'000).apply(node.item(i)));
            *out = std::move(numbers);
            return {};
          },
          {}};
}

Read word_or_number(std::string* out) {
  return {"a number or text",
          *out,
          [out](const Node& node) -> Status {
            if (const auto number = conf::as_unsigned(node.value())) {
              *out = std::to_string(*number);
              return {};
            }
            return conf::text(out).apply(node);
          },
          {}};
}

Read choice_of(std::function<std::vector<std::string>()> names, std::function<void(size_t)> taken) {
  return {"a known name",
          "",
          [names = std::move(names), taken = std::move(taken)](const Node& node) -> Status {
            KILN_ASSIGN(const size_t index, conf::find_word(node, names()));
            taken(index);
            return {};
          },
          {}};
}

Read command(std::vector<std::string>* out) {
  return {"a list: a program and its arguments",
          "",
          [out](const Node& node) -> Status {
            KILN_TRY(conf::text_list(out).apply(node));
            if (out->empty()) return fail(node.error("names no program"));
            const std::string& program = out->front();
            if (!program.starts_with('/'))
              return fail(node.item(0).error("must be the program's whole path"));
            if (::access(program.c_str(), X_OK) != 0)
              return fail(node.item(0).error("is not there, or may not be executed",
                                             "chmod +x " + program));
            return {};
          },
          {}};
}

void add_secret(Object* table, const std::string& name, Secret* secret, bool needed) {
  const std::string file = name + "_file";
  const std::string env = name + "_env";
  table->optional(file, conf::path(&secret->file, conf::PathKind::kFile))
      .optional(env, checked(&secret->env, "a variable's name", is_variable,
                             "a variable's name has letters, digits and _"))
      .check([=](const Node& node) -> Status {
        if (!secret->file.empty() && !secret->env.empty())
          return fail(
              node.error_at_field(env, fmt::format("`{}` is given, too: one of them", file)));
        if (needed && !secret->given())
          return fail(node.error(fmt::format("field `{}` is missing", file),
                                 fmt::format("a file that only the agent's user may read, or"
                                             " `{}`: a variable in the agent's environment",
                                             env)));
        return {};
      });
}

Read by_driver(std::vector<DriverCase> cases, const std::function<void()>& reset) {
  std::vector<std::string> words;
  std::vector<conf::FieldDoc> inner;
  for (const DriverCase& each : cases) words.push_back(each.word);
  inner.push_back({".driver", conf::words_type(words), "", true});
  for (const DriverCase& each : cases)
    for (const conf::FieldDoc& field : each.table().fields())
      inner.push_back({fmt::format("({}).{}", each.word, field.name), field.type, field.fallback,
                       field.required});
  reset();
  return {
      "a map", "",
      [cases = std::move(cases), words](const Node& node) -> Status {
        if (node.value().type != Value::Type::kMap) return fail(node.wrong_type("a map"));
        const Value::Member* driver = node.find("driver");
        if (driver == nullptr)
          return fail(node.error("field `driver` is missing", "it is " + conf::words_type(words)));
        KILN_ASSIGN(const size_t index, conf::find_word(node.member(*driver), words));
        Object table = cases[index].table();
        table.required("driver", {"", "", [](const Node&) { return Status(); }, {}});
        return table.read(node);
      },
      inner};
}

}  // namespace kiln::machine
